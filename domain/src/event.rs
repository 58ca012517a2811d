//! What a run tells those who watch it.

use serde::{Deserialize, Serialize};

use crate::{Note, Run, Step};

/// One of the two streams of a process; what an API call or a check reports is standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// A piece of a step's output: at most 64 KiB of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Chunk {
    /// The step's place in the plan.
    pub ordinal: u32,
    /// The attempt.
    pub attempt: u32,
    /// The number of the run's event that it is; numbers only grow, but not every number is a piece of this step.
    pub seq: u64,
    /// Which stream it came from.
    pub stream: Stream,
    /// The text, secrets masked; a line may go on in the next piece.
    pub text: String,
}

/// Something that happened in a run. All but notes have a number, `Last-Event-ID` of the event stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "lowercase")]
pub enum RunEvent {
    /// The run changed.
    Run(Box<Run>),
    /// A step began, changed or ended.
    Step(Box<Step>),
    /// A step wrote something.
    Output(Chunk),
    /// Somebody wrote a note, or deleted theirs. People write also while no worker numbers the events: a note has no number.
    Note(Box<Note>),
}

impl RunEvent {
    /// Its number within the run; 0 for a note, which has none.
    #[must_use]
    pub fn seq(&self) -> u64 {
        match self {
            Self::Run(run) => run.event,
            Self::Step(step) => step.event,
            Self::Output(chunk) => chunk.seq,
            Self::Note(_) => 0,
        }
    }
}
