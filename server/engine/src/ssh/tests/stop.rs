//! Stop ends everything a step started on a host, and proves it.

use runner::{StopReport, StopSignal};

use super::*;
use crate::ssh::{
    RemoteHandle, SshError, describe_stop,
    look::Source,
    stop::{Hunt, Quarry},
};

const GRACE: Duration = Duration::from_secs(20);

/// Starts a script that writes `count` pids to `pids` in its working directory.
async fn started(connection: &Connection, script: &str, dir: &Path, count: usize) -> (RunningRemote, Vec<u32>) {
    let mut spec = sh(script);
    spec.working_dir = Some(dir.to_str().unwrap().into());
    let remote = within(connection.run(spec)).await.unwrap();
    let pids = pids_in(&dir.join("pids"), count).await;
    assert!(pids.iter().all(|pid| is_alive(*pid)));
    (remote, pids)
}

fn assert_all_ended(report: &StopReport, pids: Vec<u32>) {
    assert_eq!(describe_stop(report, "web-1"), "stopped, 0 processes left");
    let alive: Vec<_> = pids.into_iter().filter(|pid| is_alive(*pid)).collect();
    assert_eq!(alive, Vec::<u32>::new());
}

const CHILDREN: &str = "sh -c 'sleep 1000 & echo $! >> pids; echo $$ >> pids; wait' & echo $$ >> pids; wait";
const OWN_SESSION: &str = "setsid sh -c 'echo $$ >> pids; exec sleep 1000' & wait";
const WIPED: &str = "env -i setsid sh -c 'echo $$ >> pids; exec sleep 1000' & wait";
const FORKED_TWICE: &str = r#"exec python3 -c '
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

#[tokio::test]
async fn stop_ends_children_and_what_left_the_group() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    for (script, count) in [(CHILDREN, 3), (OWN_SESSION, 1), (WIPED, 1), (FORKED_TWICE, 1)] {
        let dir = tempfile::tempdir().unwrap();
        let (remote, pids) = started(&connection, script, dir.path(), count).await;
        let report = within(remote.handle.stop(GRACE)).await;
        assert_all_ended(&report, pids);
        assert_eq!(report.signal_used, Some(StopSignal::Term), "{script}");
        assert!(report.waited < GRACE);
        assert!(remote.handle.end().is_some(), "the end is known once a stop is proven");
        println!("stopped in {:?}", report.waited);
    }
    assert_eq!(sshd.sessions().len(), 1, "a second channel, not a second connection");
}

#[tokio::test]
async fn a_lost_step_is_found_by_its_marker_and_ended() {
    let sshd = Sshd::start();
    for (script, count) in [(CHILDREN, 3), (OWN_SESSION, 1), (FORKED_TWICE, 1)] {
        let connection = connect(&sshd).await;
        let dir = tempfile::tempdir().unwrap();
        let mut spec = sh(script);
        spec.files = vec![runner::SecretFile { env: "KEY".into(), contents: "x".into() }];
        spec.working_dir = Some(dir.path().to_str().unwrap().into());
        let step = spec.step.clone();
        drop(within(connection.run(spec)).await.unwrap());
        let pids = pids_in(&dir.path().join("pids"), count).await;
        sshd.cut();
        drop(connection);

        let connection = connect(&sshd).await;
        let other = within(connection.stop_lost(&format!("{step}-2"), GRACE)).await.unwrap();
        assert!(other.is_proven() && other.signal_used.is_none());
        assert!(pids.iter().all(|pid| is_alive(*pid)), "another step's are left alone");
        let report = within(connection.stop_lost(&step, GRACE)).await.unwrap();
        assert_all_ended(&report, pids);
        assert!(report.signal_used.is_some());
    }
}

#[tokio::test]
async fn a_stop_after_the_connection_was_lost_uses_a_new_one() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let dir = tempfile::tempdir().unwrap();
    let (remote, pids) = started(&connection, WIPED, dir.path(), 1).await;
    sshd.cut();
    assert!(matches!(within(remote.handle.wait()).await, RemoteEnd::Lost(_)));
    assert_all_ended(&within(remote.handle.stop(GRACE)).await, pids);
}

#[tokio::test]
async fn a_stop_where_no_second_session_is_allowed_uses_a_new_connection() {
    let sshd = Sshd::with(SshdOptions { config: "MaxSessions 1\n".into(), ..SshdOptions::default() });
    let connection = connect(&sshd).await;
    let dir = tempfile::tempdir().unwrap();
    let (remote, pids) = started(&connection, CHILDREN, dir.path(), 3).await;
    let error = connection.run(sh("true")).await.err().unwrap();
    assert!(matches!(error, SshError::ChannelRefused { .. }), "{error:?}");
    assert_all_ended(&within(remote.handle.stop(GRACE)).await, pids);
    assert_eq!(stdout(&connection, sh("echo again")).await, "again\n");
}

