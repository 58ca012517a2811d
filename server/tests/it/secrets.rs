//! A secret, a password and an API key are used, and then looked for everywhere.

use std::fs;

use serde_json::json;

use crate::world::{PASSWORD, Studio};

const SECRET: &str = "tk-9f31c0a7-hunting-for-this";

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_found_in_data_logs_or_answers() {
    let mut studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    let credential = json!({ "name": "deploy token", "type": "api", "secret": SECRET });
    assert_eq!(studio.call(Some(&key), "POST", "/api/v1/credentials", Some(credential)).await.status, 201);
    let uses = json!([{ "name": "Leak", "type": "command", "config": {
        "command": format!("[ $(printf %s \"$TOKEN\" | wc -c) -eq {} ] && echo length fits; echo \"plain $TOKEN\"; echo \"$TOKEN\" >&2; printf %s \"$TOKEN\" | base64", SECRET.len()),
        "credentials": [{ "credential": "deploy token", "env": "TOKEN" }]
    } }]);
    let runbook = studio.runbook(&key, uses).await;
    let run = studio.execute(&key, &runbook).await;
    let ended = studio.until(&key, &run, 30, |run| run["status"] == "completed").await;
    let output = ended["steps"][0]["output"].as_str().expect("output");
    assert!(output.contains("length fits"), "the command did not get the secret: {output}");
    assert!(output.contains("plain "), "{output}");

    let wrong = json!({ "username": "ann", "password": PASSWORD, "extra": SECRET });
    studio.call(None, "POST", "/api/v1/users/login", Some(wrong)).await;

    // What is shown once: a key, a password that was made up, the token of a link, which is also the end of an address.
    let post = async |path: &str, body: serde_json::Value| {
        let made = studio.call(Some(&key), "POST", &format!("/api/v1/users{path}"), Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()
    };
    let api_key = post("/me/api-keys", json!({ "name": "ci" })).await["api_key"].as_str().expect("a key").to_owned();
    let made_up = post("", json!({ "username": "bob", "role": "viewer" })).await["password"].as_str().expect("one").to_owned();
    let token = post("/invites", json!({ "role": "viewer" })).await["token"].as_str().expect("a token").to_owned();
    assert_eq!(studio.exchange("GET", &format!("/invite/{token}"), &[], None).await.status, 200);

    let step = ended["steps"][0]["id"].as_str().expect("an id");
    let hidden = [SECRET, PASSWORD, &key, "dGstOWYzMWMwYTctaHVudGluZy1mb3ItdGhpcw", &api_key, &made_up, &token];
    for path in [
        "runbooks".to_owned(),
        format!("runbooks/{runbook}"),
        "credentials".to_owned(),
        "executions".to_owned(),
        format!("executions/{run}"),
        format!("executions/{run}/events"),
        format!("executions/{run}/steps/{step}/output"),
        "users/me".to_owned(),
        "users/me/api-keys".to_owned(),
        "users/me/sessions".to_owned(),
        "users".to_owned(),
        "users/invites".to_owned(),
    ] {
        let answer = studio.call(Some(&key), "GET", &format!("/api/v1/{path}"), None).await;
        assert_eq!(answer.status, 200, "{path}");
        for hidden in hidden {
            assert!(!answer.text.contains(hidden), "{hidden:?} is in the answer of {path}");
        }
    }
    assert!(!studio.call(None, "GET", "/metrics", None).await.text.contains(SECRET));

    studio.kill();
    let files = studio.files();
    assert!(files.iter().any(|file| file.ends_with("identity.age")), "the data folder is elsewhere: {files:?}");
    for file in files {
        let bytes = fs::read(&file).expect("a file");
        for hidden in hidden {
            let found = bytes.windows(hidden.len()).any(|window| window == hidden.as_bytes());
            assert!(!found, "{hidden:?} is in {}", file.display());
        }
    }
}
