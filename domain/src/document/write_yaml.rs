//! YAML as a person would write it: scripts as blocks of lines, words without quotation marks, everything else quoted.

use std::fmt::Write;

use serde_json::Value;

/// What stands at the top, for who finds the file.
const HEAD: &str = "# A runbook. Import it into Runbook Studio, or keep it beside the code that it is about.\n";
/// The longest key that may stand before its colon (YAML 1.2.2, section 7.4.2), with room for escapes.
const MAX_KEY: usize = 150;

/// A whole document.
pub fn document(value: &Value) -> String {
    let mut text = HEAD.to_owned();
    match value {
        Value::Object(map) if !map.is_empty() => entries(map, 0, &mut text),
        other => {
            scalar(other, 0, &mut text);
            text.push('\n');
        }
    }
    text
}

/// The members of an object, each on a line of its own; the first one stands where the text is.
fn entries(map: &serde_json::Map<String, Value>, indent: usize, text: &mut String) {
    for (index, (key, value)) in map.iter().enumerate() {
        if index > 0 {
            margin(indent, text);
        }
        if key.len() > MAX_KEY {
            text.push_str("? ");
            text.push_str(&quoted(key));
            text.push('\n');
            margin(indent, text);
        } else {
            text.push_str(&word(key).unwrap_or_else(|| quoted(key)));
        }
        text.push(':');
        match value {
            Value::Object(map) if !map.is_empty() => {
                text.push('\n');
                margin(indent + 2, text);
                entries(map, indent + 2, text);
            }
            Value::Array(items) if !items.is_empty() => {
                text.push('\n');
                list(items, indent + 2, text);
            }
            other => {
                text.push(' ');
                scalar(other, indent + 2, text);
                text.push('\n');
            }
        }
    }
}

fn list(items: &[Value], indent: usize, text: &mut String) {
    for item in items {
        margin(indent, text);
        match item {
            Value::Object(map) if !map.is_empty() => {
                text.push_str("- ");
                entries(map, indent + 2, text);
            }
            Value::Array(items) if !items.is_empty() => {
                text.push_str("-\n");
                list(items, indent + 2, text);
            }
            other => {
                text.push_str("- ");
                scalar(other, indent + 2, text);
                text.push('\n');
            }
        }
    }
}

fn margin(indent: usize, text: &mut String) {
    text.extend(std::iter::repeat_n(' ', indent));
}

/// Anything that stands behind its key; lines that follow are set in by `indent`.
fn scalar(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::String(value) => match lines(value, indent) {
            Some(block) => text.push_str(&block),
            None => text.push_str(&word(value).unwrap_or_else(|| quoted(value))),
        },
        // Numbers, true, false, null, [] and {} are written alike in JSON and in YAML.
        other => _ = write!(text, "{other}"),
    }
}

/// A text as a block of lines, where each of them would be read as it is.
fn lines(value: &str, indent: usize) -> Option<String> {
    let body = value.trim_end_matches('\n');
    let ends = value.len() - body.len();
    let is_plain = |c: char| c == '\n' || c == '\t' || !(c.is_control() || is_invisible(c));
    let odd = |line: &str| !line.is_empty() && line.trim().is_empty();
    if !body.contains('\n') && ends == 0
        || body.is_empty()
        || body.starts_with([' ', '\t', '\n'])
        || ends > 1
        || !value.chars().all(is_plain)
        || body.lines().any(odd)
    {
        return None;
    }
    let mut block = if ends == 0 { "|-".to_owned() } else { "|".to_owned() };
    for line in body.split('\n') {
        block.push('\n');
        if !line.is_empty() {
            margin(indent, &mut block);
            block.push_str(line);
        }
    }
    Some(block)
}

/// A text that needs no quotation marks: nothing in it means anything to YAML, 1.1 or 1.2.
fn word(value: &str) -> Option<String> {
    let first = value.chars().next()?;
    let is_safe = |c: char| c.is_ascii_alphanumeric() || c.is_alphabetic() || "_ ./@+-,()'".contains(c);
    let means_something = matches!(
        value.to_ascii_lowercase().as_str(),
        "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "inf" | "nan"
    );
    let is_word = (first.is_alphabetic() || first == '_' || first == '/')
        && value.len() <= 1_000
        && value.chars().all(is_safe)
        && !value.ends_with(' ')
        && !means_something;
    is_word.then(|| value.to_owned())
}

fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            c if c.is_control() || is_invisible(c) => _ = write!(text, "\\U{:08x}", u32::from(c)),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// What is no control character and yet not to be seen, or ends a line for some readers.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_runbook_reads_like_what_a_person_would_write() {
        let value = json!({
            "title": "Restart the queue",
            "tags": ["queue", "on"],
            "blocks": [
                { "type": "command", "config": { "command": "set -eu\n\necho hi\n", "env": { "A": "b: c", "B": "" } } },
                { "type": "timer", "config": { "duration": "1m 30s" } },
                { "config": { "nested_blocks": [], "body": [1.5, null, [true]] } }
            ]
        });
        let expected = r#"title: Restart the queue
tags:
  - queue
  - "on"
blocks:
  - type: command
    config:
      command: |
        set -eu

        echo hi
      env:
        A: "b: c"
        B: ""
  - type: timer
    config:
      duration: "1m 30s"
  - config:
      nested_blocks: []
      body:
        - 1.5
        - null
        -
          - true
"#;
        assert_eq!(document(&value).strip_prefix(HEAD), Some(expected));
    }
}
