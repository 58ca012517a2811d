//! P7: the first page of many runbooks.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::machine::millis;
use super::row::{Measured, Outcome, Row, Unit};
use super::stats::percentile;
use super::{Bench, fill};
use crate::studio::Client;

/// How many there are by the design.
pub const RUNBOOKS: usize = 10_000;
/// Calls a round.
const CALLS: usize = 200;

pub fn measure(bench: &Bench) -> Result<Outcome> {
    let studio = bench.studio()?;
    let client = studio.client();
    let before = client.all("/runbooks?limit=200")?.len();
    fill::runbooks(&studio, bench.sizes.runbooks)?;
    let began = Instant::now();
    let listed = client.all("/runbooks?limit=200")?.len();
    let walked = began.elapsed().as_secs_f64();
    if listed != before + bench.sizes.runbooks {
        bail!("{} runbooks were made, {} are listed", bench.sizes.runbooks, listed - before);
    }

    let (mut p50, mut p99, mut health) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let times = list_fifty(&client)?;
        p50.push(percentile(&times, 50.0));
        p99.push(percentile(&times, 99.0));
        health.push(percentile(&ask_health(&client)?, 50.0));
    }
    let measured = Measured::rows([
        Row::of("GET /runbooks?limit=50, p50", Unit::Milliseconds, p50).at_most(3.0),
        Row::of("p99", Unit::Milliseconds, p99),
        Row::of("all of them, 200 a page", Unit::Seconds, vec![walked]),
        Row::beside("GET /healthz, p50", Unit::Milliseconds, health),
    ])
    .note(format!("{CALLS} calls a round on one connection; {listed} runbooks, each of which was listed once"));
    Ok(if bench.sizes.runbooks == RUNBOOKS { measured } else { measured.at_another_size("10,000 runbooks") }.into())
}

/// The times of a round of calls for the first page, in milliseconds.
pub fn list_fifty(client: &Client) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let began = Instant::now();
        let answer = client.call("GET", "/runbooks?limit=50", None)?.expect(200)?;
        times.push(millis(began.elapsed()));
        let Value::Array(page) = answer.json()? else { bail!("a list was expected") };
        if page.len() != 50 {
            bail!("a page of 50 holds {}", page.len());
        }
    }
    Ok(times)
}

fn ask_health(client: &Client) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let began = Instant::now();
        client.outside("/healthz").context("/healthz does not answer")?;
        times.push(millis(began.elapsed()));
    }
    Ok(times)
}
