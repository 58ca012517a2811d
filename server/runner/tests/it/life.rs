//! The life of a runner process: started once, its own session, gone when nobody needs it.

use std::{
    fs,
    io::Write,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::UnixListener,
    },
    time::Duration,
};

use nix::sys::signal::Signal;
use runner::{Confinement, Ended, RunAs, Runner, RunnerConfig, RunnerError};

use crate::world::{DEADLINE, Settings, World, eventually, finish, is_alive, session_of, sh, signal, within};

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_at_once_start_one_runner() {
    let world = World::new();
    let asking = (0..30).map(|number| {
        // Some share a handle, some are servers of their own.
        let runner = if number % 2 == 0 { world.runner.clone() } else { Runner::new(world.settings().client()) };
        tokio::spawn(async move { runner.info().await.unwrap().pid })
    });
    let mut pids = Vec::new();
    for task in asking.collect::<Vec<_>>() {
        pids.push(within(task).await.unwrap());
    }
    pids.dedup();
    assert_eq!(pids.len(), 1, "{pids:?}");
}

#[tokio::test]
async fn it_lives_in_a_session_and_a_directory_of_its_own() {
    let world = World::new();
    let info = world.runner.info().await.unwrap();
    assert_eq!(info.confinement, Confinement::None);
    assert_eq!(session_of(info.pid), info.pid.to_string());
    for name in ["", "socket", "lock", "log", "spool"] {
        let mode = fs::metadata(world.dir().join(name)).unwrap().mode();
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
    assert_eq!(fs::read_to_string(world.dir().join("lock")).unwrap().trim(), info.pid.to_string());
}

#[tokio::test]
async fn it_ends_when_nobody_needs_it_and_is_started_again_when_somebody_does() {
    let world = World::with(Settings { idle: Duration::from_millis(300), ..Settings::default() });
    let mut runner = Runner::new(world.settings().client());
    let first = runner.info().await.unwrap().pid;
    let process = runner.spawn(sh("exec sleep 1000")).await.unwrap();
    let step = process.handle.identity().step.clone();
    // Longer than it would live without work: the step alone keeps it, then a handle alone does.
    drop((process, runner));
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert!(is_alive(first));
    runner = Runner::new(world.settings().client());
    let runner::Attached::Process(process) = runner.attach(&step).await.unwrap() else { panic!("not known") };
    within(process.stop(Duration::ZERO)).await.unwrap();
    drop(process);
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(runner.info().await.unwrap().pid, first);
    drop(runner);
    eventually(|| (!is_alive(first)).then_some(())).await;
    assert!(!world.dir().join("socket").exists());

    let runner = Runner::new(world.settings().client());
    assert_ne!(runner.info().await.unwrap().pid, first);
    assert_eq!(runner.steps().await.unwrap(), [step]);
}

#[tokio::test]
async fn whoever_comes_while_it_is_going_is_served_all_the_same() {
    let idle = Duration::from_millis(30);
    let world = World::with(Settings { idle, ..Settings::default() });
    let mut served_by = std::collections::BTreeSet::new();
    for round in 0..30 {
        let runner = Runner::new(world.settings().client());
        let finished = finish(runner.spawn(sh("echo served")).await.unwrap()).await;
        assert_eq!(finished.stdout, "served\n");
        served_by.insert(runner.info().await.unwrap().pid);
        let steps = runner.steps().await.unwrap();
        assert_eq!(steps.len(), 1);
        runner.forget(&steps[0]).await.unwrap();
        drop(runner);
        // About when its patience is over, now a little earlier, now a little later. What is kept
        // of the exit makes it stay a quarter of a second longer.
        tokio::time::sleep(idle + Duration::from_millis(245 + round % 10)).await;
    }
    assert!(served_by.len() > 1, "it never ended in between");
}

#[tokio::test]
async fn told_to_end_it_stops_its_steps_and_keeps_how_they_ended() {
    let world = World::new();
    let spec = sh("echo begun; exec sleep 1000");
    let process = world.runner.spawn(spec.clone()).await.unwrap();
    let runner = world.runner.info().await.unwrap().pid;
    signal(runner, Signal::SIGHUP);
    signal(runner, Signal::SIGTERM);
    eventually(|| (!is_alive(runner)).then_some(())).await;
    assert!(!is_alive(process.handle.pid()));
    assert_eq!(within(process.wait()).await.exit().unwrap().signal, Some(9));
    let runner::Attached::Process(again) = world.runner.attach(&spec.step).await.unwrap() else { panic!("not known") };
    let finished = finish(again).await;
    assert_eq!((finished.stdout.as_str(), finished.exit.signal), ("begun\n", Some(9)));
}

#[tokio::test]
async fn it_keeps_nothing_of_the_servers_environment_for_commands_to_read() {
    let world = World::new();
    let info = world.runner.info().await.unwrap();
    let script = format!("tr '\\0' '\\n' < /proc/{}/environ", info.pid);
    let shown = finish(world.runner.spawn(sh(&script)).await.unwrap()).await.stdout;
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert!(!shown.contains("CARGO_MANIFEST_DIR"), "{shown}");
}

#[tokio::test]
async fn a_runner_of_another_version_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(dir.path().join("socket")).unwrap();
    let old = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let hello = br#"{"protocol":0,"version":"0.0.9","of":"the past"}"#;
        let mut frame = vec![7, u8::try_from(hello.len()).unwrap(), 0, 0, 0];
        frame.extend_from_slice(hello);
        stream.write_all(&frame).unwrap();
    });
    let runner = Runner::new(RunnerConfig::new("/bin/false", Vec::new(), dir.path()));
    let error = within(runner.info()).await.unwrap_err();
    old.join().unwrap();
    assert!(matches!(error, RunnerError::Incompatible { runner_protocol: 0, .. }), "{error:?}");
    assert!(error.to_string().starts_with("the runner is of version 0.0.9 (protocol 0)"), "{error}");
}

