//! Whatever comes in: no parser panics or takes long, and what one accepts reads back equal once it is written out.

use std::time::{Duration, Instant};

use domain::import::markdown;
use domain::{HostDraft, RunbookDraft, Seconds, Username};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Texts that mean something to one of the parsers, and any others.
fn text() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "",
        " ",
        "a",
        "web-1",
        "tag:x",
        "local",
        "90s",
        "1m 30s",
        "-1",
        "1e308",
        "..",
        "{{ params.a }}",
        "{{",
        "echo hi",
        "true",
        "stop",
        "continue",
        "stdout",
        "fixed",
        "string",
        "select",
        "secret",
        "GET",
        "http://h/",
        "a\nb",
        "\u{0}",
        "\u{feff}",
        "\u{202e}",
        "$.a",
        "(",
        "a{1000}{1000}",
        "expression",
        "file_exists",
        "bash",
        "\u{10ffff}",
    ]);
    prop_oneof![known.prop_map(str::to_owned), any::<String>(), "[a-z0-9._-]{1,12}"]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-5_i64..700).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ]
}

/// The keys that drafts know, so that what is tried goes deep.
fn key() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "id",
        "name",
        "type",
        "config",
        "order",
        "on_failure",
        "timeout",
        "retry",
        "attempts",
        "delay",
        "backoff",
        "max_delay",
        "confirm",
        "when",
        "text",
        "acknowledge",
        "command",
        "host",
        "interpreter",
        "working_dir",
        "env",
        "credentials",
        "expected_exit_codes",
        "capture",
        "from",
        "regex",
        "json_path",
        "method",
        "url",
        "headers",
        "body",
        "auth",
        "expected_status",
        "condition_type",
        "nested_blocks",
        "else_blocks",
        "on_false",
        "duration",
        "expression",
        "title",
        "description",
        "tags",
        "parameters",
        "blocks",
        "message",
        "default",
        "required",
        "options",
        "pattern",
        "label",
        "address",
        "port",
        "user",
        "roles",
        "credential",
        "host_key",
    ]);
    prop_oneof![9 => known.prop_map(str::to_owned), 1 => any::<String>()]
}

fn anything() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(6, 96, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..8).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// One right thing of each kind, a few of its members replaced, added or left out.
fn nearly(right: Value) -> impl Strategy<Value = Value> {
    let changes = prop::collection::vec((key(), prop::option::of(anything())), 0..3);
    changes.prop_map(move |changes| {
        let mut value = right.clone();
        if let Value::Object(map) = &mut value {
            for (key, change) in changes {
                match change {
                    Some(change) => map.insert(key, change),
                    None => map.remove(&key),
                };
            }
        }
        value
    })
}

fn block() -> impl Strategy<Value = Value> {
    let configs = vec![
        ("instruction", json!({ "text": "Read **this**", "acknowledge": true })),
        (
            "command",
            json!({ "command": "echo {{ params.a }}", "env": { "A": "b" }, "expected_exit_codes": [0, 3],
            "capture": [{ "name": "x", "from": "stdout", "regex": "a(b)" }] }),
        ),
        (
            "api",
            json!({ "method": "POST", "url": "http://h/", "headers": { "X": "y" }, "body": { "a": [1] }, "expected_status": [200] }),
        ),
        (
            "condition",
            json!({ "condition_type": "expression", "expression": "1 > 0", "on_false": "pause",
            "nested_blocks": [{ "type": "timer", "config": { "duration": "1m 30s" } }] }),
        ),
        ("timer", json!({ "duration": 1.5 })),
    ];
    prop::sample::select(configs).prop_flat_map(|(kind, config)| {
        let retry = json!({ "attempts": 3, "delay": "2s", "backoff": "exponential", "max_delay": 60 });
        let whole =
            json!({ "type": kind, "name": "Try", "timeout": "5m", "retry": retry, "on_failure": "continue", "when": "true" });
        (nearly(config), nearly(whole)).prop_map(|(config, mut block)| {
            block["config"] = config;
            block
        })
    })
}

fn parameter() -> impl Strategy<Value = Value> {
    prop_oneof![
        nearly(json!({ "name": "a", "type": "string", "default": "b", "pattern": "[a-z]+", "label": "A" })),
        nearly(json!({ "name": "n", "type": "number", "default": 3 })),
        nearly(json!({ "name": "s", "type": "select", "options": ["x", "y"], "default": "x", "required": true })),
        nearly(json!({ "name": "t", "type": "secret" })),
    ]
}

fn runbook() -> impl Strategy<Value = Value> {
    let tags = prop::collection::vec(text(), 0..4);
    (prop::collection::vec(block(), 0..5), prop::collection::vec(parameter(), 0..3), tags, text()).prop_map(
        |(blocks, parameters, tags, description)| {
            json!({ "title": "A title", "description": description, "tags": tags, "parameters": parameters, "blocks": blocks })
        },
    )
}

