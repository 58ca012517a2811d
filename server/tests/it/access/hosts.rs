//! Hosts say who may run on them: asked over every way to start a run or to let one go on.

use serde_json::{Value, json};

use super::functions::{Arguments, form, sign_in};
use super::{everybody, unique};
use crate::world::Studio;

/// Who may run on a host, and what a developer, an sre and an administrator are answered who start a run there.
const EXPECTED: &[(&[&str], [bool; 3])] = &[
    (&["developer", "sre", "admin"], [true, true, true]),
    (&["sre"], [false, true, false]),
    (&["sre", "admin"], [false, true, true]),
    (&["admin"], [false, false, true]),
    (&["developer"], [true, false, false]),
    (&[], [false, false, false]),
];
const RUNNING: [&str; 3] = ["developer", "sre", "admin"];

/// A host for these roles, where nothing listens; its name.
async fn host(studio: &Studio, admin: &str, roles: &[&str]) -> String {
    let name = format!("of-{}", unique());
    let body = json!({ "name": name, "address": "127.0.0.1", "port": 9, "user": "deploy", "roles": roles });
    let made = studio.call(Some(admin), "POST", "/api/v1/hosts", Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    name
}

async fn runs(studio: &Studio, admin: &str, runbook: &str) -> usize {
    let listed = studio.call(Some(admin), "GET", &format!("/api/v1/executions?runbook={runbook}&limit=200"), None).await;
    assert_eq!(listed.status, 200, "{}", listed.text);
    listed.json().as_array().expect("runs").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_starts_only_where_every_host_lists_the_role_of_who_starts_it() {
    let (studio, admin) = everybody().await;
    let mut people = Vec::new();
    for role in RUNNING {
        people.push((super::somebody(&studio, &admin, role).await.1, sign_in(&studio, role).await));
    }
    let mut wrong = Vec::new();
    for (roles, expected) in EXPECTED {
        let name = host(&studio, &admin, roles).await;
        // The host of a block, and that of a check with a block in one of its branches.
        let command = json!({ "type": "command", "config": { "command": "true", "host": name } });
        let nested = json!({ "type": "condition", "config": {
            "condition_type": "expression", "expression": "true", "else_blocks": [command.clone()] } });
        for block in [command, nested] {
            let runbook = studio.runbook(&admin, json!([block])).await;
            let shown = studio.call(Some(&admin), "GET", &format!("/api/v1/runbooks/{runbook}"), None).await.json();
            let block = shown["blocks"][0]["id"].clone();
            for ((role, (key, cookie)), may) in RUNNING.into_iter().zip(&people).zip(expected) {
                let before = runs(&studio, &admin, &runbook).await;
                let one = json!({ "runbook_id": runbook, "block_id": block });
                let execute = format!("/api/v1/runbooks/{runbook}/execute");
                let by_form = Arguments::Json(json!({ "id": runbook, "version": 1, "block": block, "parameters": {} }));
                let answers = [
                    ("execute", studio.call(Some(key), "POST", &execute, None).await, 202),
                    ("blocks/execute", studio.call(Some(key), "POST", "/api/v1/blocks/execute", Some(one)).await, 202),
                    ("start_run", studio.function(Some(cookie), "start_run", form([("id", runbook.as_str())])).await, 200),
                    ("run_block", studio.function(Some(cookie), "run_block", by_form).await, 200),
                ];
                for (way, answer, begun) in answers {
                    let status = if *may { begun } else { 403 };
                    if answer.status != status || !may && !answer.text.contains(&name) {
                        wrong.push(format!(
                            "{way} by {role} on a host of {roles:?}: {}, not {status}: {}",
                            answer.status, answer.text
                        ));
                    }
                }
                let started = runs(&studio, &admin, &runbook).await - before;
                if started != 4 * usize::from(*may) {
                    wrong.push(format!("{started} runs by {role} on a host of {roles:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_is_let_go_on_only_by_whom_its_hosts_list() {
    let (studio, admin) = everybody().await;
    let (name, dev) = super::somebody(&studio, &admin, "developer").await;
    let cookie = sign_in(&studio, &name).await;
    let host = host(&studio, &admin, &["developer", "sre", "admin"]).await;
    let question = json!({ "name": "ask", "type": "condition", "config": {
        "condition_type": "expression", "expression": "false", "on_false": "pause",
        "nested_blocks": [{ "type": "timer", "config": { "duration": "1s" } }] } });
    let command = json!({ "type": "command", "config": { "command": "true", "host": host } });
    let runbook = studio.runbook(&dev, json!([question, command])).await;
    let run = studio.execute(&dev, &runbook).await;
    studio.until(&dev, &run, 20, |run| run["state"] == "waiting").await;

    let hosts = studio.call(Some(&admin), "GET", "/api/v1/hosts", None).await.json();
    let host = hosts.as_array().expect("hosts").iter().find(|listed| listed["name"] == host.as_str()).expect("the host").clone();
    let closed = json!({ "name": host["name"], "address": "127.0.0.1", "port": 9, "user": "deploy", "roles": ["sre"] });
    let path = format!("/api/v1/hosts/{}", host["id"].as_str().expect("an id"));
    assert_eq!(studio.call(Some(&admin), "PUT", &path, Some(closed)).await.status, 200);

    let control = format!("/api/v1/executions/{run}/control");
    let answer: Value = json!({ "action": "approve" });
    let refused = studio.call(Some(&dev), "POST", &control, Some(answer)).await;
    assert!(refused.status == 403 && refused.text.contains("may not run on"), "{} {}", refused.status, refused.text);
    let refused = studio.function(Some(&cookie), "control_run", form([("id", run.as_str()), ("action", "approve")])).await;
    assert!(refused.status == 403 && refused.text.contains("may not run on"), "{} {}", refused.status, refused.text);
    let shown = studio.call(Some(&dev), "GET", &format!("/api/v1/executions/{run}"), None).await.json();
    assert_eq!(shown["state"], "waiting", "{shown:#}");
    // To end it takes no right to its hosts.
    assert_eq!(studio.call(Some(&dev), "POST", &control, Some(json!({ "action": "stop" }))).await.status, 202);
}
