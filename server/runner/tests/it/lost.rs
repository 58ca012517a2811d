//! After a crash of the runner: what ended is told, what ran is lost and can be ended.

use std::{fs, time::Duration};

use runner::{Attached, Ended, RunnerError, StopSignal};

use crate::world::{World, eventually, finish, is_alive, pids_in, sh, within};

#[tokio::test]
async fn what_ran_is_lost_and_what_is_left_of_it_is_ended() {
    let world = World::new();
    let dir = tempfile::tempdir().unwrap();
    let script = "echo $$ >> pids; (env -i setsid /bin/sh -c 'echo $$ >> pids; exec sleep 1000' &); sleep 1000 & wait";
    let mut spec = sh(script);
    spec.working_dir = Some(dir.path().into());
    let process = world.runner.spawn(spec.clone()).await.unwrap();
    let pids = pids_in(&dir.path().join("pids"), 2).await;
    let ended = world.runner.spawn(sh("echo ended; exit 5")).await.unwrap();
    let ended_step = ended.handle.identity().step.clone();
    assert_eq!(finish(ended).await.exit.code, Some(5));
    let exit = world.dir().join("spool").join(&ended_step).join("exit");
    eventually(|| exit.exists().then_some(())).await;

    world.kill_runner().await;
    assert_eq!(within(process.wait()).await, Ended::RunnerLost);
    assert_eq!(process.handle.exit(), None);

    let Attached::Lost(identity) = within(world.runner.attach(&spec.step)).await.unwrap() else { panic!("not lost") };
    assert_eq!(identity, *process.handle.identity());
    assert!(pids.iter().all(|pid| is_alive(*pid)), "its processes go on");
    let report = within(world.runner.stop_lost(identity, Duration::from_secs(10))).await.unwrap();
    assert_eq!(report.describe(), "stopped, 0 processes left");
    assert_eq!(report.signal_used, Some(StopSignal::Term));
    assert!(!pids.iter().any(|pid| is_alive(*pid)));
    assert!(matches!(world.runner.attach(&spec.step).await.unwrap(), Attached::Lost(_)), "until it is forgotten");
    world.runner.forget(&spec.step).await.unwrap();
    assert!(matches!(world.runner.attach(&spec.step).await.unwrap(), Attached::Unknown));

    let Attached::Process(ended) = within(world.runner.attach(&ended_step)).await.unwrap() else { panic!("not known") };
    let finished = finish(ended).await;
    assert_eq!((finished.stdout.as_str(), finished.exit.code), ("ended\n", Some(5)));
    world.runner.forget(&ended_step).await.unwrap();
    assert_eq!(world.runner.steps().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_handle_of_before_stops_what_the_dead_runner_left() {
    let world = World::new();
    let process = world.runner.spawn(sh("exec sleep 1000")).await.unwrap();
    world.kill_runner().await;
    assert!(is_alive(process.handle.pid()));
    assert!(within(process.stop(Duration::ZERO)).await.unwrap().is_proven());
    assert!(!is_alive(process.handle.pid()));
}

#[tokio::test]
async fn output_that_broke_off_is_not_called_whole() {
    let world = World::new();
    let mut process = world.runner.spawn(sh("echo begun; exec sleep 1000")).await.unwrap();
    assert_eq!(&within(process.output.recv()).await.unwrap().bytes[..], b"begun\n");
    world.kill_runner().await;
    assert!(within(process.output.recv()).await.is_none());
    assert!(!process.handle.output_is_whole());
    assert!(within(process.stop(Duration::ZERO)).await.unwrap().is_proven());
}

#[tokio::test]
async fn a_step_whose_process_was_never_noted_is_lost_and_found_by_its_marker() {
    let world = World::new();
    let spec = sh("exec sleep 1000");
    let process = world.runner.spawn(spec.clone()).await.unwrap();
    world.kill_runner().await;
    fs::write(world.dir().join("spool").join(&spec.step).join("identity"), "{").unwrap();
    let error = world.runner.spawn(spec.clone()).await.unwrap_err();
    assert!(matches!(error, RunnerError::AlreadyKnown { .. }), "{error:?}");
    let Attached::Lost(identity) = within(world.runner.attach(&spec.step)).await.unwrap() else { panic!("not lost") };
    assert_eq!(identity.pid, 0);
    assert!(within(world.runner.stop_lost(identity, Duration::ZERO)).await.unwrap().is_proven());
    assert!(!is_alive(process.handle.pid()));
}
