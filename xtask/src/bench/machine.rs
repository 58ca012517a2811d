//! Where it was measured: the machine, how busy it was, and what its processes and disk cost at best.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::stats::median;
use crate::shell;

/// What does not change while we measure.
#[derive(Debug)]
pub struct Machine {
    cpu: String,
    cores: usize,
    memory_gib: f64,
    kernel: String,
    file_system: String,
    /// Starting `/bin/sh -c true` and waiting for its end.
    process_start_ms: f64,
    /// Appending 4 KiB to a file and waiting until it is on the disk (fdatasync(2)).
    durable_write_ms: f64,
}

impl Machine {
    /// Looks, and measures the floors; `scratch` is where the stores will be.
    pub fn look(scratch: &Path) -> Result<Self> {
        Ok(Self {
            cpu: entry("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: thread::available_parallelism().map_or(1, usize::from),
            memory_gib: entry("/proc/meminfo", "MemTotal").and_then(|text| kib(&text)).unwrap_or(0.0) / 1024.0 / 1024.0,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            file_system: shell::output(Command::new("stat").args(["-f", "-c", "%T"]).arg(scratch)).unwrap_or_default(),
            process_start_ms: process_start()?,
            durable_write_ms: durable_write(scratch)?,
        })
    }

    /// Two lines for people.
    pub fn describe(&self) -> String {
        format!(
            "{}, {} cores, {:.0} GiB, Linux {}, data on {}\na process (/bin/sh -c true) costs {:.2} ms, a durable write {:.2} ms",
            self.cpu, self.cores, self.memory_gib, self.kernel, self.file_system, self.process_start_ms, self.durable_write_ms
        )
    }

    pub fn json(&self) -> Value {
        json!({
            "cpu": self.cpu,
            "cores": self.cores,
            "memory_gib": self.memory_gib,
            "kernel": self.kernel,
            "file_system": self.file_system,
            "process_start_ms": self.process_start_ms,
            "durable_write_ms": self.durable_write_ms,
        })
    }
}

/// How many processes wanted to run in the last minute, on average (proc_loadavg(5)).
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

fn entry(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().filter_map(|line| line.split_once(':')).find(|(name, _)| name.trim() == key).map(|(_, v)| v.trim().to_owned())
}

fn kib(text: &str) -> Option<f64> {
    text.trim_end_matches("kB").trim().parse().ok()
}

fn process_start() -> Result<f64> {
    let mut samples = Vec::new();
    for _ in 0..100 {
        let began = Instant::now();
        Command::new("/bin/sh").args(["-c", "true"]).stdin(Stdio::null()).status().context("starting /bin/sh")?;
        samples.push(millis(began.elapsed()));
    }
    Ok(median(&samples))
}

fn durable_write(scratch: &Path) -> Result<f64> {
    let path = scratch.join("durable-write");
    let mut file = OpenOptions::new().create(true).append(true).open(&path).context("making a file to write")?;
    let mut samples = Vec::new();
    for _ in 0..100 {
        let began = Instant::now();
        file.write_all(&[7; 4096]).context("writing")?;
        file.sync_data().context("waiting for the disk")?;
        samples.push(millis(began.elapsed()));
    }
    fs::remove_file(&path).context("removing what was written")?;
    Ok(median(&samples))
}

/// Milliseconds with their fraction.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
