//! Bodies that are too large, too deep, or cost more to read than to send.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use super::raw;
use super::tally::Tally;
use crate::studio::Studio;

/// How long reading any of them may take; a development build on a busy machine.
const LONG: Duration = Duration::from_secs(15);

pub fn play(studio: &Studio) -> Result<Tally> {
    let mut tally = Tally::new("bodies");
    let client = studio.client();
    let key = client.key().unwrap_or_default().to_owned();
    let mut send = |what: &str, path: &str, kind: &str, body: &[u8], may_be_taken: bool| {
        let began = Instant::now();
        let headers = [("X-API-KEY", key.as_str()), ("Content-Type", kind)];
        match raw::status(studio, &format!("POST /api/v1{path}"), &headers, body) {
            Ok(status) => tally.count_status(what, status, may_be_taken),
            Err(error) => tally.count(what, &Err(error), false),
        }
        if began.elapsed() > LONG {
            tally.broken(format!("{what}: took {:.1} s", began.elapsed().as_secs_f64()));
        }
    };
    const JSON: &str = "application/json";
    const MARKDOWN: &str = "text/markdown";
    const YAML: &str = "application/yaml";
    for path in ["/runbooks", "/users/login", "/users/signup", "/hosts", "/credentials", "/blocks/execute", "/users/me/api-keys"]
    {
        let large = format!("{{\"title\": \"{}\"}}", "x".repeat(2 * 1024 * 1024));
        send(&format!("2 MiB to {path}"), path, JSON, large.as_bytes(), false);
        for (what, deep) in
            [("[", "[".repeat(200_000)), ("{", "{\"a\":".repeat(200_000)), ("[]", "[".repeat(120) + &"]".repeat(120))]
        {
            send(&format!("deep {what} to {path}"), path, JSON, deep.as_bytes(), false);
        }
        for (what, body) in [
            ("bytes that are no UTF-8", &b"{\"title\": \"\xff\xfe\"}"[..]),
            ("half a letter", b"{\"title\": \"\\ud800\"}"),
            ("a number without end", b"{\"title\": 1e99999999}"),
            ("nothing", b""),
            ("two values", b"{} {}"),
            ("no JSON", b"<x/>"),
            ("one key twice", b"{\"title\": \"a\", \"title\": \"b\", \"x\": 1}"),
        ] {
            send(&format!("{what} to {path}"), path, JSON, body, false);
        }
        send(&format!("a form to {path}"), path, "application/x-www-form-urlencoded", b"a=b", false);
        send(&format!("XML to {path}"), path, "application/xml", b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", false);
    }
    for (what, draft) in drafts() {
        send(what, "/runbooks", JSON, draft.to_string().as_bytes(), false);
    }
    let large = "x".repeat(17 * 1024 * 1024);
    send("17 MiB to import", "/runbooks/import", MARKDOWN, large.as_bytes(), false);
    for (what, document) in documents() {
        send(what, "/runbooks/import", MARKDOWN, document.as_bytes(), true);
        // As YAML it is no runbook, and its aliases count.
        let bare = document.trim_start_matches("---\n");
        send(&format!("{what}, as YAML"), "/runbooks/import", YAML, bare.as_bytes(), false);
    }
    send("a document that is no UTF-8", "/runbooks/import", MARKDOWN, b"# \xff\xfe", false);
    if client.call("GET", "/runbooks?limit=1", None)?.status != 200 {
        tally.broken("the server does not answer after it");
    }
    Ok(tally)
}

/// Runbooks that nobody may make.
fn drafts() -> Vec<(&'static str, Value)> {
    let with = |key: &str, value: Value| {
        let mut draft = json!({ "title": "x", "description": "", "blocks": [] });
        draft[key] = value;
        draft
    };
    let timer = json!({ "type": "timer", "config": { "duration": 1 } });
    let mut nested = timer.clone();
    for _ in 0..12 {
        nested = json!({ "type": "condition", "config": { "condition_type": "expression", "expression": "true", "nested_blocks": [nested] } });
    }
    let parameters = |count: usize, pattern: &str| -> Value {
        (0..count).map(|number| json!({ "name": format!("p{number}"), "type": "string", "pattern": pattern })).collect()
    };
    vec![
        ("1,200 blocks", with("blocks", vec![timer; 1_200].into())),
        ("12 nested conditions", with("blocks", json!([nested]))),
        ("10,000 parameters", with("parameters", parameters(10_000, "a"))),
        ("a regular expression of millions of states", with("parameters", parameters(1, "(\\pL{100}){100}"))),
        ("10,000 tags", with("tags", (0..10_000).map(|number| json!(format!("t{number}"))).collect())),
        ("a title of 100,000 letters", with("title", json!("x".repeat(100_000)))),
        ("a command of 300 KiB", with("blocks", json!([{ "type": "command", "config": { "command": "x".repeat(300 * 1024) } }]))),
    ]
}

/// Documents that cost much to read.
fn documents() -> Vec<(&'static str, String)> {
    let tags: Vec<String> = (0..60_000).map(|number| format!("t{number}")).collect();
    let aliases = |level: usize| format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(", "));
    vec![
        (
            "a billion laughs in the front matter",
            format!("---\na0: &a0 x\n{}---\n# x\n", (1..12).map(aliases).collect::<String>()),
        ),
        ("60,000 tags in the front matter", format!("---\ntags: [{}]\n---\n# x\n", tags.join(", "))),
        ("100,000 list items and headings", "- a\n\n# b\n\n".repeat(100_000)),
        ("50,000 scripts", "```sh\necho 1\n```\n".repeat(50_000)),
        ("deep quotes", ">".repeat(500_000)),
        ("deep lists", (0..1_000).map(|depth| format!("{}- a\n", " ".repeat(2 * depth))).collect()),
        ("open brackets", "[".repeat(500_000)),
        ("open emphasis", "*a ".repeat(200_000)),
        ("references", "[a]: <b>\n".repeat(50_000) + &"[a]".repeat(50_000)),
        ("a table of 10,000 columns", format!("{}\n{}\n", "|a".repeat(10_000), "|-".repeat(10_000))),
    ]
}
