//! P3: from the API call to the first sign of life of the first process.
//!
//! The command is a shell's own `echo` into a named pipe: the time until its first byte is there holds the shell's own start,
//! about a millisecond, which the yardstick shows.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::Bench;
use super::machine::millis;
use super::row::{Measured, Outcome, Row, Unit};
use super::stats::percentile;
use crate::shell;

/// Calls a round.
const CALLS: usize = 200;
/// How long a byte may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn measure(bench: &Bench) -> Result<Outcome> {
    let folder = bench.folder()?;
    let pipe = Pipe::make(folder.path().join("alive"))?;
    let command = format!("echo alive > '{}'", pipe.path.display());
    let studio = bench.studio()?;
    let client = studio.client();
    let runbook = client.runbook("One", json!([{ "type": "command", "config": { "command": command } }]))?;

    // Until the call was answered, and until the process lived.
    let once = || -> Result<(f64, f64)> {
        let began = Instant::now();
        let run = client.execute(&runbook)?;
        let answered = began.elapsed();
        let alive = pipe.next()?;
        // One at a time: what one run leaves to do is not the next one's delay.
        client.until_over(&run, PATIENCE)?;
        Ok((millis(answered), millis(alive - began)))
    };
    let bare = || -> Result<f64> {
        let began = Instant::now();
        let mut shell =
            Command::new("/bin/sh").args(["-c", &command]).stdin(Stdio::null()).spawn().context("starting /bin/sh")?;
        let alive = pipe.next()?;
        shell.wait().context("waiting for /bin/sh")?;
        Ok(millis(alive - began))
    };
    for _ in 0..20 {
        once()?;
    }
    let (mut p50, mut p99, mut answers, mut shells) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let (answered, times): (Vec<f64>, Vec<f64>) = (0..CALLS).map(|_| once()).collect::<Result<Vec<_>>>()?.into_iter().unzip();
        answers.push(percentile(&answered, 50.0));
        p50.push(percentile(&times, 50.0));
        p99.push(percentile(&times, 99.0));
        let times = (0..CALLS).map(|_| bare()).collect::<Result<Vec<_>>>()?;
        shells.push(percentile(&times, 50.0));
    }
    Ok(Measured::rows([
        Row::of("p50", Unit::Milliseconds, p50).at_most(5.0),
        Row::of("p99", Unit::Milliseconds, p99).at_most(20.0),
        Row::of("until the call was answered, p50", Unit::Milliseconds, answers),
        Row::beside("the same shell started by hand, p50", Unit::Milliseconds, shells),
    ])
    .note(format!("{CALLS} calls a round, one after the other"))
    .into())
}

/// A named pipe, and the moments at which a line came through it.
struct Pipe {
    path: PathBuf,
    // Held open for writing as well, so that the reader meets no end between two lines.
    end: File,
    moments: Receiver<Instant>,
}

impl Pipe {
    fn make(path: PathBuf) -> Result<Self> {
        shell::run_quietly(Command::new("mkfifo").arg(&path))?;
        let end = open(&path)?;
        let (sender, moments) = mpsc::channel();
        let reader = BufReader::new(open(&path)?);
        thread::spawn(move || {
            for line in reader.lines() {
                let now = Instant::now();
                if line.is_err() || line.is_ok_and(|line| line == "end") || sender.send(now).is_err() {
                    return;
                }
            }
        });
        Ok(Self { path, end, moments })
    }

    fn next(&self) -> Result<Instant> {
        match self.moments.recv_timeout(PATIENCE) {
            Ok(moment) => Ok(moment),
            Err(_) => bail!("no process was started within {} s", PATIENCE.as_secs()),
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // The thread that reads ends with this line.
        let _ = self.end.write_all(b"end\n");
    }
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new().read(true).write(true).open(path).with_context(|| format!("opening {}", path.display()))
}
