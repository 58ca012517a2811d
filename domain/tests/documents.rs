//! Runbooks as files: what is written reads back equal, whatever is in it, and what comes from others is read or refused soon.

use std::time::{Duration, Instant};

use domain::document::{Format, read, write};
use domain::{Faults, RunbookDraft};
use proptest::prelude::*;
use serde_json::{Value, json};

fn yaml(text: &str) -> Result<RunbookDraft, Faults> {
    read(text, Format::Yaml, "Untitled")
}

/// What is wrong with a document: the only fault.
fn fault(text: &str) -> String {
    let faults = yaml(text).expect_err("a fault");
    assert_eq!(faults.0.len(), 1, "{faults:?}");
    faults.to_string()
}

/// Texts that mean something to YAML, and any others.
fn text() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "a",
        "yes",
        "No",
        "null",
        "~",
        "1.10",
        "007",
        "0x1F",
        "1e3",
        ".inf",
        "-",
        "- a",
        "a: b",
        "a #b",
        "# a",
        "{{ params.a }}",
        "[a]",
        "*a",
        "&a",
        "!a",
        "| ",
        "%a",
        "@a",
        "`a",
        "'",
        "\"",
        "\\",
        "a\nb",
        "a\nb\n",
        "a\n\n",
        "\na",
        "  a\nb",
        "\ta\nb",
        "a\n  b\n\tc\n",
        "a\n \nb",
        "a\r\nb",
        "---\na",
        "a\n---\nb",
        "a\n...\n",
        "a ",
        " a",
        "\u{85}",
        "\u{2028}x\ny",
        "\u{feff}a\nb",
        "é\nü\n",
        "\u{7f}",
        "\u{10ffff}",
        "trailing \nspace",
        "<<",
        "=",
        "?",
        "? a",
        ":",
        "a:",
        "key: |\n  x",
        "\u{1f480}\n",
    ]);
    prop_oneof![3 => known.prop_map(str::to_owned), 2 => "[ -~\\n\\t]{1,40}", 1 => "[^\\x00]{1,20}"]
        .prop_filter("blank texts are refused", |text| !text.trim().is_empty())
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn block() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (text(), text()).prop_map(|(name, text)| json!({ "name": name, "type": "instruction", "config": { "text": text } })),
        (text(), text(), text()).prop_map(|(command, value, folder)| json!({ "type": "command", "timeout": "90s",
            "retry": { "attempts": 3, "delay": 1.5 }, "config": { "command": command, "env": { "A": value }, "working_dir": folder } })),
        json_value().prop_map(|body| json!({ "type": "api", "config": { "method": "POST", "url": "http://h/", "body": body } })),
        Just(json!({ "type": "timer", "when": "true", "config": { "duration": 0.25 } })),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let list = prop::collection::vec(inner, 0..3);
        (text(), list.clone(), list).prop_map(|(expression, then, otherwise)| {
            json!({ "type": "condition", "config": { "condition_type": "expression", "expression": expression,
                "nested_blocks": then, "else_blocks": otherwise } })
        })
    })
}

