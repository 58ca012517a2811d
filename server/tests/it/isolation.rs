//! Commands on the server do not reach its key and its database.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use serde_json::{Value, json};

use crate::world::{PROGRAM, Studio};

/// A script that tries, and says who it is.
fn attempt(studio: &Studio) -> String {
    let data = studio.data().display().to_string();
    format!("id -un; cat {data}/identity.age; ls -A {data}/db; cat /proc/*/environ 2>/dev/null | grep -c AGE-SECRET; echo tried")
}

async fn output_of_attempt(studio: &Studio) -> String {
    let key = studio.sign_up(None, "ann", None).await;
    let blocks = json!([{ "type": "command", "config": { "command": attempt(studio) } }]);
    let run = studio.execute(&key, &studio.runbook(&key, blocks).await).await;
    let ended = studio.until(&key, &run, 30, |run| run["status"] == "completed").await;
    ended["steps"][0]["output"].as_str().map(str::to_owned).unwrap_or_else(|| panic!("{:#}", Value::clone(&ended)))
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_run_as_another_user_read_neither_key_nor_database() {
    let folder = tempfile::tempdir().expect("a folder");
    if fs::metadata(folder.path()).expect("a folder").uid() != 0 {
        eprintln!("not run: only root can let commands run as another user");
        return;
    }
    // The other user must get to the program and to the runner's own folder.
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("permissions");
    let program = folder.path().join("runbook-studio");
    fs::copy(PROGRAM, &program).expect("a copy of the program");
    let studio = Studio::of(folder, &program, &["--run-as", "nobody"]).await;
    let output = output_of_attempt(&studio).await;
    assert!(output.starts_with("nobody\n") && output.ends_with("0\ntried\n"), "{output}");
    assert_eq!(output.matches("Permission denied").count(), 2, "{output}");
    assert!(!output.contains("AGE-SECRET-KEY"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_user_to_run_as_is_named_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = std::process::Command::new(Path::new(PROGRAM))
        .args(["serve", "--addr", "127.0.0.1:0", "--run-as", "no-such-user-here", "--data-dir"])
        .arg(folder.path().join("data"))
        .output()
        .expect("the program");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("no-such-user-here"), "{said}");
}
