//! Stop ends everything a step started, and proves it.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use runner::{ProcessSpec, RunningProcess, StopSignal, spawn, stop_lost};

use crate::world::{eventually, is_alive, marker, pids_in, run, sh, within};

const GRACE: Duration = Duration::from_secs(20);

/// Starts a script that writes `count` pids to `pids` in its working directory.
async fn started(script: &str, dir: &Path, count: usize) -> (RunningProcess, Vec<u32>) {
    let mut spec = sh(script);
    spec.working_dir = Some(dir.into());
    let process = spawn(spec).await.unwrap();
    let pids = pids_in(&dir.join("pids"), count).await;
    assert!(pids.iter().all(|pid| is_alive(*pid)));
    (process, pids)
}

/// Stops politely and asserts that nothing needed force and nothing is left.
async fn check_all_end(script: &str, count: usize) {
    let dir = tempfile::tempdir().unwrap();
    let (process, pids) = started(script, dir.path(), count).await;
    let report = within(process.stop(GRACE)).await;
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
    let process = spawn(sh("kill -STOP $$")).await.unwrap();
    let stat = format!("/proc/{}/stat", process.handle.pid());
    eventually(|| fs::read_to_string(&stat).unwrap().contains(") T ").then_some(())).await;
    let report = within(process.stop(Duration::from_secs(5))).await;
    assert!(report.is_proven(), "{report:?}");
    assert_eq!(report.signal_used, Some(StopSignal::Term));
}

#[tokio::test]
async fn stop_after_the_end_ends_what_was_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let script = "setsid sleep 1000 >/dev/null 2>&1 & echo $! >> pids; \
                  sleep 1000 >/dev/null 2>&1 & echo $! >> pids";
    let (process, pids) = started(script, dir.path(), 2).await;
    assert!(within(process.wait()).await.success());
    assert!(pids.iter().all(|pid| is_alive(*pid)));
    assert!(within(process.stop(GRACE)).await.is_proven());
    assert!(!pids.iter().any(|pid| is_alive(*pid)));
}

#[tokio::test]
async fn a_process_that_ignores_sigterm_is_killed_after_the_grace() {
    let dir = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; echo $$ >> pids; while :; do sleep 0.05; done";
    let (process, _) = started(script, dir.path(), 1).await;
    let grace = Duration::from_millis(300);
    let report = within(process.stop(grace)).await;
    assert!(report.is_proven(), "{report:?}");
    assert_eq!(report.signal_used, Some(StopSignal::Kill));
    assert!(report.waited >= grace);
    assert_eq!(within(process.wait()).await.describe(), "killed by SIGKILL (9)");
}

#[tokio::test]
async fn a_process_may_tidy_up_within_the_grace() {
    let dir = tempfile::tempdir().unwrap();
    let script = "trap 'echo bye > bye; exit 5' TERM; echo $$ >> pids; \
                  while :; do sleep 0.05; done";
    let (process, _) = started(script, dir.path(), 1).await;
    assert!(within(process.stop(GRACE)).await.is_proven());
    assert_eq!(within(process.wait()).await.code, Some(5));
    assert!(dir.path().join("bye").exists());
}

#[tokio::test]
async fn a_second_stop_without_grace_overtakes_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; echo $$ >> pids; while :; do sleep 0.05; done";
    let (process, _) = started(script, dir.path(), 1).await;
    let handle = process.handle.clone();
    let began = Instant::now();
    let patient = tokio::spawn(async move { handle.stop(Duration::from_secs(1000)).await });
    assert!(within(process.stop(Duration::ZERO)).await.is_proven());
    assert!(within(patient).await.unwrap().is_proven());
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn stop_and_wait_work_from_different_tasks() {
    let RunningProcess { output, handle } = spawn(sh("exec sleep 1000")).await.unwrap();
    let waiting = tokio::spawn({
        let handle = handle.clone();
        async move { handle.wait().await }
    });
    assert!(within(handle.stop(GRACE)).await.is_proven());
    assert_eq!(within(waiting).await.unwrap().describe(), "killed by SIGTERM (15)");
    drop(output);
}

#[tokio::test]
async fn stopping_what_has_ended_sends_nothing() {
    let process = spawn(sh("true")).await.unwrap();
    within(process.wait()).await;
    let report = within(process.stop(GRACE)).await;
    assert!(report.is_proven());
    assert_eq!(report.signal_used, None);
}

#[tokio::test]
async fn stop_leaves_another_step_alone() {
    let step = marker();
    let mine = spawn(ProcessSpec::new(&step, "sh", "exec sleep 1000")).await.unwrap();
    let other = spawn(ProcessSpec::new(format!("{step}-2"), "sh", "exec sleep 1000")).await.unwrap();
    assert!(within(mine.stop(GRACE)).await.is_proven());
    assert!(is_alive(other.handle.pid()));
    assert!(within(other.stop(Duration::ZERO)).await.is_proven());
}

#[tokio::test]
async fn a_lost_process_is_found_by_its_identity_and_ended() {
    let process = spawn(sh("setsid sleep 1000 & wait")).await.unwrap();
    let identity = process.handle.identity().clone();
    drop(process);
    let mut elsewhere = identity.clone();
    elsewhere.boot_id = Some("another boot".into());
    let report = within(stop_lost(elsewhere, GRACE)).await;
    assert!(report.is_proven() && report.signal_used.is_none());
    assert!(is_alive(identity.pid));
    assert!(within(stop_lost(identity.clone(), GRACE)).await.is_proven());
    assert!(!is_alive(identity.pid));
}

#[tokio::test]
async fn a_process_that_keeps_forking_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; echo $$ >> pids; while :; do setsid sh -c 'sleep 1000' & sleep 0.01; done";
    let (process, _) = started(script, dir.path(), 1).await;
    let step = process.handle.identity().step.clone();
    let report = within(process.stop(Duration::from_millis(100))).await;
    assert!(report.is_proven(), "{report:?}");
    let count = format!("grep -lsz '^RUNBOOK_STEP={step}$' /proc/[0-9]*/environ | wc -l");
    assert_eq!(run(sh(&count)).await.stdout.trim(), "0");
}