#[tokio::test]
async fn a_stop_works_while_nobody_reads_the_output() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let dir = tempfile::tempdir().unwrap();
    let (remote, pids) = started(&connection, "echo $$ >> pids; exec yes", dir.path(), 1).await;
    let report = within(remote.handle.stop(GRACE)).await;
    assert_all_ended(&report, pids);
    println!("stopped in {:?}", report.waited);
}

#[tokio::test]
async fn a_process_that_ignores_sigterm_is_killed_after_the_grace() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let dir = tempfile::tempdir().unwrap();
    let (remote, pids) = started(&connection, "trap '' TERM; echo $$ >> pids; while :; do sleep 0.05; done", dir.path(), 1).await;
    let grace = Duration::from_millis(300);
    let report = within(remote.handle.stop(grace)).await;
    assert_all_ended(&report, pids);
    assert_eq!(report.signal_used, Some(StopSignal::Kill));
    assert!(report.waited >= grace);
    assert_eq!(within(remote.handle.wait()).await, signalled(9));
}

#[tokio::test]
async fn a_process_may_tidy_up_within_the_grace() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let dir = tempfile::tempdir().unwrap();
    let script = "trap 'echo bye > bye; exit 5' TERM; echo $$ >> pids; while :; do sleep 0.05; done";
    let (remote, _) = started(&connection, script, dir.path(), 1).await;
    assert!(within(remote.handle.stop(GRACE)).await.is_proven());
    assert_eq!(within(remote.handle.wait()).await, exited(5));
    assert!(dir.path().join("bye").exists());
}

#[tokio::test]
async fn a_suspended_process_notices_the_polite_signal() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let dir = tempfile::tempdir().unwrap();
    let (remote, pids) = started(&connection, "echo $$ >> pids; kill -STOP $$", dir.path(), 1).await;
    let stat = format!("/proc/{}/stat", pids[0]);
    eventually(|| fs::read_to_string(&stat).unwrap().contains(") T ").then_some(())).await;
    let report = within(remote.handle.stop(GRACE)).await;
    assert_all_ended(&report, pids);
    assert_eq!(report.signal_used, Some(StopSignal::Term));
}

#[tokio::test]
async fn a_process_that_keeps_forking_is_ended() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let dir = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; echo $$ >> pids; while :; do setsid sh -c 'sleep 1000' & sleep 0.02; done";
    let (remote, pids) = started(&connection, script, dir.path(), 1).await;
    assert_all_ended(&within(remote.handle.stop(Duration::from_millis(100))).await, pids);
}

#[tokio::test]
async fn a_second_stop_without_grace_overtakes_the_first() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let dir = tempfile::tempdir().unwrap();
    let (remote, _) = started(&connection, "trap '' TERM; echo $$ >> pids; while :; do sleep 0.05; done", dir.path(), 1).await;
    let patient: RemoteHandle = remote.handle.clone();
    let began = Instant::now();
    let patient = tokio::spawn(async move { patient.stop(Duration::from_secs(1000)).await });
    assert!(within(remote.handle.stop(Duration::ZERO)).await.is_proven());
    assert!(within(patient).await.unwrap().is_proven());
    assert!(began.elapsed() < DEADLINE);
}

#[tokio::test]
async fn stopping_what_has_ended_sends_nothing() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let remote = within(connection.run(sh("true"))).await.unwrap();
    within(remote.handle.wait()).await;
    let report = within(remote.handle.stop(GRACE)).await;
    assert!(report.is_proven());
    assert_eq!(report.signal_used, None);
}

#[tokio::test]
async fn what_cannot_be_reached_any_more_is_not_called_stopped() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let dir = tempfile::tempdir().unwrap();
    let (remote, pids) = started(&connection, "echo $$ >> pids; exec sleep 1000", dir.path(), 1).await;
    drop(sshd);
    let report = within(remote.handle.stop(GRACE)).await;
    assert!(!report.is_proven());
    assert_eq!(describe_stop(&report, "web-1"), format!("stop unconfirmed: pid {} on host web-1", pids[0]));
    // The test's own: nobody else will end it.
    sshd::output(std::process::Command::new("kill").arg(pids[0].to_string()));
}

#[tokio::test]
async fn a_host_without_proc_is_searched_by_ps() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let dir = tempfile::tempdir().unwrap();
    let mut spec = sh(OWN_SESSION);
    spec.working_dir = Some(dir.path().to_str().unwrap().into());
    let step = spec.step.clone();
    let _remote = within(connection.run(spec)).await.unwrap();
    let pids = pids_in(&dir.path().join("pids"), 1).await;
    let report = within(Hunt::new(&connection, Quarry::lost(&step), Source::Ps).run(GRACE)).await;
    assert_all_ended(&report, pids);
}
