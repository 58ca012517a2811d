//! Lists and values as lines of text, and back.

use domain::block::{Capture, CaptureFrom};
use serde_json::{Value, json};

pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn number(text: &str) -> Value {
    text.trim().parse::<i64>().map_or_else(|_| Value::from(text), Value::from)
}

pub(super) fn numbers_text(numbers: &[impl ToString]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// One place as a text, several as a list.
pub(super) fn places(text: &str) -> Value {
    let mut places = text.split(',').map(str::trim).filter(|place| !place.is_empty());
    match (places.next(), places.next()) {
        (None, _) => Value::from(text.trim()),
        (Some(one), None) => Value::from(one),
        (Some(one), Some(other)) => [one, other].into_iter().chain(places).collect(),
    }
}

pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim().is_empty())
}

/// A value that a line cannot hold as it is becomes a JSON text.
pub(super) fn pairs_text(pairs: &[(String, String)], separator: &str) -> String {
    let line = |(name, value): &(String, String)| {
        let quoted = value.contains(['\n', '\r']) || value.starts_with('"') || value.trim() != value;
        let value = if quoted { Value::from(value.as_str()).to_string() } else { value.clone() };
        format!("{name}{separator}{value}")
    };
    pairs.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A line without a separator has no value, which the domain reports.
pub(super) fn pairs(text: &str, separator: char) -> Vec<(String, Value)> {
    let pair = |line: &str| match line.split_once(separator) {
        None => (line.trim().to_owned(), Value::Null),
        Some((name, value)) => {
            let value = value.trim();
            let quoted = value.starts_with('"').then(|| serde_json::from_str::<String>(value).ok()).flatten();
            (name.trim().to_owned(), Value::from(quoted.unwrap_or_else(|| value.to_owned())))
        }
    };
    lines(text).map(pair).collect()
}

pub(super) fn credential_use(line: &str) -> Value {
    let parts = line.split_once('=').and_then(|(how, credential)| {
        let (by, name) = how.trim().split_once(' ')?;
        matches!(by, "env" | "file").then(|| json!({ "credential": credential.trim(), by: name.trim() }))
    });
    parts.unwrap_or_else(|| Value::from(line))
}

pub(super) fn captures_text(captures: &[Capture]) -> String {
    let line = |capture: &Capture| {
        let from = match capture.from {
            CaptureFrom::Stdout => "stdout",
            CaptureFrom::Body => "body",
            CaptureFrom::Status => "status",
            CaptureFrom::Header => "header",
        };
        let how = match (&capture.regex, &capture.json_path) {
            (Some(regex), _) => format!(" regex {}", regex.replace('\n', "\\n")),
            (None, Some(path)) => format!(" json_path {path}"),
            (None, None) => String::new(),
        };
        format!("{} = {from}{how}", capture.name)
    };
    captures.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub(super) fn capture(line: &str) -> Value {
    let Some((name, rest)) = line.split_once('=') else { return Value::from(line) };
    let rest = rest.trim_start();
    let (from, how) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut capture = json!({ "name": name.trim(), "from": from });
    match how.split_once(' ') {
        None if how.trim().is_empty() => {}
        Some((key @ ("regex" | "json_path"), pattern)) => capture[key] = Value::from(pattern),
        _ => return Value::from(line),
    }
    capture
}
