//! Everything that can be asked of the server, asked by everybody; and what is in the audit trail afterwards.

mod audit;
mod cross_site;
pub mod functions;
mod guessing;
mod hosts;
mod lapsed;
mod outside;
mod rest;
mod scopes;
mod streams;

use std::sync::atomic::{AtomicU32, Ordering};

use chrono::Utc;
use domain::{AccountId, ApiKeyId, AuditAction, AuditEntry, Scope, SessionId};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::{NewApiKey, NewSession};
use vault::{ApiKey, SessionToken, token_hash};

use crate::world::{PASSWORD, Studio};

/// Everybody there is, in the order of the tables' columns.
const WHO: [&str; 5] = ["nobody", "viewer", "developer", "sre", "admin"];

/// A studio with one account of each role, named after it, and the administrator's key.
async fn everybody() -> (Studio, String) {
    let studio = Studio::new().await;
    let admin = studio.sign_up(None, "admin", None).await;
    for role in ["viewer", "developer", "sre"] {
        studio.sign_up(Some(&admin), role, Some(role)).await;
    }
    (studio, admin)
}

/// A new account of this role: its name and API key. What it does to itself disturbs nobody else.
async fn somebody(studio: &Studio, admin: &str, role: &str) -> (String, String) {
    let name = format!("{role}-{}", unique());
    let key = studio.sign_up(Some(admin), &name, Some(role)).await;
    (name, key)
}

/// The id of an account.
async fn account(studio: &Studio, admin: &str, name: &str) -> String {
    let users = studio.call(Some(admin), "GET", "/api/v1/users", None).await.json();
    let user = users.as_array().expect("users").iter().find(|user| user["username"] == name).cloned().unwrap_or_default();
    user["id"].as_str().expect("an id").to_owned()
}

/// A new API key of whoever has `key`.
async fn api_key(studio: &Studio, key: &str, scopes: &[&str]) -> Value {
    let body = json!({ "name": "by the table", "scopes": scopes });
    let made = studio.call(Some(key), "POST", "/api/v1/users/me/api-keys", Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()
}

/// A one-time link, made by this call.
async fn link(studio: &Studio, admin: &str, path: &str, body: Option<Value>) -> Value {
    let made = studio.call(Some(admin), "POST", path, body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()
}

/// The token of a link to a new password of a new account.
async fn reset_token(studio: &Studio, admin: &str) -> String {
    let (name, _) = somebody(studio, admin, "viewer").await;
    let path = format!("/api/v1/users/{}/password-reset", account(studio, admin, &name).await);
    link(studio, admin, &path, None).await["token"].as_str().expect("a token").to_owned()
}

/// An invitation: its id and token.
async fn invite(studio: &Studio, admin: &str) -> (String, String) {
    let made = link(studio, admin, "/api/v1/users/invites", Some(json!({ "role": "viewer" }))).await;
    (made["id"].as_str().expect("an id").to_owned(), made["token"].as_str().expect("a token").to_owned())
}

/// The id of a session that this account begins.
async fn session(studio: &Studio, name: &str, key: &str) -> String {
    functions::sign_in(studio, name).await;
    let sessions = studio.call(Some(key), "GET", "/api/v1/users/me/sessions", None).await.json();
    sessions[0]["id"].as_str().expect("an id").to_owned()
}

/// What time has ended, each of a new administrator: the cookie of a session that was used just now but is over, that of one that
/// is not over but was not used for half a day, and an API key whose last day has passed. What differs in nothing but its time is
/// good: that is looked at here.
async fn timed_out(studio: &mut Studio, admin: &str) -> [(&'static str, String); 3] {
    let (name, _) = somebody(studio, admin, "admin").await;
    let id: AccountId = account(studio, admin, &name).await.parse().expect("an id");
    let hours = chrono::Duration::hours;
    let now = Utc::now();
    let entry = || AuditEntry {
        at: now,
        actor: Some(id),
        actor_name: name.clone(),
        address: None,
        action: AuditAction::SignIn,
        target: format!("account:{id}"),
        detail: json!({}),
    };
    // When it was used last, and when it ends. What is over is made last: whoever signs in forgets what is.
    let times = [(now, hours(1)), (now - hours(13), hours(100)), (now, -hours(1))];
    let (cookies, keys) = studio
        .while_stopped(async |store| {
            let (mut cookies, mut keys) = (Vec::new(), Vec::new());
            for (created_at, left) in times {
                let token = SessionToken::generate().expect("a token");
                let session = NewSession {
                    id: SessionId::new(),
                    token_hash: token.hash(),
                    account: id,
                    device: "of the test".to_owned(),
                    address: None,
                    created_at,
                    expires_at: now + left,
                };
                assert!(store.create_session(&session, "", &entry()).await.expect("a session"));
                cookies.push(format!("studio_session={}", token.secret().expose_secret()));
            }
            for left in [hours(1), -hours(1)] {
                let secret = ApiKey::generate().expect("a key").secret().expose_secret().to_owned();
                let key = NewApiKey {
                    id: ApiKeyId::new(),
                    account: id,
                    name: "of the test".to_owned(),
                    hash: token_hash(&secret),
                    scopes: vec![Scope::Read, Scope::Execute, Scope::Write],
                    created_at: now,
                    expires_at: Some(now + left),
                };
                assert!(store.create_api_key(&key, None, &entry()).await.expect("a key"));
                keys.push(secret);
            }
            (cookies, keys)
        })
        .await;
    let [good, idle, over] = cookies.try_into().expect("three sessions");
    let [good_key, old_key] = keys.try_into().expect("two keys");
    for header in [("cookie", good.as_str()), ("x-api-key", good_key.as_str())] {
        assert_eq!(studio.exchange("GET", "/api/v1/users", &[header], None).await.status, 200, "{header:?} is good");
    }
    [("cookie", over), ("cookie", idle), ("x-api-key", old_key)]
}

/// What somebody signs up with.
fn newcomer(name: &str) -> Value {
    json!({ "username": format!("{name}-{}", unique()), "password": PASSWORD })
}

/// Tells `cargo xtask attack` how many calls a test made and how many of them were refused, as they had to be.
#[expect(clippy::print_stdout, reason = "the command reads it")]
fn counted(tried: usize, refused: usize) {
    println!("attacked: access table: {tried} tried, {refused} refused");
}

/// A number for names that must not be taken yet.
fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
