//! Everything that can be asked of the server, asked by everybody; and what is in the audit trail afterwards.

mod audit;
mod cross_site;
pub mod functions;
mod guessing;
mod lapsed;
mod rest;
mod scopes;
mod streams;

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

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

/// What somebody signs up with.
fn newcomer(name: &str) -> Value {
    json!({ "username": format!("{name}-{}", unique()), "password": PASSWORD })
}

/// Tells `cargo xtask attack` how many calls a test made and how many of them were refused, as they had to be.
fn counted(tried: usize, refused: usize) {
    println!("attacked: access table: {tried} tried, {refused} refused");
}

/// A number for names that must not be taken yet.
fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
