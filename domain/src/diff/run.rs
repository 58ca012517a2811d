//! Two runs of a runbook, side by side.

use serde::{Deserialize, Serialize};

use super::{FieldDiff, Row};
use crate::{BlockType, Run, StepState};

/// What went differently in one run than in an earlier one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunDiff {
    /// The left side: the earlier run.
    pub old: Run,
    /// The right side.
    pub new: Run,
    /// The parameters that were answered differently.
    pub parameters: Vec<FieldDiff>,
    /// Every step of either run, in the order of the right one.
    pub steps: Vec<StepDiff>,
}

/// A step of either run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepDiff {
    /// What people call it.
    pub name: String,
    /// The block's type.
    #[serde(rename = "type")]
    pub kind: BlockType,
    /// The host it ran on, where it ran on one.
    pub host: Option<String>,
    /// How many conditions it is nested in.
    pub depth: u32,
    /// How it went in the left run.
    pub old: Option<StepSide>,
    /// How it went in the right run.
    pub new: Option<StepSide>,
    /// What differs of what it did: the command, the request, the check.
    pub what: Vec<Row>,
    /// What differs of the ends of what it wrote.
    pub output: Vec<Row>,
}

/// How a step went in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSide {
    /// Its place in the run, from 0.
    pub ordinal: u32,
    /// Where its last attempt stands.
    pub state: StepState,
    /// Exit code of a command, status code of an answer.
    pub exit_code: Option<i32>,
    /// How many attempts there were.
    pub attempts: u32,
    /// How many milliseconds they took, from the beginning of the first to the end of the last.
    pub millis: Option<i64>,
    /// Why it failed, or how it was stopped.
    pub error: Option<String>,
}

impl StepDiff {
    /// How many milliseconds longer it took than before.
    #[must_use]
    pub fn longer_by(&self) -> Option<i64> {
        Some(self.new.as_ref()?.millis? - self.old.as_ref()?.millis?)
    }

    /// Whether it did the same and went the same way, apart from the time it took and from what it wrote.
    #[must_use]
    pub fn went_the_same(&self) -> bool {
        let outcome = |side: &StepSide| (side.state, side.exit_code, side.attempts, side.error.clone());
        self.what.is_empty() && self.old.as_ref().map(outcome) == self.new.as_ref().map(outcome)
    }
}

impl RunDiff {
    /// The first step that went another way, if one did.
    #[must_use]
    pub fn first_difference(&self) -> Option<usize> {
        self.steps.iter().position(|step| !step.went_the_same())
    }
}
