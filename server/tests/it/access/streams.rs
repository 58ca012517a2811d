//! What is open when a right ends: it closes within five seconds.

use std::time::Duration;

use chrono::Utc;
use domain::{AuditAction, AuditEntry};
use futures::StreamExt;
use reqwest::{Client, Response};
use serde_json::json;
use tokio::time::timeout;

use super::functions::{form, sign_in};
use super::{account, everybody, somebody};
use crate::world::Studio;

/// How soon a stream must be closed.
const SOON: Duration = Duration::from_secs(5);

async fn open(studio: &Studio, path: &str, header: (&str, &str)) -> Response {
    let client = Client::builder().no_proxy().build().expect("a client");
    let request = client.get(format!("{}/api/v1{path}", studio.address())).header(header.0, header.1);
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200, "{path}");
    response
}

/// Reads a stream to its end.
async fn ended(response: Response) -> bool {
    timeout(SOON, response.bytes_stream().for_each(|_| std::future::ready(()))).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_view_closes_when_its_right_ends() {
    let (studio, admin) = everybody().await;
    let runbook = studio.runbook(&admin, json!([{ "type": "timer", "config": { "duration": "1h" } }])).await;
    let events = format!("/executions/{}/events", studio.execute(&admin, &runbook).await);

    let mut people = Vec::new();
    for _ in 0..5 {
        people.push(somebody(&studio, &admin, "developer").await);
    }
    let cookie = sign_in(&studio, &people[1].0).await;
    let mut streams = Vec::new();
    for (n, (_, key)) in people.iter().enumerate() {
        let header = if n == 1 { ("cookie", cookie.as_str()) } else { ("x-api-key", key.as_str()) };
        streams.push(open(&studio, &events, header).await);
    }
    let change = async |n: usize, body| {
        let id: String = account(&studio, &admin, &people[n].0).await;
        let answer = studio.call(Some(&admin), "PUT", &format!("/api/v1/users/{id}"), Some(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    // A key that is revoked, a session that is signed out, another role, a lock; and one to whom nothing happens.
    assert_eq!(studio.call(Some(&people[0].1), "POST", "/api/v1/users/logout", None).await.status, 200);
    assert_eq!(studio.function(Some(&cookie), "sign_out", form([])).await.status, 200);
    change(2, json!({ "role": "viewer" })).await;
    change(3, json!({ "disabled": true })).await;
    let ends = futures::future::join_all(streams.into_iter().map(ended)).await;
    assert_eq!(ends, [true, true, true, true, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_breaks_off_when_its_right_ends() {
    let (studio, admin) = everybody().await;
    let write = "yes 'a line of output, of which there are very many' | head -c 30000000";
    let runbook = studio.runbook(&admin, json!([{ "type": "command", "config": { "command": write } }])).await;
    let run = studio.execute(&admin, &runbook).await;
    let shown = studio.until(&admin, &run, 120, |run| run["status"] == "completed").await;
    let path = format!("/executions/{run}/steps/{}/output", shown["steps"][0]["id"].as_str().expect("an id"));

    let (_, key) = somebody(&studio, &admin, "viewer").await;
    let mut pieces = open(&studio, &path, ("x-api-key", &key)).await.bytes_stream();
    assert!(matches!(pieces.next().await, Some(Ok(_))));
    assert_eq!(studio.call(Some(&key), "POST", "/api/v1/users/logout", None).await.status, 200);
    // Whoever reads slowly gets what was on its way already, and then no end that looks like one.
    tokio::time::sleep(SOON).await;
    let mut length = 0;
    let broken_off = loop {
        match timeout(SOON, pieces.next()).await.expect("it goes on or ends") {
            Some(Ok(piece)) => length += piece.len(),
            Some(Err(_)) => break true,
            None => break false,
        }
    };
    assert!(broken_off && length < 30_000_000, "{length} bytes, broken off: {broken_off}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_the_audit_trail_breaks_off_when_its_right_ends() {
    // Far more than is on its way at any time, and than one look at the right allows.
    const ROWS: usize = 2_500;
    let (mut studio, admin) = everybody().await;
    let long = "a long word of what was done ".repeat(700);
    studio
        .while_stopped(async |store| {
            for number in 0..ROWS {
                let entry = AuditEntry {
                    at: Utc::now(),
                    actor: None,
                    actor_name: "of the test".to_owned(),
                    address: None,
                    action: AuditAction::SignInRefused,
                    target: format!("account:{number}"),
                    detail: json!({ "said": long }),
                };
                store.append_audit(&entry).await.expect("a row");
            }
        })
        .await;
    for (way, format) in [("revoked", "jsonl"), ("another role", "csv"), ("signed out", "jsonl")] {
        let (name, key) = somebody(&studio, &admin, "sre").await;
        let cookie = sign_in(&studio, &name).await;
        let header = if way == "signed out" { ("cookie", cookie.as_str()) } else { ("x-api-key", key.as_str()) };
        let mut pieces = open(&studio, &format!("/audit/export?format={format}"), header).await.bytes_stream();
        let mut length = pieces.next().await.expect("a piece").expect("a piece").len();
        let status = match way {
            "revoked" => studio.call(Some(&key), "POST", "/api/v1/users/logout", None).await.status,
            "signed out" => studio.function(Some(&cookie), "sign_out", form([])).await.status,
            _ => {
                let path = format!("/api/v1/users/{}", account(&studio, &admin, &name).await);
                studio.call(Some(&admin), "PUT", &path, Some(json!({ "role": "developer" }))).await.status
            }
        };
        assert_eq!(status, 200, "{way}");
        // Who reads slowly gets what was on its way already, and then no end that looks like one.
        tokio::time::sleep(SOON).await;
        let broken_off = loop {
            match timeout(SOON, pieces.next()).await.expect("it goes on or ends") {
                Some(Ok(piece)) => length += piece.len(),
                Some(Err(_)) => break true,
                None => break false,
            }
        };
        assert!(broken_off && length < ROWS * long.len() / 2, "{way}: {length} bytes, broken off: {broken_off}");
    }
}
