//! What texts look like, as regular expressions that JSON Schema (ECMA-262 with the flag `u`) and Rust read alike: for the document of
//! the API. The rules themselves are written in Rust; the tests below hold each pattern against its rule.
//!
//! A pattern is anchored, and white space around stands in it where the rule takes it away. Where letters of every script are meant
//! there are two: the exact one, and a little wider one for readers that know no `\p{…}`. A text fits both.

macro_rules! white {
    () => {
        r"[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
    };
}

macro_rules! no_edge {
    () => {
        r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
    };
}

macro_rules! around {
    ($pattern:expr) => {
        concat!("^", white!(), "*", $pattern, white!(), "*$")
    };
}

/// A letter or digit, and beyond ASCII anything that might be one: not the `İ`, whose small letter is two characters.
macro_rules! first {
    () => {
        r"[^\u0000-/:-@\[-`{-\u00a9\u0130]"
    };
}

macro_rules! tag {
    () => {
        r"[\p{Alphabetic}\p{N}](?:[\p{Alphabetic}\p{N} _.:/\-]{0,38}[\p{Alphabetic}\p{N}_.:/\-])?"
    };
}

macro_rules! rough_tag {
    () => {
        r"[^\u0000-/:-@\[-`{-\u00a9\u0130](?:[^\u0000-\u001f!-,;-@\[-\^`{-\u00a9\u0130]{0,38}[^\u0000- !-,;-@\[-\^`{-\u00a9\u0130])?"
    };
}

/// A character of white space.
pub const WHITE: &str = white!();
/// Nothing but white space, or nothing at all.
pub const BLANK: &str = concat!("^", white!(), "*$");
/// Anything without the NUL character, which ends texts early in every C program behind us.
pub const TEXT: &str = r"^[^\u0000]*$";
/// The same, and more than white space.
pub const NOT_BLANK: &str = r"^[^\u0000]*[^\u0000\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000][^\u0000]*$";
/// One line that is not blank.
pub const LINE: &str = around!(concat!(no_edge!(), r"(?:[^\u0000-\u001f\u007f-\u009f]*", no_edge!(), ")?"));
/// The name of a parameter, a captured value or an environment variable: see [`crate::block::is_identifier`].
pub const IDENTIFIER: &str = "^[A-Za-z_][A-Za-z0-9_]{0,63}$";
/// See [`crate::Username::parse`].
pub const USERNAME: [&str; 2] = [
    around!(r"[\p{Alphabetic}\p{N}][\p{Alphabetic}\p{N}._@+\-]{1,63}"),
    around!(concat!(first!(), r"[^\u0000-*,/:-?\[-\^`{-\u00a9\u0130]{1,63}")),
];
/// See [`crate::credential::parse_name`].
pub const NAME: [&str; 2] = [
    around!(r"[\p{Alphabetic}\p{N}](?:[\p{Alphabetic}\p{N} ._/\-]{0,98}[\p{Alphabetic}\p{N}._/\-])?"),
    around!(r"[^\u0000-/:-@\[-`{-\u00a9](?:[^\u0000-\u001f!-,:-@\[-\^`{-\u00a9]{0,98}[^\u0000- !-,:-@\[-\^`{-\u00a9])?"),
];
/// A tag of a runbook or host.
pub const TAG: [&str; 2] = [around!(tag!()), around!(rough_tag!())];
/// A tag that stands for hosts, where a block may name one.
pub const HOST_TAG: [&str; 2] =
    [concat!("^tag:", white!(), "*", tag!(), white!(), "*$"), concat!("^tag:", white!(), "*", rough_tag!(), white!(), "*$")];
