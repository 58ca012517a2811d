//! What people may ask of a run.

use serde::{Deserialize, Serialize};

/// Whether a run asks before it acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RunMode {
    /// It goes from step to step by itself.
    #[default]
    Auto,
    /// It waits for approval before each command and API call.
    Guided,
}

/// What a person asks of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ControlAction {
    /// Hold after the current step.
    Pause,
    /// Go on.
    Resume,
    /// End the current step and the run.
    Stop,
    /// Try the step that failed or was interrupted again.
    Retry,
    /// Go on without the step that waits.
    Skip,
    /// Go on as if the step had come out well: a person has seen, or seen to, its effect.
    Done,
    /// Yes: run what was shown, or the instruction is done.
    Approve,
    /// No: the run ends here.
    Reject,
    /// From now on, ask before each command and API call.
    Guided,
    /// From now on, go from step to step by itself.
    Auto,
}

impl ControlAction {
    /// Every action with its word on the wire.
    pub const ALL: [(&str, Self); 10] = [
        ("pause", Self::Pause),
        ("resume", Self::Resume),
        ("stop", Self::Stop),
        ("retry", Self::Retry),
        ("skip", Self::Skip),
        ("done", Self::Done),
        ("approve", Self::Approve),
        ("reject", Self::Reject),
        ("guided", Self::Guided),
        ("auto", Self::Auto),
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
            Self::Retry => "retry",
            Self::Skip => "skip",
            Self::Done => "done",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Guided => "guided",
            Self::Auto => "auto",
        }
    }

    /// Whether a run that was at rest, or about to be, goes on by it: whoever says this answers for what then runs.
    #[must_use]
    pub const fn lets_go_on(self) -> bool {
        matches!(self, Self::Resume | Self::Retry | Self::Skip | Self::Done | Self::Approve)
    }
}
