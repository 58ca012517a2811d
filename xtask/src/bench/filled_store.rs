//! P13: P1 and P7 once more with years of use in the store.

use std::time::Instant;

use anyhow::Result;
use serde_json::json;

use super::machine::millis;
use super::row::{Measured, Outcome, Row, Unit};
use super::stats::{median, percentile};
use super::{Bench, fill, forty_trues, list_runbooks};
use crate::shell;
use crate::studio::Client;

const RUNS: usize = 100_000;
const AUDIT_ROWS: usize = 1_000_000;

/// What P1 and P7 take, a sample a round, in milliseconds.
struct Times {
    run: Vec<f64>,
    list: Vec<f64>,
}

pub fn measure(bench: &Bench) -> Result<Outcome> {
    let sizes = &bench.sizes;
    let studio = bench.studio()?;
    let client = studio.client();
    let forty = client.runbook("Forty", forty_trues::blocks(None))?;
    let runbooks = fill::runbooks(&studio, sizes.runbooks)?;
    forty_trues::run_once(&client, &forty)?;
    let before = times(bench, &client, &forty)?;

    let began = Instant::now();
    let small = client.runbook("Small", json!([{ "type": "instruction", "config": { "text": "Done." } }]))?;
    fill::runs(&studio, &small, sizes.runs)?;
    // Each runbook and each run has written one already.
    let written = sizes.runbooks + sizes.runs;
    fill::audit_rows(&studio, &runbooks, sizes.audit_rows.saturating_sub(written))?;
    let filled_in = began.elapsed();
    let after = times(bench, &client, &forty)?;

    // Rounds are not pairs here: each is held against the middle of those before.
    let ratios = |after: &[f64], before: &[f64]| after.iter().map(|time| time / median(before)).collect();
    let measured = Measured::rows([
        Row::of("P1, times what it was", Unit::Times, ratios(&after.run, &before.run)).at_most(1.2),
        Row::of("P7, times what it was", Unit::Times, ratios(&after.list, &before.list)).at_most(1.2),
        Row::of("P1 in the filled store", Unit::Milliseconds, after.run),
        Row::of("P7 in the filled store, p50", Unit::Milliseconds, after.list),
        Row::beside("P1 before", Unit::Milliseconds, before.run),
        Row::beside("P7 before, p50", Unit::Milliseconds, before.list),
    ])
    .note(format!(
        "{} runbooks before and after; filled through the API in {} with {} runs, and {} audit rows in all",
        sizes.runbooks,
        shell::human(filled_in),
        sizes.runs,
        sizes.audit_rows.max(written)
    ));
    let design = (sizes.runbooks, sizes.runs, sizes.audit_rows) == (list_runbooks::RUNBOOKS, RUNS, AUDIT_ROWS);
    let sizes = "10,000 runbooks, 100,000 runs, 1,000,000 audit rows";
    Ok(if design { measured } else { measured.at_another_size(sizes) }.into())
}

fn times(bench: &Bench, client: &Client, forty: &str) -> Result<Times> {
    let mut times = Times { run: Vec::new(), list: Vec::new() };
    for _ in 0..bench.rounds {
        times.run.push(millis(forty_trues::run_once(client, forty)?.client));
        times.list.push(percentile(&list_runbooks::list_fifty(client)?, 50.0));
    }
    Ok(times)
}
