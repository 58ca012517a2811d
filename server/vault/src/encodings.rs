//! The forms in which a secret may turn up in output: what tools make of it on the way.
//!
//! Plain, base64, hexadecimal, percent-encoded, JSON-escaped, shell-quoted; also each longer line of a
//! secret of several lines, since programs print, indent and prefix line by line.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::mem;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroize;

/// A shorter secret is not redacted: it would mask half of every log and is no secret anyway.
pub(crate) const MIN_SECRET_BYTES: usize = 4;

/// A shorter line of a longer secret is not redacted by itself: `}` or `EOF` is no secret.
const MIN_LINE_BYTES: usize = 8;

/// A longer secret is sought plain and in base64 only; all forms of it would take tens of megabytes.
const ALL_FORMS_BYTES: usize = 16 * 1024;

/// The widths at which `base64` (76, RFC 2045) and `openssl` (64, RFC 7468) break lines.
const BASE64_COLUMNS: [usize; 2] = [64, 76];

/// What stays as it is in RFC 3986.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The ways of percent-encoding in use: everything, RFC 3986, Python's `quote`, JavaScript's
/// `encodeURIComponent` and `encodeURI`, HTML forms.
const PERCENT_SETS: [&AsciiSet; 6] = [
    NON_ALPHANUMERIC,
    UNRESERVED,
    &UNRESERVED.remove(b'/'),
    ENCODE_URI_COMPONENT,
    &ENCODE_URI_COMPONENT
        .remove(b';')
        .remove(b'/')
        .remove(b'?')
        .remove(b':')
        .remove(b'@')
        .remove(b'&')
        .remove(b'=')
        .remove(b'+')
        .remove(b'$')
        .remove(b',')
        .remove(b'#'),
    &UNRESERVED.remove(b'*').add(b'~'),
];

const ENCODE_URI_COMPONENT: &AsciiSet = &UNRESERVED.remove(b'!').remove(b'*').remove(b'\'').remove(b'(').remove(b')');

/// Every form of every secret, each once; wiped when dropped.
#[derive(Default)]
pub(crate) struct Forms(BTreeSet<String>);

