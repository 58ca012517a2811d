//! Everything here talks to a real OpenSSH server, but for what that cannot be made to do without changing the machine.

mod command;
mod connection;
mod login;
mod login_shell;
mod password;
mod private_files;
#[path = "../../../tests/common/sshd.rs"]
mod sshd;
mod stop;

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use runner::{Exit, OutputPiece, Stream};
use tokio::sync::mpsc;

use self::sshd::{Sshd, SshdOptions};
use super::{Connection, Login, RemoteEnd, RemoteSpec, RunningRemote, Target};

/// Longer than anything here may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A marker that no other test uses.
fn marker() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("ssh-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A script for `/bin/sh` under a marker of its own.
fn sh(script: &str) -> RemoteSpec {
    RemoteSpec::new(marker(), "/bin/sh", script)
}

/// A server as its own entry would have it: key login, the host key pinned.
fn target(sshd: &Sshd) -> Target {
    Target {
        name: "web-1".into(),
        address: "127.0.0.1".into(),
        port: sshd.port(),
        user: sshd.user().into(),
        login: Login::from_secret(&sshd.client_key().into()).unwrap(),
        host_key: Some(sshd.host_key().parse().unwrap()),
    }
}

async fn connect(sshd: &Sshd) -> Connection {
    within(Connection::open(&target(sshd), DEADLINE)).await.unwrap()
}

/// What a command printed and how it ended.
#[derive(Debug)]
struct Finished {
    stdout: String,
    stderr: String,
    end: RemoteEnd,
}

async fn run(connection: &Connection, spec: RemoteSpec) -> Finished {
    let RunningRemote { output, handle } = within(connection.run(spec)).await.unwrap();
    let (stdout, stderr) = within(drain(output)).await;
    Finished { stdout, stderr, end: within(handle.wait()).await }
}

/// What a command printed that must succeed.
async fn stdout(connection: &Connection, spec: RemoteSpec) -> String {
    let finished = run(connection, spec).await;
    assert_eq!(finished.end, exited(0), "{finished:?}");
    finished.stdout
}

/// Everything that is printed until the output ends.
async fn drain(mut output: mpsc::Receiver<OutputPiece>) -> (String, String) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(piece) = output.recv().await {
        assert!(!piece.bytes.is_empty() && piece.bytes.len() <= runner::MAX_PIECE_BYTES);
        match piece.stream {
            Stream::Stdout => stdout.extend_from_slice(&piece.bytes),
            Stream::Stderr => stderr.extend_from_slice(&piece.bytes),
        }
    }
    (String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned())
}

const fn exited(code: i32) -> RemoteEnd {
    RemoteEnd::Exit(Exit { code: Some(code), signal: None })
}

const fn signalled(signal: i32) -> RemoteEnd {
    RemoteEnd::Exit(Exit { code: None, signal: Some(signal) })
}

/// Fails instead of hanging.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("it takes too long")
}

/// Polls until there is something.
async fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it never happened");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The pids that a script wrote to `file`, once there are `count`.
async fn pids_in(file: &Path, count: usize) -> Vec<u32> {
    eventually(|| {
        let text = fs::read_to_string(file).ok()?;
        let pids: Vec<u32> = text.lines().filter_map(|line| line.trim().parse().ok()).collect();
        (pids.len() == count).then_some(pids)
    })
    .await
}

/// Whether a process runs; one that ended and was not reaped does not.
fn is_alive(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    !stat[stat.rfind(')').unwrap()..].starts_with(") Z")
}
