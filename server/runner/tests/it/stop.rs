//! Stop ends everything a step started, and proves it.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use runner::{ProcessSpec, RunningProcess, StopSignal};

use crate::world::{World, children_of, eventually, is_alive, marker, pids_in, run, sh, within};

const GRACE: Duration = Duration::from_secs(20);

/// Starts a script that writes `count` pids to `pids` in its working directory.
async fn started(world: &World, script: &str, dir: &Path, count: usize) -> (RunningProcess, Vec<u32>) {
    let mut spec = sh(script);
    spec.working_dir = Some(dir.into());
    let process = world.runner.spawn(spec).await.unwrap();
    let pids = pids_in(&dir.join("pids"), count).await;
    assert!(pids.iter().all(|pid| is_alive(*pid)));
    (process, pids)
}

/// Stops politely and asserts that nothing needed force and nothing is left.
async fn check_all_end(script: &str, count: usize) {
    let world = World::new();
    let dir = tempfile::tempdir().unwrap();
    let (process, pids) = started(&world, script, dir.path(), count).await;
    let report = within(process.stop(GRACE)).await.unwrap();
    assert_eq!(report.processes_left, Vec::<u32>::new());
    assert_eq!(report.describe(), "stopped, 0 processes left");
    assert_eq!(report.signal_used, Some(StopSignal::Term));
    assert!(report.waited < GRACE);
    let alive: Vec<_> = pids.into_iter().filter(|pid| is_alive(*pid)).collect();
    assert_eq!(alive, Vec::<u32>::new());
    assert!(process.handle.exit().is_some(), "the end is known once a stop is proven");
}

#[tokio::test]
async fn stop_ends_children_and_grandchildren() {
    let script = "sh -c 'sleep 1000 & echo $! >> pids; echo $$ >> pids; wait' & \
                  echo $$ >> pids; wait";
    check_all_end(script, 3).await;
}

#[tokio::test]
async fn stop_ends_a_process_in_a_session_of_its_own() {
    check_all_end("setsid sh -c 'echo $$ >> pids; exec sleep 1000' & wait", 1).await;
}

#[tokio::test]
async fn stop_ends_a_daemon_that_forked_twice() {
    let script = r#"exec python3 -c '
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open("pids", "a").write(f"{os.getpid()}\n")
        time.sleep(1000)
    os._exit(0)
os.wait()
time.sleep(1000)
'"#;
    check_all_end(script, 1).await;
}

#[tokio::test]
async fn stop_ends_a_child_that_wiped_its_environment() {
    check_all_end("env -i setsid sh -c 'echo $$ >> pids; exec sleep 1000' & wait", 1).await;
}

#[tokio::test]
async fn a_suspended_process_notices_the_polite_signal() {
    let world = World::new();
    let process = world.runner.spawn(sh("kill -STOP $$")).await.unwrap();
    let stat = format!("/proc/{}/stat", process.handle.pid());
    eventually(|| fs::read_to_string(&stat).unwrap().contains(") T ").then_some(())).await;
    let report = within(process.stop(Duration::from_secs(5))).await.unwrap();
    assert!(report.is_proven(), "{report:?}");
    assert_eq!(report.signal_used, Some(StopSignal::Term));
}

#[tokio::test]
async fn stop_after_the_end_ends_what_was_left_behind() {
    let world = World::new();
    let dir = tempfile::tempdir().unwrap();
    let script = "setsid sleep 1000 >/dev/null 2>&1 & echo $! >> pids; \
                  sleep 1000 >/dev/null 2>&1 & echo $! >> pids";
    let (process, pids) = started(&world, script, dir.path(), 2).await;
    assert!(within(process.wait()).await.exit().unwrap().success());
    assert!(pids.iter().all(|pid| is_alive(*pid)));
    assert!(within(process.stop(GRACE)).await.unwrap().is_proven());
    assert!(!pids.iter().any(|pid| is_alive(*pid)));
}

#[tokio::test]
async fn a_process_that_ignores_sigterm_is_killed_after_the_grace() {
    let world = World::new();
    let dir = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; echo $$ >> pids; while :; do sleep 0.05; done";
    let (process, _) = started(&world, script, dir.path(), 1).await;
    let grace = Duration::from_millis(300);
    let report = within(process.stop(grace)).await.unwrap();
    assert!(report.is_proven(), "{report:?}");
    assert_eq!(report.signal_used, Some(StopSignal::Kill));
    assert!(report.waited >= grace);
    assert_eq!(within(process.wait()).await.exit().unwrap().describe(), "killed by SIGKILL (9)");
}

#[tokio::test]
async fn a_process_may_tidy_up_within_the_grace() {
    let world = World::new();
    let dir = tempfile::tempdir().unwrap();
    let script = "trap 'echo bye > bye; exit 5' TERM; echo $$ >> pids; \
                  while :; do sleep 0.05; done";
    let (process, _) = started(&world, script, dir.path(), 1).await;
    assert!(within(process.stop(GRACE)).await.unwrap().is_proven());
    assert_eq!(within(process.wait()).await.exit().unwrap().code, Some(5));
    assert!(dir.path().join("bye").exists());
}

