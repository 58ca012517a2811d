//! Connections that break, and the ones that replace them.

use std::process::Command;

use super::*;
use crate::ssh::{Pool, SshError};

#[tokio::test]
async fn a_connection_cut_in_the_middle_loses_the_command() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let RunningRemote { mut output, handle } = within(connection.run(sh("echo before; exec sleep 1000"))).await.unwrap();
    let first = within(output.recv()).await.unwrap();
    assert_eq!(&first.bytes[..], b"before\n");
    let sessions = sshd.sessions();
    assert_eq!(sessions.len(), 1);
    sshd.cut();
    assert_eq!(within(handle.wait()).await, RemoteEnd::Lost("the connection to web-1 was lost; outcome unknown".into()));
    assert!(within(output.recv()).await.is_none());
    assert!(!connection.is_open());
    let error = connection.run(sh("true")).await.err().unwrap();
    assert!(matches!(error, SshError::Closed { .. }), "{error:?}");
    assert!(within(handle.stop(DEADLINE)).await.is_proven());
}

#[tokio::test]
async fn a_host_that_falls_silent_loses_the_command() {
    let sshd = Sshd::start();
    let connection = within(Connection::open_with(&target(&sshd), DEADLINE, Duration::from_millis(100))).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut spec = sh("echo $$ >pids; exec sleep 1000");
    spec.working_dir = Some(dir.path().to_str().unwrap().into());
    let remote = within(connection.run(spec)).await.unwrap();
    let pids = pids_in(&dir.path().join("pids"), 1).await;
    let session = sshd.sessions()[0].to_string();
    sshd::output(Command::new("kill").args(["-STOP", &session]));
    assert_eq!(within(remote.handle.wait()).await, RemoteEnd::Lost("the connection to web-1 was lost; outcome unknown".into()));
    assert!(!connection.is_open());
    assert!(is_alive(pids[0]), "nobody ended it");
    assert!(within(remote.handle.stop(DEADLINE)).await.is_proven());
    assert!(!is_alive(pids[0]));
}

#[tokio::test]
async fn a_quiet_command_outlives_many_keepalives() {
    let sshd = Sshd::start();
    let connection = within(Connection::open_with(&target(&sshd), DEADLINE, Duration::from_millis(20))).await.unwrap();
    assert_eq!(stdout(&connection, sh("sleep 1; echo done")).await, "done\n");
}

#[tokio::test]
async fn a_pool_reuses_a_connection_and_replaces_one_that_broke() {
    let sshd = Sshd::start();
    let pool = Pool::new(DEADLINE);
    let target = target(&sshd);
    for _ in 0..3 {
        let connection = within(pool.get_or_open(&target)).await.unwrap();
        assert_eq!(stdout(&connection, sh("echo hello")).await, "hello\n");
    }
    assert_eq!(sshd.sessions().len(), 1);

    let connection = within(pool.get_or_open(&target)).await.unwrap();
    let lost = within(connection.run(sh("exec sleep 1000"))).await.unwrap();
    sshd.cut();
    assert!(matches!(within(lost.handle.wait()).await, RemoteEnd::Lost(_)));
    let replaced = within(pool.get_or_open(&target)).await.unwrap();
    assert_eq!(stdout(&replaced, sh("echo again")).await, "again\n");
    assert!(within(lost.handle.stop(DEADLINE)).await.is_proven());

    within(pool.close()).await;
    eventually(|| sshd.sessions().is_empty().then_some(())).await;
    assert!(!replaced.is_open());
}

#[tokio::test]
async fn a_pool_opens_one_connection_for_commands_at_once() {
    let sshd = Sshd::start();
    let pool = Pool::new(DEADLINE);
    let target = target(&sshd);
    let (a, b, c) = tokio::join!(pool.get_or_open(&target), pool.get_or_open(&target), pool.get_or_open(&target));
    assert!([a, b, c].into_iter().all(|connection| connection.unwrap().is_open()));
    assert_eq!(sshd.sessions().len(), 1);
}

#[tokio::test]
async fn a_pool_does_not_reuse_a_connection_for_another_place() {
    let (sshd, other) = (Sshd::start(), Sshd::start());
    let pool = Pool::new(DEADLINE);
    within(pool.get_or_open(&target(&sshd))).await.unwrap();
    let unpinned = Target { host_key: None, ..target(&sshd) };
    assert!(within(pool.get_or_open(&unpinned)).await.is_err(), "a key that is no longer pinned is no longer trusted");
    let moved = target(&other);
    let connection = within(pool.get_or_open(&moved)).await.unwrap();
    assert_eq!(stdout(&connection, sh("echo $HOME")).await.trim(), other.dir().join("home").to_str().unwrap());
}

#[tokio::test]
async fn a_connection_closes_with_its_last_user() {
    let sshd = Sshd::start();
    let connection = connect(&sshd).await;
    let remote = within(connection.run(sh("echo out; sleep 0.3; echo end"))).await.unwrap();
    drop(connection);
    let RunningRemote { output, handle } = remote;
    assert_eq!(within(drain(output)).await.0, "out\nend\n");
    assert_eq!(within(handle.wait()).await, exited(0));
    drop(handle);
    eventually(|| sshd.sessions().is_empty().then_some(())).await;
}
