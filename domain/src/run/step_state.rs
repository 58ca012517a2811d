//! The states of one attempt at a step, and one function for each way from one to another.

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

/// A way between states that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a step that is {from} cannot {verb}", from = from.as_str())]
pub struct ImpossibleStep {
    from: StepState,
    verb: &'static str,
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

    /// It begins; written before its effect.
    ///
    /// # Errors
    /// It began already, or is over.
    pub const fn begin(self) -> Result<Self, ImpossibleStep> {
        match self {
            Self::Pending | Self::Waiting => Ok(Self::Running),
            _ => Err(ImpossibleStep { from: self, verb: "begin" }),
        }
    }

    /// It needs a person's answer: before it begins, or about what it found. A timer that is held waits too.
    ///
    /// # Errors
    /// It is over, or nobody knows how it ended.
    pub const fn ask(self) -> Result<Self, ImpossibleStep> {
        match self {
            Self::Pending | Self::Waiting | Self::Running => Ok(Self::Waiting),
            _ => Err(ImpossibleStep { from: self, verb: "ask" }),
        }
    }

    /// It came out well, or a person says that it did.
    ///
    /// # Errors
    /// It never began, or is over.
    pub const fn succeed(self) -> Result<Self, ImpossibleStep> {
        match self {
            Self::Running | Self::Waiting | Self::Interrupted => Ok(Self::Succeeded),
            _ => Err(ImpossibleStep { from: self, verb: "succeed" }),
        }
    }

    /// It did not come out well, or a person says no, or gives it up for another attempt.
    ///
    /// # Errors
    /// It never began, or is over.
    pub const fn fail(self) -> Result<Self, ImpossibleStep> {
        match self {
            Self::Running | Self::Waiting | Self::Interrupted => Ok(Self::Failed),
            _ => Err(ImpossibleStep { from: self, verb: "fail" }),
        }
    }

    /// A person ended it.
    ///
    /// # Errors
    /// It never began, or is over.
    pub const fn stop(self) -> Result<Self, ImpossibleStep> {
        match self {
            Self::Running | Self::Waiting | Self::Interrupted => Ok(Self::Stopped),
            _ => Err(ImpossibleStep { from: self, verb: "be stopped" }),
        }
    }

    /// Its worker, or the connection to it, was lost: nobody knows how it ended.
    ///
    /// # Errors
    /// It does not run.
    pub const fn interrupt(self) -> Result<Self, ImpossibleStep> {
        match self {
            Self::Running => Ok(Self::Interrupted),
            _ => Err(ImpossibleStep { from: self, verb: "be interrupted" }),
        }
    }

    /// The run goes on without it.
    ///
    /// # Errors
    /// It runs, or is over.
    pub const fn skip(self) -> Result<Self, ImpossibleStep> {
        match self {
            Self::Pending | Self::Waiting | Self::Interrupted => Ok(Self::Skipped),
            _ => Err(ImpossibleStep { from: self, verb: "be skipped" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Transition = fn(StepState) -> Result<StepState, ImpossibleStep>;
    const TRANSITIONS: [(&str, Transition); 7] = [
        ("begin", StepState::begin),
        ("ask", StepState::ask),
        ("succeed", StepState::succeed),
        ("fail", StepState::fail),
        ("stop", StepState::stop),
        ("interrupt", StepState::interrupt),
        ("skip", StepState::skip),
    ];

    proptest! {
        #[test]
        fn any_sequence_keeps_the_rules(steps in proptest::collection::vec(0..TRANSITIONS.len(), 0..40)) {
            let mut state = StepState::Pending;
            let mut began = false;
            for step in steps {
                let (name, transition) = TRANSITIONS[step];
                let Ok(to) = transition(state) else { continue };
                prop_assert!(!state.is_final(), "{name} led out of {state:?}");
                prop_assert!(to != StepState::Pending, "{name} made {state:?} untried again");
                // What was never begun has no outcome of its own.
                if state == StepState::Pending {
                    prop_assert!(matches!(to, StepState::Running | StepState::Waiting | StepState::Skipped));
                }
                if to == StepState::Interrupted {
                    prop_assert!(began, "interrupted without having begun");
                }
                // Only the first beginning and a person's word lead to an effect.
                if to == StepState::Running {
                    prop_assert!(matches!(state, StepState::Pending | StepState::Waiting));
                }
                began |= to == StepState::Running;
                state = to;
            }
        }
    }

    #[test]
    fn every_attempt_can_come_to_an_end() {
        for state in StepState::ALL.into_iter().filter(|state| !state.is_final()) {
            let can_end = TRANSITIONS.iter().any(|(_, transition)| transition(state).is_ok_and(StepState::is_final));
            assert!(can_end, "{state:?}");
        }
    }

    #[test]
    fn a_refusal_says_why() {
        let refusal = StepState::Succeeded.begin().expect_err("a step that is over");
        assert_eq!(refusal.to_string(), "a step that is succeeded cannot begin");
    }
}
