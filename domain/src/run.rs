//! Runs and steps: their states, and the only ways from one to another.

pub mod control;
pub mod state;
pub mod step_state;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use control::{ControlAction, RunMode};
pub use state::{Impossible, RunState};
pub use step_state::{ImpossibleStep, StepState};

use crate::{AccountId, BlockId, BlockType, RunId, RunbookId, StepId, Timestamp};

/// A run of one version of a runbook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Its number, counted from 1 over the whole installation.
    pub number: u64,
    /// The runbook.
    pub runbook_id: RunbookId,
    /// The runbook's title in the version that runs.
    pub runbook_title: String,
    /// The version that runs; a later edit does not change it.
    pub version: u32,
    /// Where it stands.
    pub state: RunState,
    /// Whether it asks before each step.
    pub mode: RunMode,
    /// The answers to the runbook's parameters, secret ones masked.
    pub parameters: Map<String, Value>,
    /// Why it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who started it.
    pub started_by: String,
    /// Their account.
    pub started_by_id: AccountId,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its first step started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it failed or was interrupted, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The number of its last event.
    pub event: u64,
}

/// One attempt at one step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// The block it executes.
    pub block_id: BlockId,
    /// What people call it.
    pub name: String,
    /// The block's type.
    #[serde(rename = "type")]
    pub kind: BlockType,
    /// Its place in the plan, from 0.
    pub ordinal: u32,
    /// How many conditions it is nested in.
    pub depth: u32,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Where it stands.
    pub state: StepState,
    /// What it does, as text: the command, the request, the check, the Markdown; secrets masked.
    pub what: String,
    /// The host it runs on, where it runs on one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Exit code of a command, status code of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// What a condition found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<bool>,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// When a timer is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// Why it failed, how it was stopped, or what it asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What a person answered to its question; the worker that takes the run up again acts on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<ControlAction>,
    /// The number of the run's event that last changed it.
    pub event: u64,
    /// The number of its last piece of output; 0 when there is none.
    pub last_output: u64,
}

/// What a step says that did not begin because its run failed before.
pub const NOT_REACHED: &str = "not reached";
/// What a step says that did not begin because its run was stopped before.
pub const RUN_STOPPED: &str = "run stopped";
/// What a step says, perhaps among other things, that was to begin, or asked whether it may, and never did.
pub const NOT_STARTED: &str = "not started";

/// How many of these steps, the latest attempts of a run that succeeded, failed and were allowed to; 0 of any other run.
#[must_use]
pub fn allowed_failures<'a>(state: RunState, latest: impl IntoIterator<Item = &'a Step>) -> usize {
    let failed = |step: &&Step| state == RunState::Succeeded && step.state == StepState::Failed;
    latest.into_iter().filter(failed).count()
}

/// The same in words, such as `3 steps failed and were allowed to`; nothing where none did.
#[must_use]
pub fn allowed_in_words(failures: usize) -> Option<String> {
    match failures {
        0 => None,
        1 => Some("1 step failed and was allowed to".to_owned()),
        many => Some(format!("{many} steps failed and were allowed to")),
    }
}

impl Step {
    /// Whether it would have run, had the run not ended before.
    #[must_use]
    pub fn was_not_reached(&self) -> bool {
        self.state == StepState::Skipped && matches!(self.error.as_deref(), Some(NOT_REACHED | RUN_STOPPED))
    }

    /// Whether the run's end found it before it had begun: nothing of it was ever done.
    #[must_use]
    pub fn was_not_started(&self) -> bool {
        let ended_before = matches!(self.state, StepState::Stopped | StepState::Failed)
            && (self.started_at.is_none() || self.error.as_deref().is_some_and(|error| error.starts_with(NOT_STARTED)));
        ended_before || self.was_not_reached()
    }
}