fn runbook() -> impl Strategy<Value = RunbookDraft> {
    (prop::collection::vec(block(), 0..5), text(), text()).prop_filter_map("what a runbook refuses", |(blocks, description, default)| {
        let parameters = json!([{ "name": "a", "type": "string", "default": default, "description": description }]);
        let value = json!({ "title": "yes: #1", "description": description, "tags": ["1", "no"], "parameters": parameters, "blocks": blocks });
        RunbookDraft::parse(&value).ok()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_as_yaml_reads_back_equal(draft in runbook()) {
        let written = write(&draft, Format::Yaml);
        match yaml(&written) {
            Ok(again) => prop_assert_eq!(again, draft, "{}", written),
            Err(faults) => return Err(TestCaseError::fail(format!("{faults:?} in\n{written}"))),
        }
    }

    #[test]
    fn what_is_written_as_json_reads_back_equal(draft in runbook()) {
        let written = write(&draft, Format::Json);
        prop_assert_eq!(read(&written, Format::Json, "").map_err(|faults| TestCaseError::fail(format!("{faults:?}")))?, draft);
    }

    #[test]
    fn a_page_of_markdown_is_written_of_anything_and_can_be_read(draft in runbook()) {
        let written = write(&draft, Format::Markdown);
        prop_assert!(written.starts_with("# yes: #1\n"), "{written}");
        drop(read(&written, Format::Markdown, "Untitled"));
    }

    #[test]
    fn any_text_is_yaml_or_refused(text in any::<String>()) {
        drop(yaml(&text));
    }

    #[test]
    fn lines_of_yaml_in_any_order_are_read_or_refused(lines in prop::collection::vec(prop::sample::select(vec![
        "title: x", "blocks:", "  - type: timer", "    config: { duration: 1 }", "  - &a", "  - *a", "a: &a [*a]", "? a", ": b", "- - -",
        "{", "}", "[", "]", "|", ">", "|2", "'", "\"", "---", "...", "%YAML 1.2", "%TAG ! x", "!!binary x", "!<x> y", "<<: *a", "\t", "#",
        "key: |+", "  text", "a: b: c", "\u{feff}", "\r", ",", "&", "*",
    ]), 0..30)) {
        drop(yaml(&lines.join("\n")));
    }
}

#[test]
fn yaml_that_a_person_wrote_is_read() {
    let draft = yaml(
        "---\n# By hand\ntitle: Disk full\ntags: [disk, 'Ops']\nparameters:\n- {name: path, type: string, default: /var}\nblocks:\n\
         - type: command\n  name: Look\n  timeout: 90\n  config:\n    command: >\n      df -h\n      /var\n    env: &env\n      LANG: C\n\
         - type: command\n  config: {command: \"du\\t-sh\", env: *env, expected_exit_codes: [0, 0x1]}\n  confirm: true\n...\n",
    )
    .expect("a runbook");
    assert_eq!((draft.title.as_str(), draft.tags.as_slice()), ("Disk full", ["disk".to_owned(), "ops".to_owned()].as_slice()));
    let written = serde_json::to_value(&draft).expect("JSON");
    assert_eq!(written["blocks"][0]["config"]["command"], "df -h /var\n");
    assert_eq!(
        written["blocks"][1]["config"],
        json!({ "command": "du\t-sh", "env": { "LANG": "C" }, "expected_exit_codes": [0, 1] })
    );
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    assert_eq!(
        fault("title: x\nblocks:\n  - type: timer\n    config:\n      duraton: 5\n      duration: 5\n"),
        "$.blocks[0].config.duraton: unknown key “duraton”; known here: duration (line 5)"
    );
    assert_eq!(
        fault("title: x\nblocks:\n  - type: command\n    config: {}\n"),
        "$.blocks[0].config.command: “command” is missing (line 4)"
    );
    assert!(fault("title: x\ntitle: y\n").starts_with("$.yaml: line 2, column 1: the key “title” is there twice"));
    assert!(fault("title: x\n---\ntitle: y\n").starts_with("$.yaml: line 2, column 1: a file holds one runbook"));
    assert!(fault("title: !!binary x\n").contains("line 1, column"), "{}", fault("title: !!binary x\n"));
    assert!(fault("title: [a\n").starts_with("$.yaml: line "), "{}", fault("title: [a\n"));
    assert!(fault("").contains("no text"));
    assert_eq!(fault("title: 1.10\n"), "$.title: expected a text, found a number (line 1)");
}

#[test]
fn bombs_are_refused_soon_where_they_go_off() {
    let began = Instant::now();
    let laughs: String = (1..12)
        .map(|level| {
            let before = (0..10).map(|_| format!("*l{}", level - 1)).collect::<Vec<_>>().join(", ");
            format!("l{level}: &l{level} [{before}]\n")
        })
        .collect();
    let bomb = format!("l0: &l0 ha\n{laughs}");
    assert!(
        fault(&bomb).contains("line 7, column") && fault(&bomb).contains("aliases make this more than 500000 values"),
        "{}",
        fault(&bomb)
    );

    let long = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(100));
    assert!(fault(&long).contains("32 MiB of text"), "{}", fault(&long));
    let nested = format!("{}x{}", "[".repeat(200), "]".repeat(200));
    assert!(fault(&nested).contains("127 deep"), "{}", fault(&nested));
    let deep: String = (0..5_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert!(fault(&deep).contains("127 deep"), "{}", fault(&deep));
    let anchored: String =
        (0..120).map(|number| format!("&a{number} [")).collect::<String>() + &"x, ".repeat(20_000) + &"]".repeat(120);
    assert!(fault(&anchored).contains("anchors make this"), "{}", fault(&anchored));
    assert!(fault("a: &a [*a]\n").contains("itself in"), "{}", fault("a: &a [*a]\n"));
    assert!(yaml(&"- ".repeat(3_000)).is_err() && yaml(&"- a\n".repeat(600_000)).is_err());
    assert!(
        yaml(&"a".repeat(16 << 20)).is_err() && yaml(&"\"a\\n".repeat(1 << 20)).is_err() && yaml(&"? ".repeat(100_000)).is_err()
    );
    assert!(yaml(&"{".repeat(1 << 20)).is_err() && yaml(&"!".repeat(1 << 20)).is_err() && yaml(&"&a ".repeat(1 << 18)).is_err());
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn a_key_that_is_very_long_reads_back() {
    let body = json!({ "k".repeat(5_000): { "a": 1 }, "l".repeat(2_000): ["x"], "m\n".repeat(400): "y" });
    let draft = RunbookDraft::parse(&json!({ "title": "x", "blocks": [
        { "type": "api", "config": { "method": "POST", "url": "http://h/", "body": body } }] }))
    .expect("a runbook");
    let written = write(&draft, Format::Yaml);
    assert_eq!(yaml(&written), Ok(draft), "{}", &written[..600]);
}
