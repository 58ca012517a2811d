//! What we asked for and what we were told: the other side of the server's books.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::check::Answer;
use crate::studio::Client;
use crate::studio::client::text_of;

/// Shared by those who start runs.
#[derive(Default)]
pub struct Ledger {
    inner: Mutex<Entries>,
}

/// Everything so far.
#[derive(Clone, Default)]
pub struct Entries {
    /// Calls that were made.
    pub started: usize,
    /// Runs of which we were told 202.
    pub acknowledged: Vec<String>,
    /// Answers that were no; each is a run that must not be.
    pub refused: Vec<String>,
    /// No answer came, or one that says that nobody knows: either may be true.
    pub in_doubt: usize,
    /// What a person said about steps of interrupted runs, by run.
    pub answers: BTreeMap<String, Vec<(u32, Answer)>>,
}

/// What came of one start.
pub enum Start {
    Acknowledged,
    Refused,
    InDoubt,
}

impl Ledger {
    /// Starts a run and writes down what came of it.
    pub fn start(&self, client: &Client, runbook: &str) -> Start {
        self.write(|entries| entries.started += 1);
        match client.call("POST", &format!("/runbooks/{runbook}/execute"), None) {
            Ok(answer) if answer.status == 202 => {
                let run = answer.json().and_then(|body| text_of(&body, "job_id"));
                self.write(|entries| match run {
                    Ok(run) => {
                        entries.acknowledged.push(run);
                        Start::Acknowledged
                    }
                    Err(error) => {
                        entries.refused.push(format!("202 without a run: {error:#}"));
                        Start::Refused
                    }
                })
            }
            Ok(answer) if answer.refusal().starts_with("503 in_doubt") => self.write(|entries| {
                entries.in_doubt += 1;
                Start::InDoubt
            }),
            Ok(answer) => self.write(|entries| {
                entries.refused.push(answer.refusal());
                Start::Refused
            }),
            Err(_) => self.write(|entries| {
                entries.in_doubt += 1;
                Start::InDoubt
            }),
        }
    }

    /// Writes down what a person said.
    pub fn answered(&self, run: &str, step: u32, answer: Answer) {
        self.write(|entries| entries.answers.entry(run.to_owned()).or_default().push((step, answer)));
    }

    pub fn entries(&self) -> Entries {
        self.write(|entries| entries.clone())
    }

    fn write<T>(&self, change: impl FnOnce(&mut Entries) -> T) -> T {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