impl Forms {
    /// The forms of these secrets; empty when none of them is long enough.
    pub(crate) fn of(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let mut forms = Self::default();
        for secret in secrets {
            forms.add_secret(secret.expose_secret());
        }
        forms
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    fn add_secret(&mut self, secret: &str) {
        let all_forms = secret.len() <= ALL_FORMS_BYTES;
        // `$(…)`, YAML and forms strip the white space that an editor or a paste left around it, and a
        // form that began with a space would hold back every prompt that ends with one.
        let trimmed = secret.trim();
        if trimmed.len() < MIN_SECRET_BYTES {
            return;
        }
        self.add_forms(trimmed, all_forms);
        self.add_base64(secret.as_bytes());
        if secret.contains(['\n', '\r']) {
            for line in secret.split(['\n', '\r']).map(str::trim) {
                // "-----BEGIN PRIVATE KEY-----" is in every key and in every text about keys.
                if line.len() >= MIN_LINE_BYTES && !line.starts_with("-----") {
                    self.add_forms(line, all_forms);
                }
            }
        }
    }

    fn add_forms(&mut self, secret: &str, all_forms: bool) {
        self.add(secret.to_owned());
        self.add_base64(secret.as_bytes());
        if all_forms {
            self.add_hex(secret.as_bytes());
            self.add_percent(secret);
            self.add_json(secret);
            self.add_shell(secret);
        }
    }

    fn add(&mut self, mut form: String) {
        // The inner part of a short secret's base64 can be shorter than the secret.
        if form.len() < MIN_SECRET_BYTES || self.0.contains(&form) {
            form.zeroize();
        } else {
            self.0.insert(form);
        }
    }

    /// Base64 by itself, with and without padding, broken into lines or not; and inside something
    /// longer: of the encoding of `…secret…` the characters that depend on the secret alone, which
    /// differ with the number of bytes before it modulo 3.
    fn add_base64(&mut self, secret: &[u8]) {
        for engine in [&BASE64_STANDARD, &BASE64_URL_SAFE] {
            let whole = engine.encode(secret);
            self.add(whole.trim_end_matches('=').to_owned());
            for columns in BASE64_COLUMNS {
                for line in whole.as_bytes().chunks(columns) {
                    self.add(String::from_utf8_lossy(line).into_owned());
                }
            }
            self.add(whole);
            for before in 0..3 {
                let mut shifted = vec![0; before];
                shifted.extend_from_slice(secret);
                let encoded = engine.encode(&shifted);
                // A character holds six bits: from the first that begins in the secret to the last
                // that ends in it.
                let inner = &encoded[(before * 8).div_ceil(6)..shifted.len() * 8 / 6];
                self.add(inner.to_owned());
                if before == 0 {
                    for columns in BASE64_COLUMNS {
                        for line in inner.as_bytes().chunks(columns) {
                            self.add(String::from_utf8_lossy(line).into_owned());
                        }
                    }
                }
                shifted.zeroize();
            }
        }
    }

    fn add_hex(&mut self, secret: &[u8]) {
        self.add(hex::encode(secret));
        self.add(hex::encode_upper(secret));
    }

    fn add_percent(&mut self, secret: &str) {
        for set in PERCENT_SETS {
            let upper = utf8_percent_encode(secret, set).to_string();
            let lower = lower_case_percent(&upper);
            // HTML forms write a space as a plus sign.
            self.add(upper.replace("%20", "+"));
            self.add(lower.replace("%20", "+"));
            self.add(upper);
            self.add(lower);
        }
    }

    /// As serde and most others have it; with `\/` as PHP; with `<`, `>` and `&` as Go; ASCII only as
    /// Python; and JSON within JSON, as structured logs hold it.
    fn add_json(&mut self, secret: &str) {
        let plain = json_escaped(secret);
        let ascii = json_ascii(&plain);
        self.add(plain.replace('/', "\\/"));
        self.add(ascii.replace('/', "\\/"));
        self.add(json_html(&plain));
        self.add(json_escaped(&plain));
        self.add(json_escaped(&ascii));
        self.add(ascii);
        self.add(plain);
    }

    /// Inside single quotes (`'"'"'` and `'\''` for a quote), inside double quotes, after `printf %q`,
    /// inside `$'…'`.
    fn add_shell(&mut self, secret: &str) {
        self.add(secret.replace('\'', r#"'"'"'"#));
        self.add(secret.replace('\'', r"'\''"));
        self.add(backslashed(secret, r#"\"$`"#));
        self.add(backslashed(secret, " \t'\"\\|&;()<>!{}*[]?^$`,#~"));
        let ansi_c = backslashed(secret, r"\'");
        self.add(ansi_c.replace('\n', r"\n").replace('\r', r"\r").replace('\t', r"\t"));
    }
}

impl Drop for Forms {
    fn drop(&mut self) {
        for mut form in mem::take(&mut self.0) {
            form.zeroize();
        }
    }
}

fn backslashed(text: &str, special: &str) -> String {
    let mut escaped = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        if special.contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

fn lower_case_percent(encoded: &str) -> String {
    let mut lower = String::with_capacity(encoded.len());
    let mut digits = 0;
    for character in encoded.chars() {
        lower.push(if digits > 0 { character.to_ascii_lowercase() } else { character });
        digits = if character == '%' { 2 } else { digits - digits.min(1) };
    }
    lower
}

fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn json_html(escaped: &str) -> String {
    escaped.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn json_ascii(escaped: &str) -> String {
    let mut ascii = String::with_capacity(escaped.len());
    let mut units = [0; 2];
    for character in escaped.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(secret: &str, expected: &[&str]) {
        let forms = Forms::of([SecretString::from(secret)]);
        for form in expected {
            assert!(forms.0.contains(*form), "{form:?} is not among {:#?}", forms.0);
        }
    }

    #[test]
    fn base64_is_known_whole_and_at_each_offset() {
        // printf … | base64, with 0, 1 and 2 bytes before the secret and one after.
        check("hunter2!", &["hunter2!", "aHVudGVyMiE=", "aHVudGVyMiE", "aHVudGVyMi"]);
        check("hunter2!", &["h1bnRlcjIh", "odW50ZXIyI"]);
        check("?>?>?>", &["Pz4/Pj8+", "Pz4_Pj8-"]);
    }

    #[test]
    fn base64_of_a_long_secret_is_known_line_by_line() {
        let secret = "0123456789".repeat(9);
        let whole = BASE64_STANDARD.encode(&secret);
        check(&secret, &[&whole[..64], &whole[..76], &whole[76..]]);
    }

    #[test]
    fn hexadecimal_is_known_in_both_cases() {
        check("J0K:~", &["4a304b3a7e", "4A304B3A7E"]);
    }

    #[test]
    fn percent_encoding_is_known_as_the_common_tools_write_it() {
        check(
            "a b/c?ü*~'",
            &[
                "a%20b%2Fc%3F%C3%BC%2A~%27",
                "a%20b%2fc%3f%c3%bc%2a~%27",
                "a%20b/c%3F%C3%BC%2A~%27",
                "a%20b%2Fc%3F%C3%BC*~'",
                "a%20b/c?%C3%BC*~'",
                "a+b%2Fc%3F%C3%BC*%7E%27",
            ],
        );
    }

    #[test]
    fn json_is_known_as_the_common_libraries_write_it() {
        check(
            "a\"b\\c\n</é\u{1F511}",
            &[
                "a\\\"b\\\\c\\n</é\u{1F511}",
                "a\\\"b\\\\c\\n<\\/é\u{1F511}",
                "a\\\"b\\\\c\\n\\u003c/é\u{1F511}",
                "a\\\"b\\\\c\\n</\\u00e9\\ud83d\\udd11",
                "a\\\\\\\"b\\\\\\\\c\\\\n</é\u{1F511}",
            ],
        );
    }

    #[test]
    fn shell_quoting_is_known_in_its_kinds() {
        check("it's $5 \\o", &[r#"it'"'"'s $5 \o"#, r"it'\''s $5 \o", r"it's \$5 \\o", r"it\'s\ \$5\ \\o", r"it\'s $5 \\o"]);
    }

    #[test]
    fn white_space_around_a_secret_does_not_matter() {
        check("  hunter2\n", &["hunter2", "ICBodW50ZXIyCg=="]);
        let forms = Forms::of([SecretString::from("  hunter2\n")]);
        assert!(forms.iter().all(|form| form == form.trim()));
    }

    #[test]
    fn lines_of_a_key_are_known_but_its_frame_is_not() {
        let key = "-----BEGIN KEY-----\r\nMIIEvQIBADAN\r\nBgkq\r\n-----END KEY-----\r\n";
        check(key, &[key.trim(), "MIIEvQIBADAN", "4d494945765149424144414e"]);
        let forms = Forms::of([SecretString::from(key)]);
        assert!(!forms.0.contains("-----BEGIN KEY-----"));
        assert!(!forms.0.contains("Bgkq"));
    }

    #[test]
    fn secrets_under_four_bytes_have_no_forms() {
        let short = ["", "abc", "    ", "  abc\n"].map(SecretString::from);
        assert!(Forms::of(short).is_empty());
    }

    #[test]
    fn a_very_long_secret_is_sought_plain_and_in_base64_only() {
        let secret = "0123456789abcdef".repeat(1025);
        check(&secret, &[&secret, &BASE64_STANDARD.encode(&secret)]);
        let forms = Forms::of([SecretString::from(secret.as_str())]);
        assert!(!forms.0.contains(&hex::encode(&secret)));
    }
}