/// The name of a host, but that it does not begin with `tag:` and has at most 253 characters: see [`crate::host::is_name`].
pub const HOST_NAME: &str = r"^[A-Za-z0-9](?:\.?[A-Za-z0-9_:\-])*\.?$";
/// The same, where white space around is taken away.
pub const HOST_NAME_LINE: &str = around!(r"[A-Za-z0-9](?:\.?[A-Za-z0-9_:\-])*\.?");
/// A name of the DNS or an address; the numbers of an address are not looked at.
pub const ADDRESS: &str = around!(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_])?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)");
/// Whom commands run as on a host, but that it has at most 256 bytes.
pub const HOST_USER: &str = around!(concat!(
    r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000:@\-]",
    r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000:@]*"
));
/// The line of a public key, but for what is inside of it: see [`crate::host::key_line`].
pub const HOST_KEY: &str = around!(concat!(
    r"[^\u0000-\u0020\u007f-\u00a0]+",
    white!(),
    r"+[A-Za-z0-9+/]+={0,2}(?:",
    white!(),
    r"[^\u0000-\u0008\u000a-\u001f\u007f-\u009f]*)?"
));
/// A span of time as a text, but that it is no longer than 30 days: see [`crate::Seconds::parse`].
pub const DURATION: &str = around!(concat!(
    r"(?:[+\-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+\-]?[0-9]+)?",
    r"|(?:[0-9.]+",
    white!(),
    "*(?:ms|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)",
    white!(),
    "*)+)"
));
/// The name of a header (RFC 9110, 5.6.2).
pub const TOKEN: &str = r"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$";
/// The value of a header: no line ends or other control characters but the tab.
pub const HEADER_VALUE: &str = r"^[^\u0000-\u0008\u000a-\u001f\u007f-\u009f]*$";
/// The address of an API call, but that it holds spaces in templates alone.
pub const URL: &str = r"^(?:https?://|\{\{)[^\u0000-\u001f\u007f-\u009f]*$";
/// The head of an audit trail: see [`crate::AuditHead`].
pub const AUDIT_HEAD: &str = around!("[0-9]{1,19}:[0-9A-Fa-f]{64}");

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::HashMap;

    use proptest::prelude::*;
    use regex::{Regex, RegexBuilder};
    use serde_json::json;

    use super::*;
    use crate::block::is_identifier;
    use crate::credential::parse_name;
    use crate::host::{is_name, key_line};
    use crate::{AuditHead, HostDraft, RunbookDraft, Seconds, Username};

    thread_local! {
        static READ: RefCell<HashMap<&'static str, Regex>> = RefCell::default();
    }

    fn fits(pattern: &'static str, text: &str) -> bool {
        let read = || RegexBuilder::new(pattern).size_limit(100 << 20).build().expect("a pattern");
        READ.with_borrow_mut(|known| known.entry(pattern).or_insert_with(read).is_match(text))
    }

    fn fits_all(patterns: [&'static str; 2], text: &str) -> bool {
        patterns.into_iter().all(|pattern| fits(pattern, text))
    }

    /// Texts of characters that mean something to one of the rules, and any others.
    fn texts() -> impl Strategy<Value = String> {
        let near = prop::sample::select(
            " \t\n\u{85}\u{a0}\u{2003}\0\u{1f}aZ0._-@+:/%,äİßλ字٣²ªⓐ€\u{345}\u{feff}\u{1d49c}".chars().collect::<Vec<_>>(),
        );
        prop_oneof![
            prop::collection::vec(near, 0..6).prop_map(|some| some.into_iter().collect::<String>()),
            any::<String>(),
            "[ \t]{0,2}[a-zà-ÿ0-9][ a-z0-9._-]{0,110}[ \t]{0,2}",
            "(tag: ?)?[a-z0-9:._-]{0,260}",
            "[+-]?[0-9.]{0,4}(e[0-9])? {0,2}(ms|s|min|days|x)?",
            "[0-9]{1,21}:[0-9a-g]{63,65}",
        ]
    }

    fn host(field: &str, text: &str) -> bool {
        let mut host = json!({ "name": "web-1", "address": "192.0.2.1", "user": "deploy" });
        host[field] = text.into();
        HostDraft::parse(&host).is_ok()
    }

    fn runbook(field: &str, value: serde_json::Value) -> bool {
        let mut draft = json!({ "title": "A title" });
        draft[field] = value;
        RunbookDraft::parse(&draft).is_ok()
    }

    fn command(field: &str, value: serde_json::Value) -> bool {
        let mut config = json!({ "command": "true" });
        config[field] = value;
        runbook("blocks", json!([{ "type": "command", "config": config }]))
    }

    fn api(field: &str, value: serde_json::Value) -> bool {
        let mut config = json!({ "method": "GET", "url": "http://h/" });
        config[field] = value;
        runbook("blocks", json!([{ "type": "api", "config": config }]))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_pattern_says_what_its_rule_says(text in texts()) {
            let short = |most: usize| text.trim().chars().count() <= most;
            prop_assert_eq!(fits(BLANK, &text), text.trim().is_empty());
            prop_assert_eq!(fits(NOT_BLANK, &text), !text.trim().is_empty() && !text.contains('\0'));
            prop_assert_eq!(fits(LINE, &text) && short(200), runbook("title", json!(text)));
            prop_assert_eq!(fits(IDENTIFIER, &text), is_identifier(&text));
            prop_assert_eq!(fits_all(USERNAME, &text), Username::parse(&text).is_ok());
            prop_assert_eq!(fits_all(NAME, &text), parse_name(&text).is_ok());
            prop_assert_eq!(fits_all(TAG, &text), runbook("tags", json!([text])));
            let is_host = text.len() <= 253 && !text.starts_with("tag:") && fits(HOST_NAME, &text);
            prop_assert_eq!(is_host, is_name(&text));
            prop_assert_eq!(is_host || text.is_empty() || fits_all(HOST_TAG, &text), command("host", json!(text)));
            let trimmed = text.trim();
            let is_line = trimmed.len() <= 253 && !trimmed.starts_with("tag:") && fits(HOST_NAME_LINE, &text);
            let is_local = trimmed.eq_ignore_ascii_case("local");
            prop_assert_eq!(is_line && !is_local, host("name", &text));
            prop_assert_eq!(fits(HOST_USER, &text) && trimmed.len() <= 256, host("user", &text));
            prop_assert_eq!(fits(TOKEN, &text), api("headers", json!({ (text.as_str()): "x" })));
            prop_assert_eq!(fits(HEADER_VALUE, &text), api("headers", json!({ "x": text })));
        }

        #[test]
        fn what_a_rule_accepts_fits_its_pattern(text in texts(), number: f64) {
            for text in [text.clone(), number.to_string(), format!("{number:e}"), format!("http://{text}"), format!("{{{{{text}")] {
                prop_assert!(fits(DURATION, &text) || Seconds::parse(&text).is_none());
                prop_assert!(fits(ADDRESS, &text) || !host("address", &text));
                prop_assert!(fits(URL, &text) || !api("url", json!(text)));
                prop_assert_eq!(fits(AUDIT_HEAD, &text), text.parse::<AuditHead>().is_ok());
                prop_assert!(fits(HOST_KEY, &text) || key_line(&text).is_none());
            }
        }
    }

    #[test]
    fn keys_and_addresses_fit_their_patterns() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
        for text in [key, &format!("  {key}\tann@example.org two words\n")] {
            assert!(fits(HOST_KEY, text) && key_line(text).is_some(), "{text}");
        }
        for text in ["::1", "::ffff:192.0.2.1", "2001:db8::1", "192.0.2.1", "db-1.example.net", "a_b", "x"] {
            assert!(fits(ADDRESS, text) && host("address", text), "{text}");
        }
        for text in ["-a", "a b", "a:b@c", "/etc", ""] {
            assert!(!fits(ADDRESS, text) && !host("address", text), "{text}");
        }
    }
}
