//! Commands inside bubblewrap: what is hidden is hidden, and all else works as ever.

use std::{fs, os::unix::fs::symlink, path::Path, time::Duration};

use runner::{Confine, Confinement, SecretFile};

use crate::world::{Settings, World, finish, is_alive, pids_in, sh, within};

fn is_installed() -> bool {
    let found = ["/usr/bin/bwrap", "/bin/bwrap", "/usr/local/bin/bwrap"].iter().any(|path| Path::new(path).exists());
    if !found {
        eprintln!("left out: bubblewrap is not installed");
    }
    found
}

#[tokio::test]
async fn a_command_does_not_see_what_is_hidden() {
    if !is_installed() {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join("key"), "the key").unwrap();
    let settings = Settings { hide: vec![data.path().into()], confine: Confine::Always, ..Settings::default() };
    let world = World::with(settings);
    let info = world.runner.info().await.unwrap();
    assert_eq!(info.confinement, Confinement::Bubblewrap);

    let work = tempfile::tempdir().unwrap();
    let (data, own) = (data.path().display(), world.dir().display());
    let script = format!(
        "ls -A {data}; ls -A {own}; cat {data}/key; cat /proc/{}/root{data}/key; touch {data}/x; \
         pwd; cat $KEY; echo $1; echo err >&2; exit 42",
        info.pid
    );
    let mut spec = sh(&script);
    spec.args = vec!["a 'b'".into()];
    spec.working_dir = Some(work.path().into());
    spec.files = vec![SecretFile { env: "KEY".into(), contents: "hunter2\n".into() }];
    let finished = finish(world.runner.spawn(spec).await.unwrap()).await;
    let expected = format!("{}\nhunter2\na 'b'\n", work.path().display());
    assert_eq!(finished.stdout, expected, "{}", finished.stderr);
    assert_eq!(finished.exit.code, Some(42));
    assert!(finished.stderr.contains("Read-only file system") && finished.stderr.ends_with("err\n"), "{}", finished.stderr);
}

#[tokio::test]
async fn a_command_does_not_see_a_hidden_file_among_others_even_where_its_link_is_moved() {
    if !is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["old.pem", "new.pem", "other.pem"] {
        fs::write(path(name), format!("the text of {name}\n")).unwrap();
    }
    symlink("old.pem", path("key.pem")).unwrap();
    let settings = Settings { hide: vec![path("key.pem")], confine: Confine::Always, ..Settings::default() };
    let world = World::with(settings);
    let script =
        format!("cd {}; cat key.pem old.pem 2>/dev/null; echo x > key.pem; cat other.pem new.pem", folder.path().display());
    let finished = finish(world.runner.spawn(sh(&script)).await.unwrap()).await;
    assert_eq!(finished.stdout, "the text of other.pem\nthe text of new.pem\n", "{}", finished.stderr);
    assert_eq!(fs::read_to_string(path("old.pem")).unwrap(), "the text of old.pem\n");

    symlink("new.pem", path("renewed")).unwrap();
    fs::rename(path("renewed"), path("key.pem")).unwrap();
    let script = format!("cd {}; cat key.pem new.pem 2>/dev/null; cat other.pem", folder.path().display());
    let finished = finish(world.runner.spawn(sh(&script)).await.unwrap()).await;
    assert_eq!(finished.stdout, "the text of other.pem\n", "{}", finished.stderr);
}

#[tokio::test]
async fn a_confined_command_is_stopped_with_all_it_started() {
    if !is_installed() {
        return;
    }
    let (data, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let settings = Settings { hide: vec![data.path().into()], confine: Confine::Always, ..Settings::default() };
    let world = World::with(settings);
    let mut spec = sh("(env -i setsid /bin/sh -c 'echo $$ >> pids; exec sleep 1000' &); echo $$ >> pids; exec sleep 1000");
    spec.working_dir = Some(work.path().into());
    let process = world.runner.spawn(spec).await.unwrap();
    let pids = pids_in(&work.path().join("pids"), 2).await;
    assert!(pids.iter().all(|pid| is_alive(*pid)), "no other numbers inside than outside");
    assert!(within(process.stop(Duration::from_secs(10))).await.unwrap().is_proven());
    assert!(!pids.iter().any(|pid| is_alive(*pid)));
}
