//! Every route of the OpenAPI document. A route without a row here fails.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{WHO, everybody, unique};
use crate::world::{PASSWORD, Studio};

/// What each of [`WHO`] is answered.
pub const EXPECTED: &[(&str, &str, [u16; 5])] = &[
    ("POST", "/users/signup", [201, 201, 201, 201, 201]),
    ("POST", "/users/login", [200, 200, 200, 200, 200]),
    ("POST", "/users/logout", [401, 200, 200, 200, 200]),
    ("GET", "/users/me", [401, 200, 200, 200, 200]),
    ("GET", "/runbooks", [401, 200, 200, 200, 200]),
    ("POST", "/runbooks", [401, 403, 201, 201, 201]),
    ("POST", "/runbooks/import", [401, 403, 201, 201, 201]),
    ("GET", "/runbooks/{id}", [401, 200, 200, 200, 200]),
    ("PUT", "/runbooks/{id}", [401, 403, 200, 200, 200]),
    ("DELETE", "/runbooks/{id}", [401, 403, 204, 204, 204]),
    ("GET", "/runbooks/{id}/versions", [401, 200, 200, 200, 200]),
    ("GET", "/runbooks/{id}/versions/{n}", [401, 200, 200, 200, 200]),
    ("POST", "/runbooks/{id}/versions/{n}/rollback", [401, 403, 200, 200, 200]),
    ("POST", "/runbooks/{id}/execute", [401, 403, 202, 202, 202]),
    ("POST", "/blocks/execute", [401, 403, 202, 202, 202]),
    ("GET", "/executions", [401, 200, 200, 200, 200]),
    ("GET", "/executions/{job_id}", [401, 200, 200, 200, 200]),
    // The run is the administrator's: a developer controls only their own.
    ("POST", "/executions/{job_id}/control", [401, 403, 403, 202, 202]),
    ("GET", "/executions/{job_id}/events", [401, 200, 200, 200, 200]),
    ("GET", "/executions/{job_id}/steps/{step_id}/output", [401, 200, 200, 200, 200]),
    ("GET", "/credentials", [401, 403, 403, 200, 200]),
    ("POST", "/credentials", [401, 403, 403, 201, 201]),
    ("DELETE", "/credentials/{id}", [401, 403, 403, 204, 204]),
    ("GET", "/hosts", [401, 200, 200, 200, 200]),
    ("POST", "/hosts", [401, 403, 403, 201, 201]),
    ("GET", "/hosts/{id}", [401, 200, 200, 200, 200]),
    ("PUT", "/hosts/{id}", [401, 403, 403, 200, 200]),
    ("DELETE", "/hosts/{id}", [401, 403, 403, 204, 204]),
    ("POST", "/hosts/{id}/check", [401, 403, 403, 200, 200]),
    ("GET", "/audit", [401, 403, 403, 200, 200]),
    ("GET", "/audit/verify", [401, 403, 403, 200, 200]),
    ("GET", "/audit/head", [401, 403, 403, 200, 200]),
    ("GET", "/audit/export", [401, 403, 403, 200, 200]),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_who_is_asking() {
    let (studio, admin) = everybody().await;
    let document = studio.call(None, "GET", "/api/v1/openapi.json", None).await.json();
    let known: BTreeSet<(String, String)> =
        EXPECTED.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(routes(&document), known, "the routes and the table differ");

    let mut wrong = Vec::new();
    for (method, pattern, expected) in EXPECTED {
        for (who, expected) in WHO.into_iter().zip(expected) {
            // A fresh key each time: logging out ends the one that is shown.
            let key = if who == "nobody" { None } else { Some(log_in(&studio, who).await) };
            let path = format!("/api/v1{}", fill(&studio, &admin, method, pattern).await);
            let status = studio.status(key.as_deref(), method, &path, body(&studio, &admin, method, pattern, who).await).await;
            if status != *expected {
                wrong.push(format!("{method} {pattern} by {who}: {status}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn routes(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().expect("paths");
    let methods =
        |item: &Value| item.as_object().expect("an item").keys().map(|method| method.to_uppercase()).collect::<Vec<_>>();
    paths.iter().flat_map(|(path, item)| methods(item).into_iter().map(move |method| (method, path.clone()))).collect()
}

pub async fn log_in(studio: &Studio, who: &str) -> String {
    let body = json!({ "username": who, "password": PASSWORD });
    let answer = studio.call(None, "POST", "/api/v1/users/login", Some(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["api_key"].as_str().expect("a key").to_owned()
}

/// The path with ids of things that the administrator has just made for it.
pub async fn fill(studio: &Studio, admin: &str, method: &str, pattern: &str) -> String {
    if pattern.starts_with("/credentials/") {
        let name = format!("c{}", unique());
        let body = json!({ "name": name, "type": "api", "secret": "s3cret-of-the-test" });
        let made = studio.call(Some(admin), "POST", "/api/v1/credentials", Some(body)).await.json();
        return pattern.replace("{id}", made["id"].as_str().expect("an id"));
    }
    if pattern.starts_with("/hosts/") {
        let made = studio.call(Some(admin), "POST", "/api/v1/hosts", Some(host())).await.json();
        return pattern.replace("{id}", made["id"].as_str().expect("an id"));
    }
    if pattern.starts_with("/executions/{") {
        let block = if method == "POST" {
            json!([{ "type": "timer", "config": { "duration": "1h" } }])
        } else {
            json!([{ "type": "command", "config": { "command": "echo done" } }])
        };
        let runbook = studio.runbook(admin, block).await;
        let run = studio.execute(admin, &runbook).await;
        let shown =
            studio.until(admin, &run, 20, |run| run["status"] != "pending" && run["steps"][0]["status"] != "pending").await;
        return pattern.replace("{job_id}", &run).replace("{step_id}", shown["steps"][0]["id"].as_str().expect("an id"));
    }
    if pattern.contains("{id}") {
        let runbook = studio.runbook(admin, json!([{ "type": "instruction", "config": { "text": "Read this" } }])).await;
        return pattern.replace("{id}", &runbook).replace("{n}", "1");
    }
    pattern.to_owned()
}

/// A host whose name is free.
fn host() -> Value {
    json!({ "name": format!("h{}", unique()), "address": "127.0.0.1", "port": 9, "user": "deploy", "roles": ["sre"] })
}

pub async fn body(studio: &Studio, admin: &str, method: &str, pattern: &str, who: &str) -> Option<Value> {
    match (method, pattern) {
        ("POST", "/users/signup") => Some(json!({ "username": format!("new-{who}-{}", unique()), "password": PASSWORD })),
        ("POST", "/users/login") => Some(json!({ "username": "viewer", "password": PASSWORD })),
        ("POST", "/hosts") | ("PUT", "/hosts/{id}") => Some(host()),
        ("POST", "/runbooks") | ("PUT", _) => Some(json!({ "title": "By the table", "description": "", "blocks": [] })),
        ("POST", "/runbooks/import") => Some(json!({ "markdown": "# Title\n\nText\n" })),
        ("POST", "/credentials") => {
            Some(json!({ "name": format!("n{}", unique()), "type": "ssh", "secret": "s3cret-of-the-test" }))
        }
        ("POST", "/blocks/execute") => {
            let runbook = studio.runbook(admin, json!([{ "type": "timer", "config": { "duration": "1s" } }])).await;
            let shown = studio.call(Some(admin), "GET", &format!("/api/v1/runbooks/{runbook}"), None).await.json();
            Some(json!({ "runbook_id": runbook, "block_id": shown["blocks"][0]["id"] }))
        }
        ("POST", "/executions/{job_id}/control") => Some(json!({ "action": "stop" })),
        _ => None,
    }
}