#[tokio::test]
async fn a_second_stop_without_grace_overtakes_the_first() {
    let world = World::new();
    let dir = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; echo $$ >> pids; while :; do sleep 0.05; done";
    let (process, _) = started(&world, script, dir.path(), 1).await;
    let handle = process.handle.clone();
    let began = Instant::now();
    let patient = tokio::spawn(async move { handle.stop(Duration::from_secs(1000)).await });
    assert!(within(process.stop(Duration::ZERO)).await.unwrap().is_proven());
    assert!(within(patient).await.unwrap().unwrap().is_proven());
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn stop_and_wait_work_from_different_tasks() {
    let world = World::new();
    let RunningProcess { output, handle } = world.runner.spawn(sh("exec sleep 1000")).await.unwrap();
    let waiting = tokio::spawn({
        let handle = handle.clone();
        async move { handle.wait().await }
    });
    assert!(within(handle.stop(GRACE)).await.unwrap().is_proven());
    assert_eq!(within(waiting).await.unwrap().exit().unwrap().describe(), "killed by SIGTERM (15)");
    drop(output);
}

#[tokio::test]
async fn stopping_what_has_ended_sends_nothing() {
    let world = World::new();
    let process = world.runner.spawn(sh("true")).await.unwrap();
    within(process.wait()).await;
    let report = within(process.stop(GRACE)).await.unwrap();
    assert!(report.is_proven());
    assert_eq!(report.signal_used, None);
}

#[tokio::test]
async fn stop_leaves_another_step_alone() {
    let world = World::new();
    let step = marker();
    let mine = world.runner.spawn(ProcessSpec::new(&step, "sh", "exec sleep 1000")).await.unwrap();
    let other = world.runner.spawn(ProcessSpec::new(format!("{step}-2"), "sh", "exec sleep 1000")).await.unwrap();
    assert!(within(mine.stop(GRACE)).await.unwrap().is_proven());
    assert!(is_alive(other.handle.pid()));
    assert!(within(other.stop(Duration::ZERO)).await.unwrap().is_proven());
}

#[tokio::test]
async fn stop_ends_an_orphan_that_wiped_its_environment() {
    check_all_end("(env -i setsid /bin/sh -c 'echo $$ >> pids; exec sleep 1000' &) ; exec sleep 1000", 1).await;
}

#[tokio::test]
async fn stop_ends_a_wiped_daemon_that_forked_twice_and_no_other_step() {
    let world = World::new();
    let script = r#"exec python3 -c '
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        code = "import os, time; open(\"pids\", \"a\").write(str(os.getpid()) + \"\\n\"); time.sleep(1000)"
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.execve("/usr/bin/env", ["env", "-i", "python3", "-c", code], {"PATH": "/usr/bin:/bin"})
    os._exit(0)
os.wait()
'"#;
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mine, pids) = started(&world, script, one.path(), 1).await;
    let (other, other_pids) = started(&world, script, two.path(), 1).await;
    for process in [&mine, &other] {
        assert!(within(process.wait()).await.exit().unwrap().success());
    }
    let runner = world.runner.info().await.unwrap().pid;
    let orphans = children_of(runner);
    assert!(orphans.contains(&pids[0]) && orphans.contains(&other_pids[0]), "orphans hang below the runner: {orphans:?}");
    assert!(within(mine.stop(GRACE)).await.unwrap().is_proven());
    assert!(!is_alive(pids[0]) && is_alive(other_pids[0]));
    assert!(within(other.stop(GRACE)).await.unwrap().is_proven());
    assert!(!is_alive(other_pids[0]));
    eventually(|| children_of(runner).is_empty().then_some(())).await;
}

#[tokio::test]
async fn orphans_that_end_are_reaped_and_no_exit_is_stolen() {
    let world = World::new();
    let mut running = Vec::new();
    for code in 0..30 {
        let script = format!("for i in 1 2 3; do (setsid sleep 0.0$i &); done; exit {code}");
        running.push((code, world.runner.spawn(sh(&script)).await.unwrap()));
    }
    for (code, process) in running {
        assert_eq!(within(process.wait()).await.exit().unwrap().code, Some(code));
    }
    let runner = world.runner.info().await.unwrap().pid;
    eventually(|| children_of(runner).is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_lost_process_is_found_by_its_identity_and_ended() {
    let world = World::new();
    let process = world.runner.spawn(sh("setsid sleep 1000 & wait")).await.unwrap();
    let identity = process.handle.identity().clone();
    drop(process);
    let mut elsewhere = identity.clone();
    elsewhere.boot_id = Some("another boot".into());
    let report = within(world.runner.stop_lost(elsewhere, GRACE)).await.unwrap();
    assert!(report.is_proven() && report.signal_used.is_none());
    assert!(is_alive(identity.pid));
    assert!(within(world.runner.stop_lost(identity.clone(), GRACE)).await.unwrap().is_proven());
    assert!(!is_alive(identity.pid));
}

#[tokio::test]
async fn a_process_that_keeps_forking_is_ended() {
    let world = World::new();
    let dir = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; echo $$ >> pids; while :; do setsid sh -c 'sleep 1000' & sleep 0.01; done";
    let (process, _) = started(&world, script, dir.path(), 1).await;
    let step = process.handle.identity().step.clone();
    let report = within(process.stop(Duration::from_millis(100))).await.unwrap();
    assert!(report.is_proven(), "{report:?}");
    let count = format!("grep -lsz '^RUNBOOK_STEP={step}$' /proc/[0-9]*/environ | wc -l");
    assert_eq!(run(sh(&count)).await.stdout.trim(), "0");
}
