//! Commands on the server do not reach its key and its database.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::access::functions::{form, sign_in};
use crate::connections::certify;
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

/// A program that an ordinary user runs: root becomes one first. None where that user has no working bubblewrap.
fn as_ordinary_user(folder: &Path) -> Option<PathBuf> {
    let is_root = fs::metadata(folder).expect("a folder").uid() == 0;
    let drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let trial = ["bwrap", "--unshare-user", "--dev-bind", "/", "/", "true"];
    let words = if is_root { [&drop[..], &trial].concat() } else { trial.into() };
    if !Command::new(words[0]).args(&words[1..]).status().is_ok_and(|status| status.success()) {
        eprintln!("not run: bubblewrap does not work here");
        return None;
    }
    if !is_root {
        return Some(PROGRAM.into());
    }
    let (copy, script) = (folder.join("runbook-studio"), folder.join("as-nobody"));
    fs::copy(PROGRAM, &copy).expect("a copy of the program");
    fs::write(&script, format!("#!/bin/sh\nexec {} '{}' \"$@\"\n", drop.join(" "), copy.display())).expect("written");
    fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("permissions");
    Some(script)
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_inside_bubblewrap_see_no_file_of_the_servers_wherever_it_lies() {
    let (folder, elsewhere) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let Some(program) = as_ordinary_user(folder.path()) else { return };
    certify(elsewhere.path(), "first");
    let at = |name: &str| elsewhere.path().join(name).display().to_string();
    fs::write(at("settings.toml"), "db_password = \"s3cret-of-the-test\"\n").expect("written");
    fs::write(at("note.txt"), "for everybody\n").expect("written");
    for path in [folder.path().to_owned(), elsewhere.path().to_owned()] {
        let inside = fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path());
        for path in inside.chain([path.clone()]) {
            std::os::unix::fs::chown(path, Some(65_534), Some(65_534)).expect("another owner");
        }
    }
    let database = format!("surrealkv://{}", at("db"));
    let arguments =
        [["--db", &database], ["--tls-cert", &at("cert.pem")], ["--tls-key", &at("key.pem")], ["--config", &at("settings.toml")]];
    let studio = Studio::of(folder, &program, arguments.as_flattened()).await;
    let key = studio.sign_up(None, "ann", None).await;
    let script = format!("ls -A {}; cd {}; ls -A db; cat key.pem settings.toml; cat note.txt", studio.data().display(), at(""));
    let blocks = json!([{ "type": "command", "config": { "command": script } }]);
    let run = studio.execute(&key, &studio.runbook(&key, blocks).await).await;
    let ended = studio.until(&key, &run, 30, |run| run["status"] == "completed").await;
    let output = ended["steps"][0]["output"].as_str().expect("output");
    assert!(output.ends_with("for everybody\n"), "{output}");
    for secret in ["PRIVATE KEY", "s3cret-of-the-test", "identity.age"] {
        assert!(!output.contains(secret), "{secret}: {output}");
    }
    let database = fs::read_dir(at("db")).expect("the database").map(|entry| entry.expect("an entry").file_name());
    let database: Vec<_> = database.filter_map(|name| name.into_string().ok()).collect();
    assert!(!database.is_empty() && !output.lines().any(|line| database.iter().any(|name| line == name)), "{output}");
    let hosts = studio.function(Some(&sign_in(&studio, "ann").await), "list_hosts", form([])).await.text;
    assert!(hosts.contains("commands do not see its data"), "{hosts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_starts_the_server_as_root_is_told_what_helps() {
    let studio = Studio::new().await;
    if fs::metadata(studio.data()).expect("a folder").uid() != 0 {
        eprintln!("not run: only root's commands are left outside of bubblewrap");
        return;
    }
    let log = studio.files().into_iter().find(|path| path.ends_with("stdout-0.log")).expect("a log");
    let log = fs::read_to_string(log).expect("a log");
    let told = log.lines().find(|line| line.contains("commands on this server share its user")).expect("a warning");
    assert!(told.contains("STUDIO_RUN_AS") && !told.contains("install bubblewrap"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_user_to_run_as_is_named_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = Command::new(Path::new(PROGRAM))
        .args(["serve", "--addr", "127.0.0.1:0", "--run-as", "no-such-user-here", "--data-dir"])
        .arg(folder.path().join("data"))
        .output()
        .expect("the program");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("no-such-user-here"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_keeps_commands_from_the_key_a_developer_runs_none_and_the_page_of_hosts_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    // A `bwrap` that confines nobody is found first, tried, and not used.
    let tools = folder.path().join("tools");
    fs::create_dir(&tools).expect("a folder");
    let program = folder.path().join("server");
    let script = |path: &Path, text: &str| {
        fs::write(path, text).expect("a script");
        fs::set_permissions(path, Permissions::from_mode(0o755)).expect("permissions");
    };
    script(&tools.join("bwrap"), "#!/bin/sh\nexit 1\n");
    script(&program, &format!("#!/bin/sh\nPATH='{}:'\"$PATH\" exec '{PROGRAM}' \"$@\"\n", tools.display()));
    let studio = Studio::of(folder, &program, &[]).await;
    let admin = studio.sign_up(None, "ann", None).await;
    let blocks = json!([{ "type": "command", "config": { "command": "echo hello" } }]);
    let runbook = studio.runbook(&admin, blocks).await;
    let execute = format!("/api/v1/runbooks/{runbook}/execute");
    for (role, status) in [("viewer", 403), ("developer", 403), ("sre", 202), ("admin", 202)] {
        let key = studio.sign_up(Some(&admin), role, Some(role)).await;
        let answer = studio.call(Some(&key), "POST", &execute, None).await;
        assert_eq!(answer.status, status, "{role}: {}", answer.text);
        if role == "developer" {
            let said = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
            assert!(said.contains("key and database") && said.contains("STUDIO_RUN_AS"), "{said}");
        }
        let cookie = sign_in(&studio, role).await;
        let page = studio.exchange("GET", "/hosts", &[("cookie", &cookie)], None).await.text;
        assert!(page.contains("only sre and admin may run here"), "the page of hosts does not say so to a {role}");
    }
}
