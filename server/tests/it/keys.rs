//! The key to the stored secrets: replaced by the command line with a server and without one, and looked at when starting.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use crate::world::{PROGRAM, Studio};

/// One call of the command line; no settings but these.
async fn command(arguments: Vec<String>, key: Option<String>) -> Output {
    let run = move || {
        let mut command = Command::new(PROGRAM);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("STUDIO_")) {
            command.env_remove(name);
        }
        if let Some(key) = key {
            command.env("STUDIO_API_KEY", key);
        }
        command.args(arguments).output().expect("the binary")
    };
    tokio::task::spawn_blocking(run).await.expect("an end")
}

fn rotate(data: &Path, more: &[&str]) -> Vec<String> {
    let data = data.display().to_string();
    // Port 9 is nobody's: what is not given is not found.
    let fixed = ["keys", "rotate", "--addr", "127.0.0.1:9", "--data-dir", &data];
    fixed.iter().chain(more).map(ToString::to_string).collect()
}

async fn uses_its_secret(studio: &Studio, admin: &str) {
    let block = json!([{ "type": "command", "config": { "command": "printf %s \"$TOKEN\" | wc -c",
        "credentials": [{ "credential": "token", "env": "TOKEN" }] } }]);
    let runbook = studio.runbook(admin, block).await;
    let run = studio.execute(admin, &runbook).await;
    let ended = studio.until(admin, &run, 30, |run| run["status"] == "completed" || run["status"] == "failed").await;
    assert_eq!(ended["steps"][0]["output"].as_str().map(str::trim), Some("16"), "{ended:#}");
    let list = studio.call(Some(admin), "GET", "/api/v1/credentials", None).await.json();
    assert_eq!(list[0]["last_used_by"], json!(run));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_replaces_the_key_of_a_running_server_and_of_one_that_stands_still() {
    let mut studio = Studio::new().await;
    let admin = studio.sign_up(None, "ann", None).await;
    let body = json!({ "name": "token", "type": "api", "secret": "sixteen-letters!" });
    assert_eq!(studio.call(Some(&admin), "POST", "/api/v1/credentials", Some(body)).await.status, 201);
    let file = studio.data().join("identity.age");
    let first = fs::read_to_string(&file).expect("the key file");

    let url = studio.address().to_owned();
    let refused = command(rotate(&studio.data(), &["--url", &url]), None).await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("STUDIO_API_KEY"), "{refused:?}");
    let done = command(rotate(&studio.data(), &["--url", &url]), Some(admin.clone())).await;
    assert!(done.status.success(), "{done:?}");
    assert!(String::from_utf8_lossy(&done.stdout).contains("the key is replaced: 1 secrets"), "{done:?}");
    let second = fs::read_to_string(&file).expect("the key file");
    assert_ne!(first, second);
    assert_eq!(second.matches("\nAGE-SECRET-KEY-").count(), 1);
    uses_its_secret(&studio, &admin).await;

    // The server holds the database: nobody else can open it.
    let locked = command(rotate(&studio.data(), &[]), None).await;
    assert!(!locked.status.success() && String::from_utf8_lossy(&locked.stderr).contains("--url"), "{locked:?}");
    assert_eq!(fs::read_to_string(&file).expect("the key file"), second);

    studio.kill();
    let done = command(rotate(&studio.data(), &[]), None).await;
    assert!(done.status.success(), "{done:?}");
    assert!(String::from_utf8_lossy(&done.stdout).contains("the key is replaced: 1 secrets"), "{done:?}");
    studio.crash_and_restart().await;
    uses_its_secret(&studio, &admin).await;
    let entries = studio.call(Some(&admin), "GET", "/api/v1/audit?action=keys.rotation_finished", None).await.json();
    let actors: Vec<_> =
        entries.as_array().expect("rows").iter().map(|row| row["actor_name"].as_str().expect("a name")).collect();
    assert_eq!(actors, ["system", "ann"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_does_not_start_over_secrets_that_it_cannot_open() {
    let mut studio = Studio::new().await;
    let admin = studio.sign_up(None, "ann", None).await;
    let body = json!({ "name": "token", "type": "api", "secret": "sixteen-letters!" });
    assert_eq!(studio.call(Some(&admin), "POST", "/api/v1/credentials", Some(body)).await.status, 201);
    studio.kill();
    let data = studio.data();
    let (file, kept) = (data.join("identity.age"), data.join("kept.age"));
    fs::rename(&file, &kept).expect("moved");

    let serve = |more: &[&str]| {
        let data = data.display().to_string();
        let fixed = ["serve", "--addr", "127.0.0.1:0", "--data-dir", &data];
        fixed.iter().chain(more).map(ToString::to_string).collect::<Vec<_>>()
    };
    let without = command(serve(&[]), None).await;
    let said = String::from_utf8_lossy(&without.stderr).into_owned();
    assert!(!without.status.success() && said.contains("there is no key file"), "{said}");
    assert!(!file.exists(), "a key that fits nothing was left behind");

    let elsewhere = tempfile::tempdir().expect("a folder");
    let other = elsewhere.path().join("other.age");
    fs::copy(&kept, &other).expect("a copy");
    let other_key = Studio::new().await;
    fs::copy(other_key.data().join("identity.age"), &other).expect("another key");
    let wrong = command(serve(&["--age-identity-file", &other.display().to_string()]), None).await;
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(
        !wrong.status.success() && said.contains("1 of 1 stored secrets") && said.contains("put back the key file"),
        "{said}"
    );

    assert!(said.contains("keys forget-lost"), "{said}");

    fs::rename(&kept, &file).expect("put back");
    studio.crash_and_restart().await;
    uses_its_secret(&studio, &admin).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_keys_in_the_file_survive_a_start() {
    let mut studio = Studio::new().await;
    let admin = studio.sign_up(None, "ann", None).await;
    let body = json!({ "name": "token", "type": "api", "secret": "sixteen-letters!" });
    assert_eq!(studio.call(Some(&admin), "POST", "/api/v1/credentials", Some(body)).await.status, 201);
    studio.kill();
    let file = studio.data().join("identity.age");
    let other = Studio::new().await;
    let kept = fs::read_to_string(other.data().join("identity.age")).expect("a key") + &fs::read_to_string(&file).expect("a key");
    fs::write(&file, &kept).expect("written");
    studio.crash_and_restart().await;
    uses_its_secret(&studio, &admin).await;
    let status = studio.call(Some(&admin), "GET", "/api/v1/keys", None).await.json();
    assert_eq!((&status["identities"], &status["rotation"]), (&json!(2), &json!("none")));
    assert_eq!(fs::read_to_string(&file).expect("the key file"), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_whose_key_is_lost_are_forgotten_by_the_command_line_and_the_server_starts_again() {
    let mut studio = Studio::new().await;
    let admin = studio.sign_up(None, "ann", None).await;
    let body = json!({ "name": "token", "type": "api", "secret": "sixteen-letters!" });
    let made = studio.call(Some(&admin), "POST", "/api/v1/credentials", Some(body.clone())).await;
    assert_eq!(made.status, 201);
    let data = studio.data();
    let forget = |more: &[&str]| {
        let data = data.display().to_string();
        let fixed = ["keys", "forget-lost", "--data-dir", &data];
        fixed.iter().chain(more).map(ToString::to_string).collect::<Vec<_>>()
    };
    let held = command(forget(&["--yes"]), None).await;
    assert!(!held.status.success() && String::from_utf8_lossy(&held.stderr).contains("stop the server first"), "{held:?}");

    studio.kill();
    let whole = command(forget(&["--yes"]), None).await;
    assert!(whole.status.success() && String::from_utf8_lossy(&whole.stdout).contains("nothing is lost"), "{whole:?}");
    fs::remove_file(data.join("identity.age")).expect("lost");
    let named = command(forget(&[]), None).await;
    let (out, err) = (String::from_utf8_lossy(&named.stdout), String::from_utf8_lossy(&named.stderr));
    assert!(!named.status.success() && out.contains("credential “token” (api)") && err.contains("--yes"), "{out} {err}");
    assert!(!data.join("identity.age").exists(), "a look makes no key");
    let done = command(forget(&["--yes"]), None).await;
    assert!(done.status.success() && String::from_utf8_lossy(&done.stdout).contains("deleted: 1 secrets"), "{done:?}");

    studio.crash_and_restart().await;
    let list = studio.call(Some(&admin), "GET", "/api/v1/credentials", None).await.json();
    assert!(list[0]["secret_lost_at"].is_string(), "{list}");
    let again = studio.call(Some(&admin), "POST", "/api/v1/credentials", Some(body)).await;
    assert_eq!((again.status.as_u16(), &again.json()["id"]), (201, &made.json()["id"]));
    uses_its_secret(&studio, &admin).await;
    let rows = studio.call(Some(&admin), "GET", "/api/v1/audit?action=keys.secrets_forgotten", None).await.json();
    assert_eq!(rows[0]["detail"]["secrets"], json!(["credential “token” (api)"]));
}