#[tokio::test]
async fn a_runner_that_cannot_be_started_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = RunnerConfig::new("/no/such/program", Vec::new(), dir.path());
    let error = Runner::new(config.clone()).info().await.unwrap_err();
    assert_eq!(error.to_string(), "the runner `/no/such/program` could not be started");
    config.program = "/bin/false".into();
    config.patience = Duration::from_millis(300);
    let error = within(Runner::new(config).info()).await.unwrap_err();
    assert!(matches!(error, RunnerError::NotAnswering { .. }), "{error:?}");
}

#[tokio::test]
async fn it_runs_as_another_user_who_cannot_read_the_servers_files() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("left out: only root can become another user");
        return;
    }
    let outer = tempfile::tempdir().unwrap();
    fs::set_permissions(outer.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let key = outer.path().join("key");
    fs::write(&key, "the key").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    // Where the other user may execute it.
    let program = outer.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let settings = Settings { dir: outer.path().join("runner"), program, ..Settings::default() };
    let run_as = RunAs::user("nobody").unwrap();
    let config = RunnerConfig { run_as: Some(run_as), ..settings.client() };
    let world = World::of(settings, config, Some(outer));

    let info = world.runner.info().await.unwrap();
    assert_eq!(info.confinement, Confinement::OtherUser("nobody".into()));
    assert_eq!(fs::metadata(world.dir()).unwrap().uid(), run_as.uid);
    let script = format!("id -u; id -g; id -G; echo $USER; cat {}; cat /proc/{}/environ", key.display(), info.pid);
    let mut spec = sh(&script);
    spec.files = vec![runner::SecretFile { env: "KEY".into(), contents: "hunter2".into() }];
    spec.script.push_str("; cat $KEY");
    let finished = finish(world.runner.spawn(spec).await.unwrap()).await;
    let expected = format!("{}\n{}\n{}\nnobody\nhunter2", run_as.uid, run_as.gid, run_as.gid);
    assert_eq!(finished.stdout, expected, "{}", finished.stderr);
    assert_eq!(finished.stderr.matches("Permission denied").count(), 2, "{}", finished.stderr);

    // Who may not be asked for.
    assert!(matches!(RunAs::user("no-such-user"), Err(RunnerError::NoSuchUser { .. })));
    // Its own orphans are found, although the environment is wiped.
    let process = world.runner.spawn(sh("(env -i setsid sleep 1000 &); echo done")).await.unwrap();
    assert!(within(process.wait()).await.exit().unwrap().success());
    let report = within(process.stop(DEADLINE)).await.unwrap();
    assert!(report.is_proven() && report.signal_used.is_some(), "{report:?}");
    assert_eq!(within(process.wait()).await, Ended::Exit(runner::Exit { code: Some(0), signal: None }));
}
