//! P12: from the start of the process until `/readyz` says yes.
//!
//! The process is new, the disk's cache is not: what the machine has read before it need not read again.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::machine::millis;
use super::row::{Measured, Outcome, Row, Unit};
use super::{Bench, fill};

const UNFINISHED: usize = 10_000;

pub fn measure(bench: &Bench) -> Result<Outcome> {
    let (mut first, mut again, mut version) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        version.push(say_version(bench)?);
        let mut studio = bench.studio()?;
        first.push(studio.server().ready_after().as_secs_f64());
        studio.server().stop()?;
        again.push(studio.start_again()?.as_secs_f64());
    }

    let wanted = bench.sizes.unfinished;
    let mut studio = bench.studio()?;
    let runbook = studio.client().runbook("Wait", json!([{ "type": "timer", "config": { "duration": "30d" } }]))?;
    fill::start(&studio, &runbook, wanted)?;
    let mut loaded = Vec::new();
    for _ in 0..bench.rounds {
        studio.kill()?;
        loaded.push(studio.start_again()?.as_secs_f64());
    }
    let runs = studio.client().executions_of(&runbook)?;
    let unfinished = runs.iter().filter(|run| ["queued", "running"].iter().any(|state| run["state"] == *state)).count();
    if unfinished != wanted {
        bail!("{wanted} runs waited, {unfinished} do now");
    }

    let measured = Measured::rows([
        Row::of("on an empty folder", Unit::Seconds, first).at_most(1.0),
        Row::of("on its own data, after SIGTERM", Unit::Seconds, again).at_most(1.0),
        Row::of(format!("with {wanted} unfinished runs, after SIGKILL"), Unit::Seconds, loaded).at_most(5.0),
        Row::beside("runbook-studio --version", Unit::Milliseconds, version),
    ])
    .note("the unfinished runs wait for a timer of 30 days; all were there again after the last start");
    Ok(if wanted == UNFINISHED { measured } else { measured.at_another_size("10,000 unfinished runs") }.into())
}

fn say_version(bench: &Bench) -> Result<f64> {
    let began = Instant::now();
    let status = Command::new(&bench.binary).arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).status();
    if !status.context("starting the server's binary")?.success() {
        bail!("the server does not say its version");
    }
    Ok(millis(began.elapsed()))
}
