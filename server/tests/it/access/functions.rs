//! Every server function that is compiled into the server. A function without a row here fails.
//!
//! The pages call them with the browser's session cookie.

use std::collections::BTreeSet;

// Linked for its server functions, which register themselves.
use app as _;
use reqwest::header::SET_COOKIE;
use serde_json::{Value, json};

use super::{WHO, account, api_key, counted, everybody, invite, reset_token, session, somebody, timed_out, unique};
use crate::world::{Answered, PASSWORD, Studio};

/// What each of [`WHO`] is answered.
pub const EXPECTED: &[(&str, [u16; 5])] = &[
    ("me", [200, 200, 200, 200, 200]),
    ("needs_setup", [200, 200, 200, 200, 200]),
    ("is_sign_up_open", [200, 200, 200, 200, 200]),
    ("sign_up", [200, 200, 200, 200, 200]),
    ("sign_in", [200, 200, 200, 200, 200]),
    ("sign_out", [200, 200, 200, 200, 200]),
    ("list_runbooks", [401, 200, 200, 200, 200]),
    ("search_runbooks", [401, 200, 200, 200, 200]),
    ("set_favourite", [401, 200, 200, 200, 200]),
    ("create_sample", [401, 403, 200, 200, 200]),
    ("list_tags", [401, 200, 200, 200, 200]),
    ("list_titles", [401, 200, 200, 200, 200]),
    ("get_runbook", [401, 200, 200, 200, 200]),
    ("get_version", [401, 200, 200, 200, 200]),
    ("list_versions", [401, 200, 200, 200, 200]),
    ("compare_versions", [401, 200, 200, 200, 200]),
    ("diff_versions", [401, 200, 200, 200, 200]),
    ("compare_draft", [401, 200, 200, 200, 200]),
    ("create_runbook", [401, 403, 200, 200, 200]),
    ("update_runbook", [401, 403, 200, 200, 200]),
    ("delete_runbook", [401, 403, 200, 200, 200]),
    ("roll_back", [401, 403, 200, 200, 200]),
    ("duplicate_runbook", [401, 403, 200, 200, 200]),
    ("import_document", [401, 403, 200, 200, 200]),
    ("get_home", [401, 200, 200, 200, 200]),
    ("start_run", [401, 403, 200, 200, 200]),
    ("run_block", [401, 403, 200, 200, 200]),
    ("preflight_run", [401, 403, 200, 200, 200]),
    ("preview_blocks", [401, 403, 200, 200, 200]),
    ("get_run", [401, 200, 200, 200, 200]),
    ("get_instruction", [401, 200, 200, 200, 200]),
    ("get_report", [401, 200, 200, 200, 200]),
    ("compare_runs", [401, 200, 200, 200, 200]),
    ("get_output", [401, 200, 200, 200, 200]),
    ("list_notes", [401, 200, 200, 200, 200]),
    ("add_note", [401, 403, 200, 200, 200]),
    // Their own note.
    ("delete_note", [401, 403, 200, 200, 200]),
    ("list_runs", [401, 200, 200, 200, 200]),
    // The run is the administrator's: a developer controls only their own.
    ("control_run", [401, 403, 403, 200, 200]),
    ("list_credentials", [401, 403, 403, 200, 200]),
    ("create_credential", [401, 403, 403, 200, 200]),
    ("delete_credential", [401, 403, 403, 200, 200]),
    ("check_host", [401, 403, 403, 200, 200]),
    ("pin_host_key", [401, 403, 403, 200, 200]),
    ("list_hosts", [401, 200, 200, 200, 200]),
    ("create_host", [401, 403, 403, 200, 200]),
    ("update_host", [401, 403, 403, 200, 200]),
    ("delete_host", [401, 403, 403, 200, 200]),
    ("get_settings", [401, 403, 403, 403, 200]),
    ("set_retention", [401, 403, 403, 403, 200]),
    ("list_audit", [401, 403, 403, 200, 200]),
    ("verify_audit", [401, 403, 403, 200, 200]),
    ("list_sessions", [401, 200, 200, 200, 200]),
    ("end_session", [401, 200, 200, 200, 200]),
    ("end_sessions", [401, 200, 200, 200, 200]),
    ("change_password", [401, 200, 200, 200, 200]),
    ("list_api_keys", [401, 200, 200, 200, 200]),
    ("create_api_key", [401, 200, 200, 200, 200]),
    ("revoke_api_key", [401, 200, 200, 200, 200]),
    ("shown_once", [200, 200, 200, 200, 200]),
    ("link_purpose", [200, 200, 200, 200, 200]),
    ("accept_invite", [200, 200, 200, 200, 200]),
    ("reset_password", [200, 200, 200, 200, 200]),
    ("administrators", [401, 200, 200, 200, 200]),
    ("list_users", [401, 403, 403, 403, 200]),
    ("create_user", [401, 403, 403, 403, 200]),
    ("change_role", [401, 403, 403, 403, 200]),
    ("disable_user", [401, 403, 403, 403, 200]),
    ("offer_password_reset", [401, 403, 403, 403, 200]),
    ("invite_user", [401, 403, 403, 403, 200]),
    ("list_invites", [401, 403, 403, 403, 200]),
    ("withdraw_invite", [401, 403, 403, 403, 200]),
];

