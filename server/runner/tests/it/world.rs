//! What the tests share: markers, deadlines, and a look at processes.

use std::{
    fs,
    future::Future,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use runner::{Exit, OutputPiece, ProcessSpec, RunningProcess, Stream, spawn};
use tokio::sync::mpsc;

/// Longer than anything here takes on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A marker that no other test has.
pub fn marker() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A script for `/bin/sh` under a marker of its own.
pub fn sh(script: &str) -> ProcessSpec {
    ProcessSpec::new(marker(), "/bin/sh", script)
}

/// What a finished process printed and how it ended.
#[derive(Debug)]
pub struct Finished {
    pub stdout: String,
    pub stderr: String,
    pub exit: Exit,
}

pub async fn run(spec: ProcessSpec) -> Finished {
    let RunningProcess { output, handle } = spawn(spec).await.unwrap();
    let (stdout, stderr) = within(drain(output)).await;
    Finished { stdout, stderr, exit: within(handle.wait()).await }
}

/// Everything that is printed until the output ends.
pub async fn drain(mut output: mpsc::Receiver<OutputPiece>) -> (String, String) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(piece) = output.recv().await {
        match piece.stream {
            Stream::Stdout => stdout.extend_from_slice(&piece.bytes),
            Stream::Stderr => stderr.extend_from_slice(&piece.bytes),
        }
    }
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Fails instead of hanging.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("it takes too long")
}

/// Polls until there is something.
pub async fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
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
pub async fn pids_in(file: &Path, count: usize) -> Vec<u32> {
    eventually(|| {
        let text = fs::read_to_string(file).ok()?;
        let pids: Vec<u32> = text.lines().filter_map(|line| line.trim().parse().ok()).collect();
        (pids.len() == count).then_some(pids)
    })
    .await
}

/// Whether a process runs; one that ended and was not reaped does not.
pub fn is_alive(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    !stat[stat.rfind(')').unwrap()..].starts_with(") Z")
}
