//! The states of a step.

use serde::{Deserialize, Serialize};

/// Where one attempt at a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum StepState {
    /// Not yet begun.
    Pending,
    /// Begun, and durably so before its effect.
    Running,
    /// A person must answer before it begins, or before the run goes on.
    Waiting,
    /// Came out well.
    Succeeded,
    /// Did not.
    Failed,
    /// Ended by a person.
    Stopped,
    /// Nobody knows: its worker was lost.
    Interrupted,
    /// Never begun: branch not taken, not selected, or skipped by a person.
    Skipped,
}

impl StepState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Running,
        Self::Waiting,
        Self::Succeeded,
        Self::Failed,
        Self::Stopped,
        Self::Interrupted,
        Self::Skipped,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
            Self::Skipped => "skipped",
        }
    }

    /// The original specification's word: `pending`, `running`, `success` or `error`. A skipped step never ran: `pending`.
    #[must_use]
    pub const fn status(self) -> &'static str {
        match self {
            Self::Pending | Self::Skipped => "pending",
            Self::Running | Self::Waiting | Self::Interrupted => "running",
            Self::Succeeded => "success",
            Self::Failed | Self::Stopped => "error",
        }
    }

    /// Whether nothing can change it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Stopped | Self::Skipped)
    }

    /// Whether one attempt may go from this state to that one.
    #[must_use]
    pub const fn may_become(self, to: Self) -> bool {
        use StepState::{Failed, Interrupted, Pending, Running, Skipped, Stopped, Succeeded, Waiting};
        match self {
            Pending => matches!(to, Running | Waiting | Skipped | Stopped),
            Waiting => matches!(to, Running | Succeeded | Failed | Skipped | Stopped),
            Running => matches!(to, Waiting | Succeeded | Failed | Stopped | Interrupted),
            Interrupted => matches!(to, Failed | Skipped | Stopped | Succeeded),
            Succeeded | Failed | Stopped | Skipped => false,
        }
    }
}
