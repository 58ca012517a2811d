//! P2: a thousand runs of three steps, queued at once.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chrono::Utc;
use serde_json::{Value, json};

use super::forty_trues::time;
use super::row::{Measured, Outcome, Row, Unit};
use super::{Bench, fill};
use crate::studio::Studio;

const RUNS: usize = 1_000;
/// One of the two loops: half of the processes.
const LOOP: &str = "for i in $(seq 1500); do /bin/sh -c true; done";

/// How long they took.
pub struct Timed {
    /// From before the first call to the end of the last run.
    pub all: Duration,
    /// Until the last was accepted.
    pub queued: Duration,
}

pub fn measure(bench: &Bench) -> Result<Outcome> {
    let studio = bench.studio()?;
    let (mut rates, mut calls, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        bare.push(RUNS as f64 / shells()?.as_secs_f64());
        let timed = run_once(&studio)?;
        rates.push(RUNS as f64 / timed.all.as_secs_f64());
        calls.push(RUNS as f64 / timed.queued.as_secs_f64());
    }
    Ok(Measured::rows([
        Row::of("runs from the first call to the last end", Unit::PerSecond, rates).at_least(250.0).goal(450.0),
        Row::of("runs accepted meanwhile, by 16 callers", Unit::PerSecond, calls),
        Row::beside("the same 3,000 shells by two loops", Unit::PerSecond, bare),
    ])
    .into())
}

/// Queues them with 16 callers, waits, and sees to it that all succeeded.
pub fn run_once(studio: &Studio) -> Result<Timed> {
    let client = studio.client();
    let runbook = client.runbook("Three", three_steps())?;
    let (began, clock) = (Utc::now(), Instant::now());
    let started = fill::start(studio, &runbook, RUNS)?;
    let queued = clock.elapsed();
    let runs = fill::ended_runs(&client, &runbook, &started)?;
    if runs.len() != RUNS {
        bail!("{RUNS} runs were accepted, {} are listed", runs.len());
    }
    let mut last = began;
    for run in &runs {
        fill::must_have_succeeded(run)?;
        last = last.max(time(run, "ended_at")?);
    }
    Ok(Timed { all: (last - began).to_std().context("the runs ended before they began")?, queued })
}

fn three_steps() -> Value {
    (0..3).map(|_| json!({ "type": "command", "config": { "command": "true" } })).collect()
}

fn shells() -> Result<Duration> {
    let began = Instant::now();
    let loops: Vec<_> =
        (0..2).map(|_| thread::spawn(|| Command::new("/bin/sh").args(["-c", LOOP]).stdin(Stdio::null()).status())).collect();
    for each in loops {
        let Ok(status) = each.join() else { bail!("a loop of the yardstick panicked") };
        if !status.context("starting /bin/sh")?.success() {
            bail!("a loop of the yardstick failed");
        }
    }
    Ok(began.elapsed())
}
