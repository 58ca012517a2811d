//! The person: answers the runs that were interrupted, until every run is over.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fastrand::Rng;
use serde_json::{Value, json};

use super::check::Answer;
use super::ledger::Ledger;
use super::tally::Tally;
use super::twenty_steps;
use crate::studio::Client;
use crate::studio::client::{PAGE, is_over, text_of};

/// How often the runs are looked at.
const GLANCE: Duration = Duration::from_millis(250);

/// Waits and answers. A run that is not over by the deadline is a broken promise.
pub fn until_all_over(
    client: &Client,
    runbook: &str,
    ledger: &Ledger,
    rng: &mut Rng,
    deadline: Instant,
    tally: &mut Tally,
) -> Result<()> {
    loop {
        let runs = client.executions_of(runbook)?;
        let open: Vec<&Value> = runs.iter().filter(|run| !is_over(run)).collect();
        if open.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            for run in open {
                tally.broken(format!("run {} is still {} in the end: {}", run["job_id"], run["state"], run["error"]));
            }
            return Ok(());
        }
        answer_interrupted(client, runbook, ledger, rng, tally)?;
        thread::sleep(GLANCE);
    }
}

/// Answers every run that is interrupted now.
pub fn answer_interrupted(client: &Client, runbook: &str, ledger: &Ledger, rng: &mut Rng, tally: &mut Tally) -> Result<()> {
    for run in client.all(&format!("/executions?runbook={runbook}&state=interrupted&limit={PAGE}"))? {
        if let Some(refusal) = answer(client, &text_of(&run, "job_id")?, ledger, rng)? {
            tally.note(format!("an answer to an interrupted run was refused: {refusal}"));
        }
    }
    Ok(())
}

/// Says retry, skip or stop of the step that was interrupted; the words of a refusal.
fn answer(client: &Client, run: &str, ledger: &Ledger, rng: &mut Rng) -> Result<Option<String>> {
    let execution = client.execution(run)?;
    let steps = execution["steps"].as_array().context("a run without steps")?;
    let Some(step) = steps.iter().rfind(|step| step["state"] == "interrupted") else { return Ok(None) };
    let name = text_of(step, "block_name")?;
    let number = twenty_steps::number(&name).with_context(|| format!("an unknown step {name}"))?;
    let (word, answer) = match rng.u32(0..10) {
        0..5 => ("retry", Answer::Retry),
        5..8 => ("skip", Answer::Skip),
        _ => ("stop", Answer::Stop),
    };
    let mut body = json!({ "action": word });
    if answer != Answer::Stop {
        body["step_id"] = step["id"].clone();
    }
    let said = client.call("POST", &format!("/executions/{run}/control"), Some(&body))?;
    if said.status != 202 {
        return Ok(Some(said.refusal()));
    }
    ledger.answered(run, number, answer);
    Ok(None)
}
