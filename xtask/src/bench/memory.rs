//! P11: what the server and its helper process hold in memory, idle and after P2.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::row::{Measured, Outcome, Row, Unit};
use super::{Bench, thousand_runs};
use crate::studio::{Studio, process};

/// How long it is left alone before it is weighed.
const REST: Duration = Duration::from_secs(5);

pub fn measure(bench: &Bench) -> Result<Outcome> {
    let (mut idle, mut after) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let studio = bench.studio()?;
        idle.push(weigh(&studio)?);
        thousand_runs::run_once(&studio)?;
        after.push(weigh(&studio)?);
    }
    Ok(Measured::rows([
        Row::of("resident, idle", Unit::Mebibytes, idle).at_most(150.0),
        Row::of("resident, after P2", Unit::Mebibytes, after).at_most(250.0),
    ])
    .note("VmRSS of the server and of its runner where there is one, 5 s after it had something to do; a fresh server a round")
    .into())
}

fn weigh(studio: &Studio) -> Result<f64> {
    thread::sleep(REST);
    let server = process::resident_mib(studio.pid())?;
    let runner = process::runner_of(&studio.folders().data);
    Ok(server + runner.map_or(Ok(0.0), |runner| process::resident_mib(runner.pid))?)
}
