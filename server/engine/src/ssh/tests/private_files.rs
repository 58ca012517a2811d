//! Secrets on the host: files that only the user reads and that go, values that no list of processes shows.

use runner::{EnvValue, SecretFile};

use super::*;

const SECRET: &str = "hunter2-of-the-ssh-tests";

fn with_file(script: &str) -> RemoteSpec {
    RemoteSpec { files: vec![SecretFile { env: "KEY".into(), contents: SECRET.into() }], ..sh(script) }
}

fn left_of(step: &str) -> Vec<String> {
    let names = ["/dev/shm", "/tmp"].iter().flat_map(|place| fs::read_dir(place).into_iter().flatten());
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(&format!("runbook-step-{step}@"))).collect()
}

#[tokio::test]
async fn a_secret_file_is_private_and_exact_and_goes() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    for contents in
        ["", "no line break", "line\n", "\n\n", "it's $(id) `id` \\ % -n", "-n", "ü\u{1b}\u{7f}\u{1}\r\n", &"x".repeat(300_000)]
    {
        let mut spec = sh("stat -c '%a %s' $KEY; stat -c %a ${KEY%/*}; sha256sum <$KEY; sha256sum <$OTHER; echo $KEY");
        spec.files = ["KEY", "OTHER"].map(|env| SecretFile { env: env.into(), contents: contents.into() }).into();
        let step = spec.step.clone();
        let printed = stdout(&connection, spec).await;
        let lines: Vec<_> = printed.lines().collect();
        assert_eq!(lines[..2], [format!("600 {}", contents.len()), "700".to_owned()]);
        assert_eq!(lines[2], lines[3]);
        let file = sshd.dir().join("expected");
        fs::write(&file, contents).unwrap();
        assert!(
            lines[2].starts_with(sshd::output(std::process::Command::new("sha256sum").arg(&file)).split(' ').next().unwrap())
        );
        assert!(lines[4].starts_with("/dev/shm/"), "{}", lines[4]);
        assert_eq!(left_of(&step), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_secret_file_goes_however_the_command_ends() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    for (script, expected) in [
        ("exit 3", exited(3)),
        ("kill -TERM $$", exited(143)),
        ("kill -KILL $$", exited(137)),
        ("kill -TERM 0", exited(143)),
        ("kill -HUP 0", exited(129)),
    ] {
        let spec = with_file(script);
        let step = spec.step.clone();
        let finished = run(&connection, spec).await;
        assert_eq!((finished.end, finished.stderr.as_str()), (expected, ""), "{script}");
        assert_eq!(left_of(&step), Vec::<String>::new(), "{script}");
    }
    let missing = RemoteSpec { interpreter: "nosuch".into(), ..with_file("true") };
    let step = missing.step.clone();
    assert!(matches!(run(&connection, missing).await.end, RemoteEnd::NotStarted(_)));
    assert_eq!(left_of(&step), Vec::<String>::new());
}

#[tokio::test]
async fn a_secret_file_goes_when_a_stop_kills_everything() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let spec = with_file("trap '' TERM; echo ready; while :; do sleep 0.05; done");
    let step = spec.step.clone();
    let RunningRemote { mut output, handle } = within(connection.run(spec)).await.unwrap();
    within(output.recv()).await.unwrap();
    assert_eq!(left_of(&step).len(), 1);
    let report = within(handle.stop(Duration::ZERO)).await;
    assert!(report.is_proven(), "{report:?}");
    assert_eq!(left_of(&step), Vec::<String>::new());
}

#[tokio::test]
async fn a_secret_file_goes_when_the_connection_is_lost() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let spec = with_file("echo ready; while [ -e $GO ]; do sleep 0.02; done");
    let go = sshd.dir().join("go");
    fs::write(&go, "").unwrap();
    let spec = RemoteSpec { env: vec![("GO".into(), go.to_str().unwrap().into())], ..spec };
    let step = spec.step.clone();
    let RunningRemote { mut output, handle } = within(connection.run(spec)).await.unwrap();
    within(output.recv()).await.unwrap();
    sshd.cut();
    assert!(matches!(within(handle.wait()).await, RemoteEnd::Lost(_)));
    assert_eq!(left_of(&step).len(), 1);
    fs::remove_file(&go).unwrap();
    eventually(|| left_of(&step).is_empty().then_some(())).await;
}

#[tokio::test]
async fn no_secret_is_seen_in_a_list_of_processes() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let mut spec = with_file(
        "echo $TOKEN; i=0
         while [ $i -lt 5 ]; do cat /proc/[0-9]*/cmdline; ps axww; i=$((i+1)); done 2>/dev/null >$HOME/seen
         cat $KEY >$HOME/key",
    );
    spec.env = vec![("TOKEN".into(), EnvValue::Secret(SECRET.into()))];
    let watched = tokio::spawn(watch_command_lines());
    assert_eq!(stdout(&connection, spec).await, format!("{SECRET}\n"));
    let home = sshd.dir().join("home");
    assert_eq!(fs::read_to_string(home.join("key")).unwrap(), SECRET);
    let seen = fs::read(home.join("seen")).unwrap();
    assert!(seen.len() > 1000);
    assert!(!String::from_utf8_lossy(&seen).contains(SECRET));
    watched.abort();
    if let Ok(found) = watched.await {
        panic!("{found}");
    }
}

/// Reads every command line again and again from outside, from before the command starts; gives one with the secret.
async fn watch_command_lines() -> String {
    loop {
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            if line.contains(SECRET) {
                return line;
            }
        }
        tokio::task::yield_now().await;
    }
}
