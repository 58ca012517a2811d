//! What a look before a run found: whether it could start, what it would fail of, and exactly what it would do.

use serde::{Deserialize, Serialize};

use crate::{BlockId, BlockType};

/// What a look before a run found. Nothing was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Preflight {
    /// Whether a start would be let through now; where it is false, some check says why not.
    pub can_start: bool,
    /// What was looked at, in the order in which a person wants to know.
    pub checks: Vec<PreflightCheck>,
    /// What would be done, step by step.
    pub steps: Vec<PreflightStep>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreflightCheck {
    /// What it is: `web-1`, `Credential “pagerduty”`, `Step 3 “Promote”`.
    pub what: String,
    /// How it stands.
    pub outcome: CheckOutcome,
    /// The same as a sentence.
    pub sentence: String,
}

/// How a thing stands before a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CheckOutcome {
    /// As it should be.
    Ok,
    /// The run may fail of it, or goes otherwise than one may think.
    Warning,
    /// The start is refused, or a step fails.
    Problem,
}

/// What a step would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreflightStep {
    /// The block.
    pub block_id: BlockId,
    /// Its place in the plan, from 0; the first one where it runs on several hosts.
    pub ordinal: u32,
    /// How many conditions it is nested in.
    pub depth: u32,
    /// What people call it.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: BlockType,
    /// Where it would run; none where it touches no host.
    pub hosts: Vec<String>,
    /// Exactly what would run, secrets masked; as it is written where `resolved` is false.
    pub text: String,
    /// Whether all values are put in.
    pub resolved: bool,
    /// What else is to be known: that it asks first, what it waits for, why its values are not put in.
    pub notes: Vec<String>,
}

/// What a block of a draft would do with the values at hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum BlockPreview {
    /// As it is written, or it cannot be read yet.
    AsWritten,
    /// With the values put in.
    Resolved {
        /// Exactly what would run, secrets masked.
        text: String,
        /// Whether some values are put in as they are, unquoted.
        raw: bool,
    },
    /// Some values are known only when it runs, or are not given yet.
    Later {
        /// Their names: `steps.lag.stdout`, `params.host`.
        names: Vec<String>,
    },
    /// It would fail.
    Wrong {
        /// Why.
        sentence: String,
    },
}

impl Preflight {
    /// How many checks came out like this.
    #[must_use]
    pub fn count(&self, outcome: CheckOutcome) -> usize {
        self.checks.iter().filter(|check| check.outcome == outcome).count()
    }
}

impl CheckOutcome {
    /// What people call it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "Warning",
            Self::Problem => "Problem",
        }
    }
}
