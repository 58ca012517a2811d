//! Every route of the OpenAPI document. A route without a row here fails.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{WHO, account, api_key, counted, everybody, invite, newcomer, reset_token, session, somebody, unique};
use crate::world::{PASSWORD, Studio};

/// What each of [`WHO`] is answered.
pub const EXPECTED: &[(&str, &str, [u16; 5])] = &[
    ("POST", "/users/signup", [201, 201, 201, 201, 201]),
    ("POST", "/users/login", [200, 200, 200, 200, 200]),
    ("POST", "/users/logout", [401, 200, 200, 200, 200]),
    ("GET", "/users/me", [401, 200, 200, 200, 200]),
    ("PUT", "/users/me/password", [401, 204, 204, 204, 204]),
    ("GET", "/users/me/api-keys", [401, 200, 200, 200, 200]),
    ("POST", "/users/me/api-keys", [401, 201, 201, 201, 201]),
    ("DELETE", "/users/me/api-keys/{id}", [401, 204, 204, 204, 204]),
    ("GET", "/users/me/sessions", [401, 200, 200, 200, 200]),
    ("DELETE", "/users/me/sessions", [401, 204, 204, 204, 204]),
    ("DELETE", "/users/me/sessions/{id}", [401, 204, 204, 204, 204]),
    ("GET", "/users", [401, 403, 403, 403, 200]),
    ("POST", "/users", [401, 403, 403, 403, 201]),
    ("PUT", "/users/{id}", [401, 403, 403, 403, 200]),
    ("POST", "/users/{id}/password-reset", [401, 403, 403, 403, 201]),
    ("POST", "/users/password-reset", [204, 204, 204, 204, 204]),
    ("GET", "/users/invites", [401, 403, 403, 403, 200]),
    ("POST", "/users/invites", [401, 403, 403, 403, 201]),
    ("DELETE", "/users/invites/{id}", [401, 403, 403, 403, 204]),
    ("POST", "/users/invites/accept", [201, 201, 201, 201, 201]),
    ("GET", "/runbooks", [401, 200, 200, 200, 200]),
    ("POST", "/runbooks", [401, 403, 201, 201, 201]),
    ("POST", "/runbooks/import", [401, 403, 201, 201, 201]),
    ("GET", "/runbooks/{id}", [401, 200, 200, 200, 200]),
    ("PUT", "/runbooks/{id}", [401, 403, 200, 200, 200]),
    ("DELETE", "/runbooks/{id}", [401, 403, 204, 204, 204]),
    ("PUT", "/runbooks/{id}/favourite", [401, 204, 204, 204, 204]),
    ("DELETE", "/runbooks/{id}/favourite", [401, 204, 204, 204, 204]),
    ("GET", "/runbooks/{id}/versions", [401, 200, 200, 200, 200]),
    ("GET", "/runbooks/{id}/versions/{n}", [401, 200, 200, 200, 200]),
    ("GET", "/runbooks/{id}/export", [401, 200, 200, 200, 200]),
    ("GET", "/runbooks/{id}/diff", [401, 200, 200, 200, 200]),
    ("POST", "/runbooks/{id}/versions/{n}/rollback", [401, 403, 200, 200, 200]),
    ("POST", "/runbooks/{id}/execute", [401, 403, 202, 202, 202]),
    ("POST", "/runbooks/{id}/preflight", [401, 403, 200, 200, 200]),
    ("POST", "/blocks/execute", [401, 403, 202, 202, 202]),
    ("GET", "/executions", [401, 200, 200, 200, 200]),
    ("GET", "/executions/{job_id}", [401, 200, 200, 200, 200]),
    // The run is the administrator's: a developer controls only their own.
    ("POST", "/executions/{job_id}/control", [401, 403, 403, 202, 202]),
    ("GET", "/executions/{job_id}/notes", [401, 200, 200, 200, 200]),
    ("POST", "/executions/{job_id}/notes", [401, 403, 201, 201, 201]),
    // Their own note.
    ("DELETE", "/executions/{job_id}/notes/{note_id}", [401, 403, 204, 204, 204]),
    ("GET", "/executions/{job_id}/report", [401, 200, 200, 200, 200]),
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
    ("GET", "/keys", [401, 403, 403, 403, 200]),
    ("POST", "/keys/rotate", [401, 403, 403, 403, 202]),
    ("GET", "/settings", [401, 403, 403, 403, 200]),
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
            // A fresh account each time: some calls end every key of the one who asks.
            let asking = if who == "nobody" { None } else { Some(somebody(&studio, &admin, who).await) };
            let path = format!("/api/v1{}", fill(&studio, &admin, asking.as_ref(), method, pattern).await);
            let key = asking.as_ref().map(|(_, key)| key.as_str());
            let status = studio.status(key, method, &path, body(&studio, &admin, method, pattern).await).await;
            if status != *expected {
                wrong.push(format!("{method} {pattern} by {who}: {status}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let answers = || EXPECTED.iter().flat_map(|(_, _, expected)| expected);
    counted(answers().count(), answers().filter(|status| **status >= 400).count());
}

fn routes(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().expect("paths");
    let methods =
        |item: &Value| item.as_object().expect("an item").keys().map(|method| method.to_uppercase()).collect::<Vec<_>>();
    paths.iter().flat_map(|(path, item)| methods(item).into_iter().map(move |method| (method, path.clone()))).collect()
}

/// The path with ids of things that were just made for it: by the one who asks where they are their own, else by the administrator.
pub async fn fill(studio: &Studio, admin: &str, asking: Option<&(String, String)>, method: &str, pattern: &str) -> String {
    let nothing = || pattern.replace("{id}", &uuid::Uuid::nil().to_string());
    match (pattern, asking) {
        ("/users/me/api-keys/{id}", Some((_, key))) => {
            let made = api_key(studio, key, &["read"]).await;
            return pattern.replace("{id}", made["id"].as_str().expect("an id"));
        }
        ("/users/me/sessions/{id}", Some((name, key))) => return pattern.replace("{id}", &session(studio, name, key).await),
        ("/users/me/sessions", Some((name, key))) if method == "DELETE" => {
            session(studio, name, key).await;
        }
        ("/users/me/api-keys/{id}" | "/users/me/sessions/{id}", None) => return nothing(),
        ("/users/invites/{id}", _) => return pattern.replace("{id}", &invite(studio, admin).await.0),
        (pattern, _) if pattern.starts_with("/users/{id}") => {
            let (name, _) = somebody(studio, admin, "viewer").await;
            return pattern.replace("{id}", &account(studio, admin, &name).await);
        }
        _ => {}
    }
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
        let block = if method != "GET" {
            json!([{ "type": "timer", "config": { "duration": "1h" } }])
        } else {
            json!([{ "type": "command", "config": { "command": "echo done" } }])
        };
        let runbook = studio.runbook(admin, block).await;
        let run = studio.execute(admin, &runbook).await;
        let shown =
            studio.until(admin, &run, 20, |run| run["status"] != "pending" && run["steps"][0]["status"] != "pending").await;
        let note = match asking {
            Some((_, key)) if pattern.contains("{note_id}") => {
                let path = format!("/api/v1/executions/{run}/notes");
                let made = studio.call(Some(key), "POST", &path, Some(json!({ "text": "seen" }))).await.json();
                // A viewer has none.
                made["id"].as_str().map(str::to_owned)
            }
            _ => None,
        };
        let note = note.unwrap_or_else(|| uuid::Uuid::nil().to_string());
        let step = shown["steps"][0]["id"].as_str().expect("an id");
        return pattern.replace("{job_id}", &run).replace("{step_id}", step).replace("{note_id}", &note);
    }
    if pattern.contains("{id}") {
        let runbook = studio.runbook(admin, json!([{ "type": "instruction", "config": { "text": "Read this" } }])).await;
        if let ("DELETE", "/runbooks/{id}/favourite", Some((_, key))) = (method, pattern, asking) {
            studio.call(Some(key.as_str()), "PUT", &format!("/api/v1/runbooks/{runbook}/favourite"), None).await;
        }
        return pattern.replace("{id}", &runbook).replace("{n}", "1");
    }
    pattern.to_owned()
}

/// A host whose name is free.
fn host() -> Value {
    json!({ "name": format!("h{}", unique()), "address": "127.0.0.1", "port": 9, "user": "deploy", "roles": ["sre"] })
}

/// A body that the call takes.
pub async fn body(studio: &Studio, admin: &str, method: &str, pattern: &str) -> Option<Value> {
    match (method, pattern) {
        ("POST", "/users/signup") => Some(newcomer("new")),
        ("PUT", "/users/me/password") => {
            Some(json!({ "current_password": PASSWORD, "new_password": "other words, quite many of them" }))
        }
        ("POST", "/users/me/api-keys") => Some(json!({ "name": "by the table", "scopes": ["write"], "expires_in_days": 7 })),
        ("POST", "/users") => Some(json!({ "username": format!("made-{}", unique()), "role": "sre" })),
        ("PUT", "/users/{id}") => Some(json!({ "role": "sre", "disabled": true })),
        ("POST", "/users/invites") => Some(json!({ "role": "admin" })),
        ("POST", "/users/invites/accept") => {
            let mut body = newcomer("guest");
            body["token"] = invite(studio, admin).await.1.into();
            Some(body)
        }
        ("POST", "/users/password-reset") => Some(json!({ "token": reset_token(studio, admin).await, "password": PASSWORD })),
        ("POST", "/users/login") => Some(json!({ "username": "viewer", "password": PASSWORD })),
        ("POST", "/hosts") | ("PUT", "/hosts/{id}") => Some(host()),
        ("PUT", "/runbooks/{id}/favourite") => None,
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
        ("POST", "/executions/{job_id}/notes") => Some(json!({ "text": "By the table" })),
        ("POST", "/executions/{job_id}/control") => Some(json!({ "action": "stop" })),
        _ => None,
    }
}
