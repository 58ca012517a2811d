//! The server process: started on a free port of loopback, ready when it says so and `/readyz` agrees.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::Folders;
use super::client::Client;
use super::process;

/// How long a start may take; with ten thousand unfinished runs it is a matter of seconds.
const START: Duration = Duration::from_secs(180);
/// How long it may take to end by itself: longer than the grace that steps get.
const STOP: Duration = Duration::from_secs(30);
/// How often we look.
const GLANCE: Duration = Duration::from_millis(2);

/// A running server; asked to end, and at last made to, when dropped.
pub struct Server {
    child: Child,
    address: String,
    ready_after: Duration,
    log: PathBuf,
}

impl Server {
    /// Starts it and waits until it is ready.
    pub fn start(binary: &Path, folders: &Folders) -> Result<Self> {
        fs::create_dir_all(&folders.logs).with_context(|| format!("creating {}", folders.logs.display()))?;
        let number = fs::read_dir(&folders.logs).map_or(0, |entries| entries.count() / 2);
        let log = folders.logs.join(format!("{number:04}-out.log"));
        let complaints = log.with_file_name(format!("{number:04}-err.log"));
        let mut command = Command::new(binary);
        for (name, _) in env::vars_os() {
            let name_text = name.to_string_lossy();
            if name_text.starts_with("STUDIO_") || name_text.starts_with("LEPTOS_") || name_text == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command.args(["serve", "--addr", "127.0.0.1:0", "--log-format", "json", "--data-dir"]).arg(&folders.data);
        command.stdin(Stdio::null());
        command.stdout(File::create(&log).context("making a log")?);
        command.stderr(File::create(&complaints).context("making a log")?);
        let began = Instant::now();
        let child = command.spawn().with_context(|| format!("starting {}", binary.display()))?;
        let mut server = Self { child, address: String::new(), ready_after: Duration::ZERO, log };
        server.wait_until_ready(began)?;
        Ok(server)
    }

    /// `http://127.0.0.1:PORT`
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// From its start until it was ready.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// How it ended, where it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// SIGKILL, and waits for its end.
    pub fn kill(&mut self) -> Result<()> {
        if self.ended().is_none() {
            self.child.kill().context("killing the server")?;
        }
        self.child.wait().context("waiting for the server's end")?;
        Ok(())
    }

    /// SIGTERM, and waits for its end; answers whether it ended in time by itself.
    pub fn stop(&mut self) -> Result<bool> {
        if self.ended().is_none() {
            process::signal(self.pid(), Signal::SIGTERM)?;
        }
        let deadline = Instant::now() + STOP;
        while self.ended().is_none() {
            if Instant::now() > deadline {
                self.kill()?;
                return Ok(false);
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(true)
    }

    /// What it logged last, for whoever must find out why.
    pub fn last_words(&self) -> String {
        let name = self.log.file_name().unwrap_or_default().to_string_lossy().replace("-out", "-err");
        let mut text = fs::read_to_string(&self.log).unwrap_or_default();
        text += &fs::read_to_string(self.log.with_file_name(name)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }

    fn wait_until_ready(&mut self, began: Instant) -> Result<()> {
        let mut client = None;
        loop {
            if client.is_none()
                && let Some(address) = said_address(&self.log)
            {
                client = Some(Client::new(&address));
                self.address = address;
            }
            if client.as_ref().is_some_and(Client::is_ready) {
                self.ready_after = began.elapsed();
                return Ok(());
            }
            if let Some(status) = self.ended() {
                bail!("the server ended while it started ({status}): {}", self.last_words());
            }
            if began.elapsed() > START {
                bail!("the server was not ready after {} s: {}", START.as_secs(), self.last_words());
            }
            thread::sleep(GLANCE);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its end is all that matters now, and it was ours.
        if self.stop().is_err() {
            let _ = self.kill();
        }
    }
}

/// The address in the line that says that it is ready.
fn said_address(log: &Path) -> Option<String> {
    let text = fs::read_to_string(log).ok()?;
    text.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| line["message"] == "Runbook Studio is ready")
        .and_then(|line| line["address"].as_str().map(str::to_owned))
}
