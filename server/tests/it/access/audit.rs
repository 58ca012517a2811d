//! Every call that changes something leaves an entry in the audit trail: who, from where, what, to what.
//!
//! The tables of `rest` and `functions` list all there is. A new call must write an entry, or stand here among those that change
//! nothing.

use serde_json::{Value, json};

use super::{everybody, functions, rest, somebody};
use crate::world::{PASSWORD, Studio};

/// Server functions that only read; those of the REST API are its GETs.
const READING: &[&str] = &[
    "me",
    "needs_setup",
    "list_runbooks",
    "search_runbooks",
    "list_tags",
    "list_titles",
    "get_runbook",
    "get_version",
    "list_versions",
    "compare_versions",
    "diff_versions",
    "compare_draft",
    "get_home",
    "get_run",
    "get_report",
    "get_instruction",
    "get_output",
    "compare_runs",
    "list_notes",
    "list_runs",
    "list_credentials",
    "list_hosts",
    "get_settings",
    "list_audit",
    "verify_audit",
    "is_sign_up_open",
    "list_sessions",
    "list_api_keys",
    "shown_once",
    "link_purpose",
    "administrators",
    "list_users",
    "preview_blocks",
    "list_invites",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_route_that_changes_something_is_audited() {
    let (studio, admin) = everybody().await;
    let mut missing = Vec::new();
    for (method, pattern, _) in rest::EXPECTED.iter().filter(|(method, ..)| *method != "GET") {
        // An account of its own: some calls end every key of the one who asks.
        let asking = somebody(&studio, &admin, "admin").await;
        let path = format!("/api/v1{}", rest::fill(&studio, &admin, Some(&asking), method, pattern).await);
        let body = rest::body(&studio, &admin, method, pattern).await;
        let before = head(&studio, &admin).await;
        let status = studio.status(Some(&asking.1), method, &path, body).await;
        assert!((200..300).contains(&status), "{method} {pattern}: {status}");
        missing.extend(audited_since(&studio, &admin, before).await.err().map(|why| format!("{method} {pattern}: {why}")));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_server_function_that_changes_something_is_audited() {
    let (studio, admin) = everybody().await;
    let mut missing = Vec::new();
    for (name, _) in functions::EXPECTED.iter().filter(|(name, _)| !READING.contains(name)) {
        let (person, key) = somebody(&studio, &admin, "admin").await;
        let cookie = functions::sign_in(&studio, &person).await;
        let body = functions::arguments(&studio, &admin, name, &person, &key).await;
        let before = head(&studio, &admin).await;
        let answer = studio.function(Some(&cookie), name, body).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
        missing.extend(audited_since(&studio, &admin, before).await.err().map(|why| format!("{name}: {why}")));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_reads_leaves_no_entry() {
    let (studio, admin) = everybody().await;
    let cookie = functions::sign_in(&studio, "admin").await;
    for name in READING {
        let body = functions::arguments(&studio, &admin, name, "admin", &admin).await;
        let before = head(&studio, &admin).await;
        studio.function(Some(&cookie), name, body).await;
        assert_eq!(head(&studio, &admin).await, before, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_sign_in_is_audited_and_no_secret_is_written_down() {
    let (studio, admin) = everybody().await;
    let before = head(&studio, &admin).await;
    let wrong = json!({ "username": "viewer", "password": "not the password" });
    assert_eq!(studio.call(None, "POST", "/api/v1/users/login", Some(wrong)).await.status, 401);
    let entries = entries_since(&studio, &admin, before).await;
    assert_eq!(entries[0]["action"], "account.sign_in_refused");
    assert_eq!(entries[0]["address"], "127.0.0.1");

    let body = json!({ "name": "token", "type": "api", "secret": "a-very-secret-token" });
    studio.call(Some(&admin), "POST", "/api/v1/credentials", Some(body)).await;
    for format in ["jsonl", "csv"] {
        let all = studio.call(Some(&admin), "GET", &format!("/api/v1/audit/export?format={format}"), None).await;
        assert_eq!(all.status, 200);
        for secret in ["a-very-secret-token", "not the password", PASSWORD, &admin] {
            assert!(!all.text.contains(secret), "{secret} is in the {format}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_read_in_pages_filtered_exported_and_verified() {
    let (studio, admin) = everybody().await;
    let get = async |path: &str| studio.call(Some(&admin), "GET", &format!("/api/v1/audit{path}"), None).await;
    let runbook = studio.runbook(&admin, json!([])).await;
    let changed = json!({ "title": "Changed, and =1+1", "description": "", "blocks": [] });
    studio.call(Some(&admin), "PUT", &format!("/api/v1/runbooks/{runbook}"), Some(changed)).await;

    let about = get(&format!("?target=runbook:{runbook}")).await.json();
    let actions: Vec<&Value> = about.as_array().expect("rows").iter().map(|row| &row["action"]).collect();
    assert_eq!(actions, ["runbook.updated", "runbook.created"]);
    assert_eq!((&about[0]["detail"]["before"]["title"], &about[0]["detail"]["after"]["version"]), (&json!("A test"), &json!(2)));
    let both = get("?actor=Admin&action=runbook.updated&since=2020-01-01T00:00:00Z").await.json();
    assert_eq!(both.as_array().map(Vec::len), Some(1), "{both:#}");
    assert_eq!(get("?until=2020-01-01T00:00:00Z").await.json(), json!([]));

    let all = get("").await.json();
    let first = get("?limit=2").await;
    let link = first.headers["link"].to_str().expect("a link").to_owned();
    let next = link.split(['<', '>']).nth(1).expect("an address");
    let second = studio.call(Some(&admin), "GET", next, None).await.json();
    assert_eq!((&first.json()[1], &second[0]), (&all[1], &all[2]));
    for wrong in ["?action=run.exploded", "?limit=0", "?since=yesterday", "/verify?head=x", "/export?format=xml"] {
        assert_eq!(get(wrong).await.status, 422, "{wrong}");
    }

    let lines = get("/export?action=runbook.updated").await;
    assert_eq!(lines.headers["content-type"], "application/jsonl");
    assert_eq!(serde_json::from_str::<Value>(lines.text.trim()).expect("one line"), both[0]);
    let csv = get("/export?format=csv&target=runbook").await;
    assert!(csv.headers["content-disposition"].to_str().is_ok_and(|name| name.contains("audit-trail.csv")));
    assert!(csv.text.starts_with("seq,at,actor,"), "{}", csv.text);
    assert!(csv.text.contains("Changed, and =1+1"), "{}", csv.text);

    let head = get("/head").await.json();
    let kept = format!("{}:{}", head["seq"], head["hash"].as_str().expect("a hash"));
    let verdict = get(&format!("/verify?head={kept}")).await.json();
    assert_eq!((&verdict["verified"], &verdict["rows"]), (&json!(true), &head["seq"]), "{verdict:#}");
    let forged = format!("/verify?head={}:{}", head["seq"], "0".repeat(64));
    let verdict = get(&forged).await.json();
    assert_eq!((&verdict["verified"], &verdict["broken"]["kind"]), (&json!(false), &json!("rewritten")), "{verdict:#}");
}

/// The number of the newest entry.
async fn head(studio: &Studio, admin: &str) -> u64 {
    studio.call(Some(admin), "GET", "/api/v1/audit/head", None).await.json()["seq"].as_u64().expect("a number")
}

async fn entries_since(studio: &Studio, admin: &str, before: u64) -> Vec<Value> {
    let newest = studio.call(Some(admin), "GET", "/api/v1/audit?limit=20", None).await.json();
    let rows = newest.as_array().expect("rows").iter();
    rows.filter(|row| row["seq"].as_u64().is_some_and(|seq| seq > before)).cloned().collect()
}

/// Whether somebody's act was written down since, whole.
async fn audited_since(studio: &Studio, admin: &str, before: u64) -> Result<(), String> {
    let entries = entries_since(studio, admin, before).await;
    let whole = |entry: &Value| {
        let target = entry["target"].as_str().and_then(|target| target.split_once(':'));
        entry["actor"].is_string()
            && entry["address"] == "127.0.0.1"
            && target.is_some_and(|(kind, id)| !kind.is_empty() && !id.is_empty())
            && entry["detail"].is_object()
    };
    if entries.is_empty() {
        return Err("no entry was written".to_owned());
    }
    if entries.iter().any(whole) { Ok(()) } else { Err(format!("no entry is whole: {}", json!(entries))) }
}
