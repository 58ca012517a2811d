//! Why a run task leaves a run.

use domain::run::ImpossibleStep;
use store::StoreError;

/// Why the worker lets go of a run; none of them is the fault of a step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Halt {
    /// The run waits for a person, or is over: nothing is left to do.
    #[error("the run is at rest")]
    AtRest,
    /// Another worker has it.
    #[error("the lease was lost")]
    Lost,
    /// It goes back to whoever takes it up next.
    #[error("the run is handed back")]
    HandBack,
    /// The engine's own fault: what it was about to write cannot follow from what is.
    #[error("the engine took a wrong turn")]
    WrongTurn(#[from] ImpossibleStep),
    /// The store would not answer, however often it was asked.
    #[error("the store failed")]
    Store(#[from] StoreError),
}
