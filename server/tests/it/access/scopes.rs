//! Every route, asked with keys that were made for one thing alone.

use serde_json::Value;

use super::rest::{EXPECTED, body, fill};
use super::{api_key, counted, everybody, somebody};

/// What a key must be made for to be used for a call; none where nothing is asked, or nobody need be known.
fn scope(method: &str, pattern: &str) -> Option<&'static str> {
    match (method, pattern) {
        ("GET", "/users/me") | ("POST", "/users/signup" | "/users/login" | "/users/logout") => None,
        ("POST", "/users/invites/accept" | "/users/password-reset") => None,
        ("POST", "/runbooks/{id}/execute" | "/runbooks/{id}/preflight" | "/blocks/execute" | "/executions/{job_id}/control") => {
            Some("execute")
        }
        (_, "/executions/{job_id}/notes" | "/executions/{job_id}/notes/{note_id}") if method != "GET" => Some("execute"),
        ("GET", _) => Some("read"),
        _ => Some("write"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_good_for_what_it_was_made_for_alone() {
    let (studio, admin) = everybody().await;
    let mut wrong = Vec::new();
    let (mut tried, mut refused) = (0, 0);
    for (method, pattern, expected) in EXPECTED {
        let Some(needed) = scope(method, pattern) else { continue };
        for given in ["read", "execute", "write"] {
            let (name, whole) = somebody(&studio, &admin, "admin").await;
            let made = api_key(&studio, &whole, &[given]).await;
            let key = made["api_key"].as_str();
            let body = body(&studio, &admin, method, pattern).await;
            tried += 1;
            if given == needed {
                let path = format!("/api/v1{}", fill(&studio, &admin, Some(&(name, whole)), method, pattern).await);
                let status = studio.status(key, method, &path, body).await;
                if status != expected[4] {
                    wrong.push(format!("{method} {pattern} with {given}: {status}, not {}", expected[4]));
                }
            } else {
                let path = pattern.split('/').map(|part| if part.starts_with('{') { nothing(part) } else { part.to_owned() });
                let path = format!("/api/v1{}", path.collect::<Vec<_>>().join("/"));
                let answer = studio.call(key, method, &path, body).await;
                refused += usize::from(answer.status.is_client_error());
                let code = serde_json::from_str::<Value>(&answer.text).unwrap_or_default()["code"].clone();
                if (answer.status.as_u16(), code.as_str()) != (403, Some("out_of_scope")) {
                    wrong.push(format!("{method} {pattern} with {given}: {} {}", answer.status, answer.text));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    counted(tried, refused);
}

/// The number or id of something that is not there: whether it is, is not told to who may not ask.
fn nothing(part: &str) -> String {
    if part == "{n}" { "1".to_owned() } else { uuid::Uuid::nil().to_string() }
}
