//! What the tests share: a runner process, markers, deadlines, and a look at processes.

use std::{
    fs::{self, File},
    future::Future,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use runner::{Confine, DaemonConfig, Exit, OutputPiece, ProcessSpec, Runner, RunnerConfig, RunningProcess, Stream};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::roles;

/// Longer than anything here takes on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A runner process of its own, which ends with this.
#[derive(Debug)]
pub struct World {
    settings: Settings,
    pub runner: Runner,
    _dir: Option<TempDir>,
}

/// What a runner process is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    pub dir: PathBuf,
    pub program: PathBuf,
    pub hide: Vec<PathBuf>,
    pub confine: Confine,
    pub output_head: u64,
    pub idle: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dir: PathBuf::new(),
            program: std::env::current_exe().unwrap(),
            hide: Vec::new(),
            confine: Confine::Never,
            output_head: 64 * 1024 * 1024,
            idle: Duration::from_secs(10),
        }
    }
}

impl Settings {
    pub fn daemon(self) -> DaemonConfig {
        DaemonConfig {
            hide: self.hide,
            confine: self.confine,
            output_head: self.output_head,
            idle: self.idle,
            stop_grace: Duration::ZERO,
            ..DaemonConfig::new(self.dir)
        }
    }

    pub fn client(&self) -> RunnerConfig {
        let args = roles::arguments("roles::serves").into_iter().map(Into::into).collect();
        let mut config = RunnerConfig::new(&self.program, args, &self.dir);
        config.env = vec![(roles::SERVE.into(), serde_json::to_string(self).unwrap().into())];
        config.patience = DEADLINE;
        config
    }
}

impl World {
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    /// In a temporary directory unless the settings name one.
    pub fn with(mut settings: Settings) -> Self {
        let mut made = None;
        if settings.dir == Path::new("") {
            let dir = tempfile::tempdir().unwrap();
            settings.dir = dir.path().join("runner");
            made = Some(dir);
        }
        Self::of(settings.clone(), settings.client(), made)
    }

    pub fn of(settings: Settings, config: RunnerConfig, dir: Option<TempDir>) -> Self {
        Self { settings, runner: Runner::new(config), _dir: dir }
    }

    pub fn dir(&self) -> &Path {
        &self.settings.dir
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Ends the runner as a crash would.
    pub async fn kill_runner(&self) {
        let pid = self.runner.info().await.unwrap().pid;
        signal(pid, Signal::SIGKILL);
        eventually(|| (!is_alive(pid)).then_some(())).await;
    }

    /// Whether a runner serves the directory.
    pub fn is_served(&self) -> bool {
        File::open(self.dir().join("lock")).is_ok_and(|lock| lock.try_lock().is_err())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.is_served() && Instant::now() < deadline {
            let pid = fs::read_to_string(self.dir().join("lock")).unwrap_or_default();
            if let Ok(pid) = pid.trim().parse() {
                signal(pid, Signal::SIGTERM);
            }
            thread::sleep(Duration::from_millis(10));
        }
        assert!(thread::panicking() || !self.is_served(), "the runner does not end");
        if thread::panicking() {
            eprintln!("the runner said: {}", fs::read_to_string(self.dir().join("log")).unwrap_or_default());
        }
    }
}

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

/// Runs a process in a world of its own.
pub async fn run(spec: ProcessSpec) -> Finished {
    let world = World::new();
    finish(world.runner.spawn(spec).await.unwrap()).await
}

/// Follows a process to its end.
pub async fn finish(process: RunningProcess) -> Finished {
    let RunningProcess { output, handle } = process;
    let (stdout, stderr) = within(drain(output)).await;
    let exit = within(handle.wait()).await.exit().unwrap();
    assert!(handle.output_is_whole());
    Finished { stdout, stderr, exit }
}

/// Everything that is printed until the output ends.
pub async fn drain(mut output: mpsc::Receiver<OutputPiece>) -> (String, String) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(piece) = output.recv().await {
        assert_eq!(piece.dropped_before, 0);
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
    stat(pid).is_some_and(|fields| fields[0] != "Z")
}

/// The children of a process, those that ended and were not reaped among them.
pub fn children_of(parent: u32) -> Vec<u32> {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|fields| fields[1] == parent.to_string())).collect()
}

/// The session of a process.
pub fn session_of(pid: u32) -> String {
    stat(pid).unwrap()[3].clone()
}

/// State, parent, group, session, … (proc(5)).
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

pub fn signal(pid: u32, signal: Signal) {
    // One that is gone already is what was wanted.
    let _ = kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal);
}
