//! The README's examples do what they say.

use std::process::Command;

use serde_json::{Value, json};

use crate::world::Studio;

#[tokio::test(flavor = "multi_thread")]
async fn the_readmes_curl_examples_run_as_they_stand() {
    let studio = Studio::new().await;
    let account = json!({ "username": "oncall-1", "password": "a long and quiet night" });
    assert_eq!(studio.call(None, "POST", "/api/v1/users/signup", Some(account)).await.status, 201);

    let example = include_str!("../../../README.md")
        .split("```sh\n")
        .filter_map(|part| part.split("```").next())
        .find(|block| block.contains("curl"))
        .expect("the README has an example with curl");
    let address = "http://127.0.0.1:3000";
    assert!(example.contains(address), "{example}");
    // The end of the last command's output is looked at here, the values that the example found on the way too.
    let script = format!("set -eu\n{}\necho\necho \"$KEY $ID $JOB\"\n", example.replace(address, studio.address()));

    let ran = tokio::task::spawn_blocking(move || Command::new("/bin/sh").arg("-c").arg(script).output()).await;
    let ran = ran.expect("a task").expect("a shell");
    let (stdout, stderr) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("event: output") && stdout.contains("hello\\n"), "no live output came: {stdout}\n{stderr}");
    let last = stdout.lines().last().expect("a last line");
    let [key, runbook, run] = last.split(' ').collect::<Vec<_>>()[..] else { panic!("{last}") };
    let shown = studio.call(Some(key), "GET", &format!("/api/v1/executions/{run}"), None).await.json();
    assert_eq!(shown["status"], Value::from("completed"));
    assert_eq!(shown["runbook_id"], Value::from(runbook));
}
