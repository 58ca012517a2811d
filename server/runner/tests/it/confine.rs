//! Commands inside bubblewrap: what is hidden is hidden, and all else works as ever.

use std::{fs, path::Path, time::Duration};

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
