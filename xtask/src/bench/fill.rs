//! Filling a store through the API: nobody writes to it behind the product's back.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::studio::client::{is_over, text_of};
use crate::studio::{Client, Studio, parallel};

/// How many callers fill at once.
const CALLERS: usize = 16;
/// How many runs may be under way while more are queued: the engine's own limit and some more.
const AHEAD: usize = 2_000;
/// How long the last runs may take to end.
const PATIENCE: Duration = Duration::from_secs(300);

/// Makes this many runbooks, like those that people write; their ids.
pub fn runbooks(studio: &Studio, count: usize) -> Result<Vec<String>> {
    parallel::calls("runbooks", &|| studio.client(), CALLERS, count, |client, number| {
        client.runbook(&format!("Restart service {number}"), ordinary_blocks(number))
    })
}

/// Starts this many runs and waits for the end of all.
pub fn runs(studio: &Studio, runbook: &str, count: usize) -> Result<()> {
    let client = studio.client();
    let mut done = 0;
    while done < count {
        let some = (count - done).min(AHEAD);
        let started = start(studio, runbook, some)?;
        ended_runs(&client, runbook, &started)?;
        done += some;
        if done < count && done % (5 * AHEAD) == 0 {
            println!("  runs: {done} of {count}");
        }
    }
    Ok(())
}

/// Starts this many runs; their ids.
pub fn start(studio: &Studio, runbook: &str, count: usize) -> Result<Vec<String>> {
    parallel::calls("runs", &|| studio.client(), CALLERS, count, |client, _| client.execute(runbook))
}

/// Adds rows to the audit trail by doing what is audited and leaves least: a runbook becomes a favourite, and is none any more.
pub fn audit_rows(studio: &Studio, runbooks: &[String], count: usize) -> Result<()> {
    parallel::calls("pairs of audit rows", &|| studio.client(), CALLERS, count.div_ceil(2), |client, number| {
        let favourite = format!("/runbooks/{}/favourite", runbooks[number % runbooks.len()]);
        for verb in ["PUT", "DELETE"] {
            client.call(verb, &favourite, None)?.expect(204)?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Waits until the runs that were started last are over, asking little; the runs as they are listed.
///
/// They are taken up in the order in which they were queued, more or less: once one of the last has ended few are left to wait for.
pub fn ended_runs(client: &Client, runbook: &str, started: &[String]) -> Result<Vec<Value>> {
    let Some(last) = started.last() else { return Ok(Vec::new()) };
    let deadline = Instant::now() + PATIENCE;
    client.until_over(last, PATIENCE)?;
    loop {
        let runs = client.newest_of(runbook, started.len())?;
        if runs.iter().all(is_over) {
            return Ok(runs);
        }
        if Instant::now() > deadline {
            bail!("runs are still under way after {} s", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// An error that says why, unless the run succeeded.
pub fn must_have_succeeded(run: &Value) -> Result<()> {
    if run["state"] != "succeeded" {
        bail!("run {} is {}: {}", text_of(run, "job_id")?, run["state"], run["error"]);
    }
    Ok(())
}

fn ordinary_blocks(number: usize) -> Value {
    json!([
        { "type": "instruction", "name": "Before", "config": { "text": "Tell the channel that the service restarts.\n\nThen go on." } },
        { "type": "command", "name": "Look", "config": { "command": format!("systemctl status service-{number}") } },
        { "type": "command", "name": "Restart", "config": { "command": format!("systemctl restart service-{number}") } },
        { "type": "timer", "name": "Settle", "config": { "duration": "30s" } },
        { "type": "command", "name": "Check", "config": { "command": format!("curl -fsS http://service-{number}/healthz") } }
    ])
}
