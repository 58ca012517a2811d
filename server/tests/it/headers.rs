//! What browsers are told not to do.

use std::collections::BTreeSet;

use serde_json::json;

use crate::access::functions::sign_in;
use crate::world::{Answered, PASSWORD, Studio};

/// The policy of a page, and the nonce in it.
fn policy(page: &Answered) -> (String, String) {
    let policies: Vec<_> = page.headers.get_all("content-security-policy").iter().collect();
    assert_eq!(policies.len(), 1, "{policies:?}");
    let policy = policies[0].to_str().expect("a policy");
    let nonce = policy.split_once("'nonce-").and_then(|(_, rest)| rest.split_once('\'')).expect("a nonce").0;
    (policy.replace(nonce, "NONCE"), nonce.to_owned())
}

fn same_everywhere(answer: &Answered, what: &str) {
    for (name, value) in [("referrer-policy", "same-origin"), ("x-frame-options", "DENY"), ("x-content-type-options", "nosniff")]
    {
        let values: Vec<_> = answer.headers.get_all(name).iter().collect();
        assert_eq!(values, [value], "{name} of {what}");
    }
    assert!(!answer.headers.contains_key("access-control-allow-origin"), "{what}");
    assert!(!answer.headers.contains_key("strict-transport-security"), "{what}: not over plain http");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_runs_its_own_scripts_alone_and_stands_in_no_frame() {
    let studio = Studio::new().await;
    let account = json!({ "username": "ann", "password": PASSWORD });
    assert_eq!(studio.call(None, "POST", "/api/v1/users/signup", Some(account)).await.status, 201);
    let cookie = sign_in(&studio, "ann").await;
    let expected = "default-src 'self'; script-src 'self' 'nonce-NONCE' 'wasm-unsafe-eval'; style-src 'self'; \
                    img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'; \
                    object-src 'none'; report-uri /csp-report";
    let mut nonces = BTreeSet::new();
    let paths = ["/", "/", "/runbooks", "/profile", "/no-such-page"];
    for path in paths {
        let page = studio.exchange("GET", path, &[("cookie", &cookie)], None).await;
        assert!(page.headers["content-type"].to_str().is_ok_and(|kind| kind.starts_with("text/html")), "{path}");
        let (policy, nonce) = policy(&page);
        assert_eq!(policy, expected, "{path}");
        assert!(nonce.len() >= 16, "{path}: short enough to be guessed: {nonce}");
        assert!(page.text.contains(&format!("nonce=\"{nonce}\"")), "{path}: its scripts have the nonce");
        assert!(nonces.insert(nonce), "{path}: the nonce of another answer");
        same_everywhere(&page, path);
    }
    assert_eq!(nonces.len(), paths.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_the_api_load_nothing() {
    let studio = Studio::new().await;
    for (path, expected) in [
        ("/api/v1/users/me", "default-src 'none'; frame-ancestors 'none'"),
        ("/api/v1/openapi.json", "default-src 'none'; frame-ancestors 'none'"),
        (
            "/api/docs/",
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
        ),
    ] {
        let answer = studio.exchange("GET", path, &[], None).await;
        let policies: Vec<_> = answer.headers.get_all("content-security-policy").iter().collect();
        assert_eq!(policies, [expected], "{path}");
        same_everywhere(&answer, path);
    }
}
