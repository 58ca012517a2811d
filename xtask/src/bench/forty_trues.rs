//! P1: one run of 40 commands that do nothing, beside a shell that starts the same 40 shells.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::machine::millis;
use super::row::{Measured, Outcome, Row, Unit};
use super::{Bench, fill};
use crate::studio::Client;

/// The same work without us.
const LOOP: &str = "for i in $(seq 40); do /bin/sh -c true; done";

/// How long one such run took.
pub struct Timed {
    /// From the call until the event stream said that it is over.
    pub client: Duration,
    /// From its acceptance to its end, as the run's own record says.
    pub record: Duration,
}

pub fn measure(bench: &Bench) -> Result<Outcome> {
    let studio = bench.studio()?;
    let client = studio.client();
    let runbook = client.runbook("Forty", blocks(None))?;
    // The first run fills caches that every later one finds full.
    run_once(&client, &runbook)?;

    let (mut wall, mut record, mut shells, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let shell = shell_loop()?;
        let timed = run_once(&client, &runbook)?;
        ratios.push(timed.client.as_secs_f64() / shell.as_secs_f64());
        wall.push(millis(timed.client));
        record.push(millis(timed.record));
        shells.push(millis(shell));
    }
    Ok(Measured::rows([
        Row::of("from the call to the end, seen by a client", Unit::Milliseconds, wall),
        Row::of("as the run's own record has it", Unit::Milliseconds, record),
        Row::of("times the shell's", Unit::Times, ratios).at_most(2.5).goal(1.8),
        Row::beside("for … do /bin/sh -c true; done", Unit::Milliseconds, shells),
    ])
    .into())
}

/// Forty steps, on a host where one is named.
pub fn blocks(host: Option<&str>) -> Value {
    let config = match host {
        Some(host) => json!({ "command": "true", "host": host }),
        None => json!({ "command": "true" }),
    };
    (0..40).map(|_| json!({ "type": "command", "config": config })).collect()
}

/// Runs it and sees to it that every step succeeded.
pub fn run_once(client: &Client, runbook: &str) -> Result<Timed> {
    let began = Instant::now();
    let run = client.execute(runbook)?;
    client.events(&run)?.until_over()?;
    let wall = began.elapsed();

    let execution = client.execution(&run)?;
    fill::must_have_succeeded(&execution)?;
    let steps = execution["steps"].as_array().context("a run without steps")?;
    if steps.len() != 40 {
        bail!("the run has {} steps", steps.len());
    }
    let record = time(&execution, "ended_at")? - time(&execution, "created_at")?;
    Ok(Timed { client: wall, record: record.to_std().context("a run ended before it began")? })
}

/// One of the times of a run or step.
pub fn time(value: &Value, key: &str) -> Result<DateTime<Utc>> {
    let text = value[key].as_str().with_context(|| format!("there is no time “{key}”"))?;
    text.parse().with_context(|| format!("{text} is not a time"))
}

fn shell_loop() -> Result<Duration> {
    let began = Instant::now();
    let status = Command::new("/bin/sh").args(["-c", LOOP]).stdin(Stdio::null()).status().context("starting /bin/sh")?;
    if !status.success() {
        bail!("the shell's loop failed ({status})");
    }
    Ok(began.elapsed())
}
