//! What pages of other sites have a browser send, to every call that changes something.

use serde_json::json;

use super::{everybody, functions, rest};
use crate::world::PASSWORD;

/// How a browser tells that another site asks.
const SIGNS: [&[(&str, &str)]; 4] = [
    &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("sec-fetch-site", "same-site")],
];

/// Calls of the API that no cookie means anything to.
const NO_COOKIE: [&str; 3] = ["/users/login", "/users/invites/accept", "/users/password-reset"];

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_another_site_changes_anything_with_a_session_or_without() {
    let (studio, admin) = everybody().await;
    let cookie = functions::sign_in(&studio, "admin").await;
    let signed_in = ("cookie", cookie.as_str());
    assert_eq!(studio.exchange("GET", "/api/v1/users/me", &[signed_in], None).await.status, 200, "a real session");
    let calls = rest::EXPECTED.iter().filter(|(method, ..)| *method != "GET");
    let calls = calls.map(|(method, pattern, _)| {
        let path =
            pattern.split('/').map(|part| if part.starts_with('{') { "01932c07-0000-7000-8000-000000000000" } else { part });
        (*method, format!("/api/v1{}", path.collect::<Vec<_>>().join("/")), "application/json")
    });
    let form = "application/x-www-form-urlencoded";
    let rpc = functions::EXPECTED.iter().map(|(name, _)| ("POST", format!("/rpc/{name}"), form));
    let mut wrong = Vec::new();
    for (method, path, kind) in calls.chain(rpc) {
        for sign in SIGNS.iter().copied().chain([&[][..]]) {
            for shown in [&[][..], &[signed_in]] {
                // Without a sign the cookie alone is one, where it is looked at.
                if sign.is_empty() && (shown.is_empty() || NO_COOKIE.iter().any(|call| path.ends_with(call))) {
                    continue;
                }
                let answer = studio.exchange(method, &path, &[sign, shown].concat(), Some((kind, b"{}".to_vec()))).await;
                if answer.status != 403 || answer.json()["code"] != "cross_site" {
                    wrong.push(format!("{method} {path} {sign:?} {shown:?}: {}", answer.status));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Whoever has a key, and whoever is no browser, may be anywhere.
    let runbook = json!({ "title": "From afar", "description": "", "blocks": [] }).to_string().into_bytes();
    let headers = [SIGNS[0], &[("x-api-key", admin.as_str()), signed_in]].concat();
    let made = studio.exchange("POST", "/api/v1/runbooks", &headers, Some(("application/json", runbook))).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let account = json!({ "username": "admin", "password": PASSWORD }).to_string().into_bytes();
    for sign in [&[][..], &[("sec-fetch-site", "same-origin")], &[("sec-fetch-site", "none")]] {
        let asked = Some(("application/json", account.clone()));
        assert_eq!(studio.exchange("POST", "/api/v1/users/login", sign, asked).await.status, 200, "{sign:?}");
    }
}
