//! What a step leaves for those after it: its output, its result, and the values taken from them.

use domain::Step;
use domain::block::{Block, BlockKind, Capture, CaptureFrom};
use regex::Regex;
use serde::Serialize;
use serde_json::{Map, Value};

/// `steps.<name>` in templates. Always made from the output as it is stored, secrets masked, so that it is the same after
/// another worker has taken over.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Facts {
    /// What it printed; of an API call, the body.
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Exit code, or status code.
    pub(crate) exit_code: Option<i32>,
    /// Status code of an API call, else the word for the state.
    pub(crate) status: Value,
    /// What a condition found.
    pub(crate) result: Option<bool>,
    /// `stdout` read as JSON, where it is JSON.
    pub(crate) json: Value,
    pub(crate) captured: Map<String, Value>,
}

/// Makes the facts of an ended step. The second part names a capture that found nothing.
pub(crate) fn facts(block: &Block, step: &Step, stdout: &str, stderr: &str) -> (Facts, Option<String>) {
    let is_api = matches!(block.kind, BlockKind::Api(_));
    let (head, body) = if is_api { stdout.split_once("\n\n").unwrap_or((stdout, "")) } else { ("", stdout) };
    let status = match step.exit_code {
        Some(code) if is_api => Value::from(code),
        _ => Value::from(step.state.as_str()),
    };
    let mut facts = Facts {
        stdout: body.to_owned(),
        stderr: stderr.to_owned(),
        exit_code: step.exit_code,
        status,
        result: step.result,
        json: serde_json::from_str(body.trim()).unwrap_or(Value::Null),
        captured: Map::new(),
    };
    let captures: &[Capture] = match &block.kind {
        BlockKind::Command(block) => &block.capture,
        BlockKind::Api(block) => &block.capture,
        _ => &[],
    };
    let mut missing = None;
    for capture in captures {
        match take(capture, &facts, head) {
            Some(value) => {
                facts.captured.insert(capture.name.clone(), value);
            }
            None => missing = missing.or_else(|| Some(capture.name.clone())),
        }
    }
    (facts, missing)
}

fn take(capture: &Capture, facts: &Facts, head: &str) -> Option<Value> {
    if let Some(path) = &capture.json_path {
        let path = serde_json_path::JsonPath::parse(path).ok()?;
        return path.query(&facts.json).first().cloned();
    }
    let (text, pattern) = match capture.from {
        CaptureFrom::Stdout | CaptureFrom::Body => (facts.stdout.trim_end_matches('\n').to_owned(), capture.regex.as_deref()),
        CaptureFrom::Status => (plain(&facts.status), capture.regex.as_deref()),
        CaptureFrom::Header => {
            let regex = capture.regex.as_deref().unwrap_or_default();
            let (name, rest) = regex.split_once(':').unwrap_or((regex, ""));
            let value = head.lines().skip(1).find_map(|line| {
                let (header, value) = line.split_once(':')?;
                header.trim().eq_ignore_ascii_case(name.trim()).then(|| value.trim().to_owned())
            })?;
            (value, Some(rest.trim()).filter(|rest| !rest.is_empty()))
        }
    };
    let Some(pattern) = pattern else { return Some(Value::from(text)) };
    let found = Regex::new(pattern).ok()?.captures(&text)?;
    found.get(1).or_else(|| found.get(0)).map(|found| Value::from(found.as_str()))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use domain::block::{ApiBlock, CommandBlock};
    use domain::plan::{Targets, lay_out};

    use super::*;
    use crate::plan_steps::initial_steps;

    fn capture(name: &str, from: CaptureFrom, regex: Option<&str>, json_path: Option<&str>) -> Capture {
        Capture { name: name.into(), from, regex: regex.map(Into::into), json_path: json_path.map(Into::into) }
    }

    fn check(kind: BlockKind, exit_code: i32, stdout: &str) -> (Facts, Option<String>) {
        let block = Block::new("a step", kind);
        let (blocks, targets) = ([block], Targets::new());
        let mut step = initial_steps(&lay_out(&blocks, &targets), &HashSet::from([0])).remove(0);
        step.exit_code = Some(exit_code);
        facts(&blocks[0], &step, stdout, "")
    }

    #[test]
    fn values_are_taken_from_output_and_answers() {
        let command = CommandBlock {
            capture: vec![
                capture("version", CaptureFrom::Stdout, Some(r"v(\d+)"), None),
                capture("none", CaptureFrom::Stdout, Some("zzz"), None),
            ],
            ..CommandBlock::default()
        };
        let (found, missing) = check(BlockKind::Command(command), 0, "app v42\n");
        assert_eq!(found.captured["version"], "42");
        assert_eq!(missing.as_deref(), Some("none"));

        let api = ApiBlock {
            capture: vec![
                capture("id", CaptureFrom::Body, None, Some("$.items[1].id")),
                capture("place", CaptureFrom::Header, Some("Location: /(.*)"), None),
                capture("code", CaptureFrom::Status, None, None),
            ],
            ..ApiBlock::default()
        };
        let (found, missing) =
            check(BlockKind::Api(api), 201, "HTTP/1.1 201 Created\nlocation: /x/7\n\n{\"items\":[{},{\"id\":9}]}");
        assert_eq!(found.captured["id"], 9);
        assert_eq!(found.captured["place"], "x/7");
        assert_eq!(found.captured["code"], "201");
        assert_eq!(found.status, 201);
        assert_eq!(missing, None);
    }
}