fn reads_back(value: &Value) -> Result<bool, TestCaseError> {
    let Ok(draft) = RunbookDraft::parse(value) else { return Ok(false) };
    let written = serde_json::to_value(&draft).map_err(|error| TestCaseError::fail(error.to_string()))?;
    match RunbookDraft::parse(&written) {
        Ok(again) => prop_assert_eq!(again, draft),
        Err(faults) => return Err(TestCaseError::fail(format!("{faults:?} in {written}"))),
    }
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_a_runbook_that_reads_back_or_is_refused(value in anything()) {
        reads_back(&value)?;
    }

    #[test]
    fn what_is_nearly_a_runbook_reads_back_or_is_refused(value in runbook()) {
        reads_back(&value)?;
    }

    #[test]
    fn what_is_nearly_a_host_reads_back_or_is_refused(value in nearly(json!({
        "name": "web-1", "address": "10.0.0.1", "port": 22, "user": "deploy", "tags": ["a"], "roles": ["sre"],
        "env": { "A": "b" }, "description": "x",
    })), name in text()) {
        for value in [value.clone(), { let mut value = value; value["name"] = json!(name); value }] {
            let Ok(draft) = HostDraft::parse(&value) else { continue };
            prop_assert_eq!(draft.check().map_err(|faults| TestCaseError::fail(format!("{faults:?}")))?, draft.clone());
            prop_assert!(!draft.name.starts_with('-') && !draft.name.contains(['/', '\0', '\n', ' ']));
        }
    }

    #[test]
    fn a_duration_reads_back(text in text(), number in any::<f64>(), spelled in "[0-9.]{1,6} ?(ms|s|m|h|d|sec|x)( ?[0-9]{1,3}[smh])?") {
        for duration in [Seconds::parse(&text), Seconds::parse(&spelled), Seconds::from_number(number)].into_iter().flatten() {
            prop_assert_eq!(Seconds::parse(&duration.to_string()), Some(duration));
        }
    }

    #[test]
    fn a_user_name_reads_back(text in prop_oneof![text(), "\\PC{0,70}"]) {
        if let Ok(name) = Username::parse(&text) {
            prop_assert_eq!(Username::parse(name.as_str()).map_err(|faults| TestCaseError::fail(format!("{faults:?}")))?, name.clone());
            prop_assert!(!name.as_str().starts_with('-') && !name.as_str().contains(['/', '\0', '\n', ' ']));
        }
    }

    #[test]
    fn any_markdown_is_imported_as_blocks_that_pass_their_own_rules(source in document()) {
        let Ok(imported) = markdown(&source, "Untitled") else { return Ok(()) };
        for block in imported.blocks {
            let value = serde_json::to_value(&block).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let read = serde_json::from_value::<domain::Block>(value).map_err(|error| TestCaseError::fail(format!("{error}: {block:?}")))?;
            prop_assert_eq!(read, block);
        }
    }
}

/// Lines that mean something in Markdown, in any order.
fn document() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "---",
        "...",
        "title: x",
        "title: 'it''s'",
        "tags: [a, b]",
        "- a",
        "description: |",
        "# One",
        "## Two",
        "Setext",
        "===",
        "---",
        "```sh",
        "```",
        "~~~bash title",
        "$ echo hi",
        "> quoted",
        "> ```",
        "  - nested",
        "\t- tab",
        "1. one",
        "10) ten",
        "    indented",
        "| a | b |",
        "|---|---|",
        "[a]: <b>",
        "<div>",
        "</div>",
        "<!--",
        "-->",
        "\\",
        "`",
        "*",
        "{{ x }}",
        "{% raw %}",
        "\u{feff}",
        "\r",
        "\u{2028}",
        "é",
        "\u{1f480}",
        "- [ ] task",
        "",
    ]);
    let any_line = prop_oneof![6 => line.prop_map(str::to_owned), 1 => any::<String>()];
    prop::collection::vec(any_line, 0..40).prop_map(|lines| lines.join("\n"))
}

/// What once took time that grew with the square of its length.
#[test]
fn what_is_long_is_read_or_refused_soon() {
    let began = Instant::now();
    let soon = |what: &str| assert!(began.elapsed() < Duration::from_secs(20), "{what}: {:?}", began.elapsed());
    let tags: Vec<String> = (0..60_000).map(|number| format!("t{number}")).collect();
    for (what, source) in [
        ("items and headings", "- a\n\n# b\n\n".repeat(100_000)),
        ("items in one section", "- a\n".repeat(50_000)),
        ("tags", format!("---\ntags: [{}]\n---\n# x\n", tags.join(", "))),
        ("tag lines", format!("---\ntags:\n- {}\n---\n# x\n", tags.join("\n- "))),
        ("quotes", ">".repeat(200_000)),
        ("brackets", "[".repeat(200_000)),
        ("emphasis", "*a ".repeat(200_000)),
        ("fences", "```sh\necho 1\n```\n".repeat(50_000)),
        ("deep lists", (0..1_000).map(|depth| format!("{}- a\n", " ".repeat(2 * depth))).collect()),
    ] {
        let _ = markdown(&source, "Untitled");
        soon(what);
    }
    let numbered = |object: Value, count: usize| -> Vec<Value> {
        let put = |number: usize| {
            let mut object = object.clone();
            object["name"] = json!(format!("p{number}"));
            object
        };
        (0..count).map(put).collect()
    };
    let capture = json!({ "from": "stdout", "regex": "(\\pL{30}){30}" });
    let command = |captures: Vec<Value>| json!({ "type": "command", "config": { "command": "true", "capture": captures } });
    for (what, key, items) in [
        ("parameters", "parameters", numbered(json!({ "type": "string" }), 25_000)),
        ("patterns", "parameters", numbered(json!({ "type": "string", "pattern": "(\\pL{30}){30}" }), 1_000)),
        ("large patterns", "parameters", numbered(json!({ "type": "string", "pattern": "(\\pL{30}){30}" }), 3)),
        ("tags", "tags", tags.iter().map(|tag| json!(tag)).collect()),
        ("captures", "blocks", vec![command(numbered(capture.clone(), 10_000))]),
        ("large captures", "blocks", vec![command(numbered(capture.clone(), 3))]),
    ] {
        let mut draft = Map::from_iter([("title".to_owned(), json!("x")), ("description".to_owned(), json!(""))]);
        draft.insert(key.to_owned(), Value::from(items));
        assert!(RunbookDraft::parse(&Value::Object(draft)).is_err(), "{what}");
        soon(what);
    }
}
