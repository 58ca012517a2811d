//! Every route, asked with what was good once; and things of somebody else.

use serde_json::json;

use super::functions::{form, sign_in};
use super::rest::{EXPECTED, body};
use super::{account, api_key, counted, everybody, session, somebody, timed_out};

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_opens_nothing() {
    let (mut studio, admin) = everybody().await;
    let timed_out = timed_out(&mut studio, &admin).await;
    let (name, key) = somebody(&studio, &admin, "admin").await;
    let revoked = api_key(&studio, &key, &["read", "execute", "write"]).await;
    let path = format!("/api/v1/users/me/api-keys/{}", revoked["id"].as_str().expect("an id"));
    assert_eq!(studio.call(Some(&key), "DELETE", &path, None).await.status, 204);
    let signed_out = sign_in(&studio, &name).await;
    assert_eq!(studio.function(Some(&signed_out), "sign_out", form([])).await.status, 200);
    let (locked, locked_key) = somebody(&studio, &admin, "admin").await;
    let locked_session = sign_in(&studio, &locked).await;
    let id = account(&studio, &admin, &locked).await;
    let lock = studio.call(Some(&admin), "PUT", &format!("/api/v1/users/{id}"), Some(json!({ "disabled": true }))).await;
    assert_eq!((lock.status.as_u16(), lock.json()["disabled_at"].is_string()), (200, true), "{}", lock.text);

    let unknown = format!("rbs_{}", "x".repeat(43));
    let revoked = revoked["api_key"].as_str().expect("a key");
    let mut shown = vec![
        ("x-api-key", revoked),
        ("x-api-key", locked_key.as_str()),
        ("x-api-key", unknown.as_str()),
        ("cookie", signed_out.as_str()),
        ("cookie", locked_session.as_str()),
        ("cookie", "studio_session=made-up"),
    ];
    shown.extend(timed_out.iter().map(|(name, value)| (*name, value.as_str())));
    let mut wrong = Vec::new();
    let mut refused = 0;
    for (method, pattern, _) in EXPECTED {
        // These never look at who asks.
        if matches!(*pattern, "/users/login" | "/users/invites/accept" | "/users/password-reset") {
            continue;
        }
        let nil = uuid::Uuid::nil().to_string();
        let path = ["{id}", "{job_id}", "{step_id}", "{note_id}"]
            .iter()
            .fold((*pattern).replace("{n}", "1"), |path, name| path.replace(name, &nil));
        let body = body(&studio, &admin, method, pattern).await.map(|body| ("application/json", body.to_string().into_bytes()));
        for (which, header) in shown.iter().copied().enumerate() {
            let headers = [header, ("sec-fetch-site", "same-origin")];
            let answer = studio.exchange(method, &format!("/api/v1{path}"), &headers, body.clone()).await;
            if answer.status == 401 {
                refused += 1;
            } else {
                wrong.push(format!("{method} {pattern} with {} {which}: {} {}", header.0, answer.status, answer.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    counted(refused, refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_somebody_elses_is_not_there_or_not_theirs_to_touch() {
    let (studio, admin) = everybody().await;
    let (ann, ann_key) = somebody(&studio, &admin, "developer").await;
    let key = api_key(&studio, &ann_key, &["read"]).await["id"].as_str().expect("an id").to_owned();
    let session = session(&studio, &ann, &ann_key).await;
    let runbook = studio.runbook(&ann_key, json!([{ "type": "timer", "config": { "duration": "1h" } }])).await;
    let run = studio.execute(&ann_key, &runbook).await;
    for role in ["viewer", "developer", "sre", "admin"] {
        let (_, eve) = somebody(&studio, &admin, role).await;
        for path in [format!("/api/v1/users/me/api-keys/{key}"), format!("/api/v1/users/me/sessions/{session}")] {
            assert_eq!(studio.call(Some(&eve), "DELETE", &path, None).await.status, 404, "{path} by {role}");
        }
        let control = format!("/api/v1/executions/{run}/control");
        let answer = studio.call(Some(&eve), "POST", &control, Some(json!({ "action": "pause" }))).await;
        let expected = if matches!(role, "viewer" | "developer") { 403 } else { 202 };
        if expected == 202 {
            // It may be pausing, paused or not: what counts is that it is theirs to ask.
            assert!(matches!(answer.status.as_u16(), 202 | 409), "{role}: {}", answer.text);
        } else {
            assert_eq!(answer.status, expected, "{role}: {}", answer.text);
        }
    }
    let listed = studio.call(Some(&ann_key), "GET", "/api/v1/users/me/api-keys", None).await.json();
    assert!(listed.as_array().expect("keys").iter().any(|listed| listed["id"] == key.as_str()));
}