/// What is done to one's own account.
const OWN: &[&str] = &["end_session", "end_sessions", "change_password", "create_api_key", "revoke_api_key"];

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_has_ended_is_nobodys() {
    let (mut studio, admin) = everybody().await;
    let [(_, over), (_, idle), _] = timed_out(&mut studio, &admin).await;
    let ended = sign_in(&studio, "admin").await;
    assert_eq!(studio.function(Some(&ended), "sign_out", form([])).await.status, 200);
    let (locked_out, key) = somebody(&studio, &admin, "admin").await;
    let locked = sign_in(&studio, &locked_out).await;
    assert_eq!(studio.function(Some(&locked), "list_users", form([])).await.status, 200);
    let id = account(&studio, &admin, &locked_out).await;
    let lock = studio.call(Some(&admin), "PUT", &format!("/api/v1/users/{id}"), Some(json!({ "disabled": true }))).await;
    assert_eq!(lock.status, 200, "{}", lock.text);
    let mut wrong = Vec::new();
    let mut refused = 0;
    for (name, [nobody, ..]) in EXPECTED {
        for (how, cookie) in [("signed out", &ended), ("locked", &locked), ("over", &over), ("idle", &idle)] {
            let body = arguments(&studio, &admin, name, "nobody", &key).await;
            let answer = studio.function(Some(cookie), name, body).await;
            refused += usize::from(answer.status.is_client_error());
            if answer.status != *nobody {
                wrong.push(format!("{name}, {how}: {}, not {nobody}: {}", answer.status, answer.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    counted(4 * EXPECTED.len(), refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_server_function_asks_who_is_asking() {
    let (studio, admin) = everybody().await;
    let known: BTreeSet<String> = EXPECTED.iter().map(|(name, _)| format!("/rpc/{name}")).collect();
    let compiled: BTreeSet<String> = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path.to_owned()).collect();
    assert_eq!(compiled, known, "the server functions and the table differ");

    let mut wrong = Vec::new();
    for (name, expected) in EXPECTED {
        for (who, expected) in WHO.into_iter().zip(expected) {
            // A fresh session each time, for some even a fresh account: they end the ones that are there.
            let (person, key) = match who {
                "nobody" => (who.to_owned(), admin.clone()),
                who if OWN.contains(name) => somebody(&studio, &admin, who).await,
                who => (who.to_owned(), admin.clone()),
            };
            let cookie = if who == "nobody" { None } else { Some(sign_in(&studio, &person).await) };
            let body = arguments(&studio, &admin, name, &person, &key).await;
            let answer = studio.function(cookie.as_deref(), name, body).await;
            if answer.status != *expected {
                wrong.push(format!("{name} by {who}: {}, not {expected}: {}", answer.status, answer.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let answers = || EXPECTED.iter().flat_map(|(_, expected)| expected);
    counted(answers().count(), answers().filter(|status| **status >= 400).count());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_function_refuses_what_it_cannot_read() {
    let (studio, _) = everybody().await;
    let cookie = sign_in(&studio, "admin").await;
    let long = "x".repeat(2 << 20);
    for (name, body) in [
        ("get_run", Arguments::Form(vec![("id", "not-an-id".to_owned())])),
        ("get_run", Arguments::Form(vec![])),
        ("get_version", Arguments::Form(vec![("id", uuid::Uuid::nil().to_string()), ("version", "-1".to_owned())])),
        ("control_run", Arguments::Form(vec![("id", uuid::Uuid::nil().to_string()), ("action", "explode".to_owned())])),
        ("create_runbook", Arguments::Json(json!({ "draft": 7 }))),
        ("create_runbook", Arguments::Json(json!([]))),
        ("import_document", Arguments::Form(vec![("document", long)])),
        (
            "create_host",
            Arguments::Form(vec![("host[name]", "web-1".to_owned()), ("host[address]", "-oProxyCommand=x".to_owned())]),
        ),
        ("create_host", Arguments::Form(vec![("host[name]", "web-1".to_owned()), ("host[roles][]", "root".to_owned())])),
        ("delete_host", Arguments::Form(vec![("id", "local".to_owned())])),
    ] {
        let answer = studio.function(Some(&cookie), name, body).await;
        assert!((400..500).contains(&answer.status.as_u16()), "{name}: {} {}", answer.status, answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_is_signed_in_sends_more_than_a_mebibyte_and_only_runbooks() {
    let (studio, _) = everybody().await;
    let cookie = sign_in(&studio, "developer").await;
    let long = "x".repeat(2 << 20);
    let filler = |length: usize| json!({ "draft": { "title": "Long", "description": "x".repeat(length), "blocks": [] } });
    for (name, cookie, body, expected) in [
        ("sign_in", None, form([("username", "viewer"), ("password", long.as_str())]), 413),
        ("sign_up", None, form([("username", long.as_str()), ("password", PASSWORD)]), 413),
        ("add_note", Some(&cookie), form([("id", ""), ("text", long.as_str())]), 413),
        ("import_document", None, form([("document", long.as_str())]), 401),
        ("create_runbook", None, Arguments::Json(filler(2 << 20)), 401),
        ("create_runbook", Some(&"studio_session=nobodys".to_owned()), Arguments::Json(filler(2 << 20)), 401),
        // They are read whole, and refused for what they say.
        ("import_document", Some(&cookie), form([("document", long.as_str())]), 422),
        ("create_runbook", Some(&cookie), Arguments::Json(filler(2 << 20)), 422),
    ] {
        let answer = studio.function(cookie.map(String::as_str), name, body).await;
        assert_eq!(answer.status.as_u16(), expected, "{name}: {:.200}", answer.text);
    }
}

/// A session by the page's own function; the cookie as a browser sends it back.
pub async fn sign_in(studio: &Studio, who: &str) -> String {
    let answer = studio.function(None, "sign_in", credentials_of(who)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let cookie = answer.headers[SET_COOKIE].to_str().expect("a cookie");
    cookie.split(';').next().expect("a name and a value").to_owned()
}

fn credentials_of(who: &str) -> Arguments {
    form([("username", who), ("password", PASSWORD)])
}

/// Arguments in the encoding of the function; what they name was just made by the administrator, or by who asks and has `key`.
pub async fn arguments(studio: &Studio, admin: &str, name: &str, who: &str, key: &str) -> Arguments {
    let draft = || json!({ "title": "By the table", "description": "", "blocks": [] });
    match name {
        "sign_up" => form([("username", format!("fn-{who}-{}", unique()).as_str()), ("password", PASSWORD)]),
        "sign_in" => credentials_of("viewer"),
        "create_runbook" => Arguments::Json(json!({ "draft": draft() })),
        "update_runbook" => Arguments::Json(json!({ "id": runbook(studio, admin).await, "draft": draft(), "if_match": 1 })),
        "compare_draft" => Arguments::Json(json!({ "id": runbook(studio, admin).await, "draft": draft(), "version": 1 })),
        "diff_versions" => form([("id", runbook(studio, admin).await.as_str()), ("from", "1"), ("to", "1")]),
        "get_runbook" | "list_versions" | "compare_versions" | "delete_runbook" | "duplicate_runbook" | "start_run"
        | "preflight_run" => form([("id", runbook(studio, admin).await.as_str())]),
        "run_block" => {
            let runbook = runbook(studio, admin).await;
            let shown = studio.call(Some(admin), "GET", &format!("/api/v1/runbooks/{runbook}"), None).await.json();
            Arguments::Json(json!({ "id": runbook, "version": 1, "block": shown["blocks"][0]["id"], "parameters": {} }))
        }
        "preview_blocks" => Arguments::Json(json!({ "title": "By the table", "blocks": [], "parameters": [] })),
        "set_retention" => form([("audit_days", "365"), ("output_days", "90")]),
        "set_favourite" => form([("id", runbook(studio, admin).await.as_str()), ("favourite", "true")]),
        "get_version" | "roll_back" => form([("id", runbook(studio, admin).await.as_str()), ("version", "1")]),
        "import_document" => form([("document", "# Title\n\nText\n")]),
        "compare_runs" => {
            let run = run(studio, admin).await.0;
            form([("id", run.as_str()), ("with", run.as_str())])
        }
        "get_run" | "get_report" | "list_notes" => form([("id", run(studio, admin).await.0.as_str())]),
        "get_instruction" => {
            let run = studio.execute(admin, &runbook(studio, admin).await).await;
            form([("id", run.as_str()), ("ordinal", "0")])
        }
        "get_output" => {
            let (run, step) = run(studio, admin).await;
            form([("id", run.as_str()), ("step", step.as_str()), ("after", "0"), ("limit", "10")])
        }
        "add_note" => form([("id", run(studio, admin).await.0.as_str()), ("text", "seen\r\ndecided")]),
        "delete_note" => {
            let (run, _) = run(studio, admin).await;
            let nil = uuid::Uuid::nil().to_string();
            if who == "nobody" {
                return form([("id", run.as_str()), ("note", nil.as_str())]);
            }
            let cookie = sign_in(studio, who).await;
            let written = form([("id", run.as_str()), ("text", "seen")]);
            let written = studio.function(Some(&cookie), "add_note", written).await;
            // A viewer has none.
            let written = serde_json::from_str::<Value>(&written.text).unwrap_or_default();
            form([("id", run.as_str()), ("note", written["id"].as_str().unwrap_or(&nil))])
        }
        "control_run" => form([("id", run(studio, admin).await.0.as_str()), ("action", "stop")]),
        "create_credential" => {
            let name = format!("fn-{}", unique());
            form([("name", name.as_str()), ("kind", "api"), ("secret", "s3cret-of-the-test")])
        }
        "delete_credential" => {
            let body = json!({ "name": format!("fn-{}", unique()), "type": "api", "secret": "s3cret-of-the-test" });
            let made = studio.call(Some(admin), "POST", "/api/v1/credentials", Some(body)).await.json();
            form([("id", made["id"].as_str().expect("an id"))])
        }
        "create_host" => Arguments::Form(host_fields()),
        "update_host" => {
            let mut fields = vec![("id", host(studio, admin).await)];
            fields.extend(host_fields());
            Arguments::Form(fields)
        }
        "pin_host_key" => {
            let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
            form([("id", host(studio, admin).await.as_str()), ("host_key", key)])
        }
        "delete_host" | "check_host" => form([("id", host(studio, admin).await.as_str())]),
        "end_session" if who == "nobody" => form([("id", uuid::Uuid::nil().to_string().as_str())]),
        "end_session" => form([("id", session(studio, who, key).await.as_str())]),
        "change_password" => form([("current_password", PASSWORD), ("new_password", "other words, quite many of them")]),
        "create_api_key" => {
            form([("name", "by the table"), ("scopes[]", "read"), ("scopes[]", "write"), ("expires_in_days", "30")])
        }
        "revoke_api_key" if who == "nobody" => form([("id", uuid::Uuid::nil().to_string().as_str())]),
        "revoke_api_key" => form([("id", api_key(studio, key, &["read"]).await["id"].as_str().expect("an id"))]),
        "link_purpose" => form([("token", invite(studio, admin).await.1.as_str())]),
        "accept_invite" => {
            let (_, token) = invite(studio, admin).await;
            form([("token", token.as_str()), ("username", format!("fn-{}", unique()).as_str()), ("password", PASSWORD)])
        }
        "reset_password" => form([("token", reset_token(studio, admin).await.as_str()), ("password", PASSWORD)]),
        "create_user" => form([("username", format!("fn-{}", unique()).as_str()), ("role", "sre")]),
        "invite_user" => form([("role", "sre")]),
        "withdraw_invite" => form([("id", invite(studio, admin).await.0.as_str())]),
        "change_role" | "disable_user" | "offer_password_reset" => {
            let (person, _) = somebody(studio, admin, "viewer").await;
            let id = account(studio, admin, &person).await;
            match name {
                "change_role" => form([("id", id.as_str()), ("role", "sre")]),
                "disable_user" => form([("id", id.as_str()), ("disabled", "true")]),
                _ => form([("id", id.as_str())]),
            }
        }
        _ => form([]),
    }
}

/// The fields of the form of a host, as the page names them.
fn host_fields() -> Vec<(&'static str, String)> {
    let fields =
        [("host[address]", "192.0.2.1"), ("host[user]", "deploy"), ("host[roles][]", "sre"), ("host[env]", "A=1\r\nB=2")];
    let name = ("host[name]", format!("fn-{}", unique()));
    fields.into_iter().map(|(name, value)| (name, value.to_owned())).chain([name]).collect()
}

async fn host(studio: &Studio, admin: &str) -> String {
    let body = json!({ "name": format!("fn-{}", unique()), "address": "127.0.0.1", "port": 9, "user": "deploy" });
    let made = studio.call(Some(admin), "POST", "/api/v1/hosts", Some(body)).await.json();
    made["id"].as_str().expect("an id").to_owned()
}

async fn runbook(studio: &Studio, admin: &str) -> String {
    studio.runbook(admin, json!([{ "type": "instruction", "config": { "text": "Read this" } }])).await
}

/// A run that goes on for long, and its step.
async fn run(studio: &Studio, admin: &str) -> (String, String) {
    let runbook = studio.runbook(admin, json!([{ "type": "timer", "config": { "duration": "1h" } }])).await;
    let run = studio.execute(admin, &runbook).await;
    let shown = studio.until(admin, &run, 20, |run| run["steps"][0]["status"] == "running").await;
    (run, shown["steps"][0]["id"].as_str().expect("an id").to_owned())
}

/// What a server function is given.
pub enum Arguments {
    /// As a form sends it.
    Form(Vec<(&'static str, String)>),
    /// As the script sends a whole block tree.
    Json(Value),
}

/// The fields of a form.
pub fn form<const N: usize>(fields: [(&'static str, &str); N]) -> Arguments {
    Arguments::Form(fields.map(|(name, value)| (name, value.to_owned())).to_vec())
}

impl Studio {
    /// One call of a server function as the page's script makes it; never answered with a 5xx.
    pub async fn function(&self, cookie: Option<&str>, name: &str, arguments: Arguments) -> Answered {
        let (kind, body) = match arguments {
            Arguments::Form(fields) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                fields.iter().for_each(|(name, value)| {
                    form.append_pair(name, value);
                });
                ("application/x-www-form-urlencoded", form.finish())
            }
            Arguments::Json(value) => ("application/json", value.to_string()),
        };
        let mut headers = vec![("accept", "application/json"), ("sec-fetch-site", "same-origin")];
        headers.extend(cookie.map(|cookie| ("cookie", cookie)));
        self.exchange("POST", &format!("/rpc/{name}"), &headers, Some((kind, body.into_bytes()))).await
    }
}
