//! The states of a run, and one function for each way from one to another.

use serde::{Deserialize, Serialize};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RunState {
    /// Accepted; no worker has it yet.
    Queued,
    /// A worker walks its blocks.
    Running,
    /// It will hold after the current step.
    Pausing,
    /// It holds until a person says go on.
    Paused,
    /// A person must answer.
    Waiting,
    /// The current step is being ended.
    Stopping,
    /// Ended by a person.
    Stopped,
    /// Every step came out well.
    Succeeded,
    /// A step failed, or a person said no.
    Failed,
    /// A worker was lost in a step that must not be repeated blindly; a person decides.
    Interrupted,
}

/// A way between states that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a run that is {from} cannot {verb}", from = from.as_str())]
pub struct Impossible {
    from: RunState,
    verb: &'static str,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Queued,
        Self::Running,
        Self::Pausing,
        Self::Paused,
        Self::Waiting,
        Self::Stopping,
        Self::Stopped,
        Self::Succeeded,
        Self::Failed,
        Self::Interrupted,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Waiting => "waiting",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// The original specification's word: `pending`, `running`, `completed` or `failed`.
    #[must_use]
    pub const fn status(self) -> &'static str {
        match self {
            Self::Queued => "pending",
            Self::Succeeded => "completed",
            Self::Failed | Self::Stopped => "failed",
            _ => "running",
        }
    }

    /// Whether nothing can change it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Stopped | Self::Succeeded | Self::Failed)
    }

    /// Whether a worker has, or should have, it in hand.
    #[must_use]
    pub const fn needs_worker(self) -> bool {
        matches!(self, Self::Queued | Self::Running | Self::Pausing | Self::Stopping)
    }

    /// A worker takes it up.
    ///
    /// # Errors
    /// No worker has business with a run that is over or that waits for a person.
    pub const fn claim(self) -> Result<Self, Impossible> {
        match self {
            Self::Queued => Ok(Self::Running),
            Self::Running | Self::Pausing | Self::Stopping => Ok(self),
            _ => Err(Impossible { from: self, verb: "be taken up" }),
        }
    }

    /// A person asks it to hold.
    ///
    /// # Errors
    /// Only a run that goes on by itself can be held.
    pub const fn pause(self) -> Result<Self, Impossible> {
        match self {
            Self::Queued => Ok(Self::Paused),
            Self::Running => Ok(Self::Pausing),
            _ => Err(Impossible { from: self, verb: "be paused" }),
        }
    }

    /// The step during which it was asked to hold has ended.
    ///
    /// # Errors
    /// Nobody asked it to hold.
    pub const fn hold(self) -> Result<Self, Impossible> {
        match self {
            Self::Pausing => Ok(Self::Paused),
            _ => Err(Impossible { from: self, verb: "hold" }),
        }
    }

    /// A person says go on.
    ///
    /// # Errors
    /// It does not hold.
    pub const fn resume(self) -> Result<Self, Impossible> {
        match self {
            Self::Pausing | Self::Paused => Ok(Self::Running),
            _ => Err(Impossible { from: self, verb: "be resumed" }),
        }
    }

    /// A step needs a person's answer.
    ///
    /// # Errors
    /// Only a run that goes on can come to a question.
    pub const fn ask(self) -> Result<Self, Impossible> {
        match self {
            Self::Running | Self::Pausing => Ok(Self::Waiting),
            _ => Err(Impossible { from: self, verb: "ask" }),
        }
    }

    /// A person answered: retry, skip or approve.
    ///
    /// # Errors
    /// It asked nothing.
    pub const fn answer(self) -> Result<Self, Impossible> {
        match self {
            Self::Waiting | Self::Interrupted => Ok(Self::Running),
            _ => Err(Impossible { from: self, verb: "be answered: it asks nothing" }),
        }
    }

    /// A person asks it to end. Where no step runs it ends at once.
    ///
    /// # Errors
    /// It is over, or ending already.
    pub const fn stop(self) -> Result<Self, Impossible> {
        match self {
            Self::Running | Self::Pausing => Ok(Self::Stopping),
            Self::Queued | Self::Paused | Self::Waiting | Self::Interrupted => Ok(Self::Stopped),
            _ => Err(Impossible { from: self, verb: "be stopped" }),
        }
    }

    /// The step that was being ended has ended.
    ///
    /// # Errors
    /// Nobody asked it to end.
    pub const fn stopped(self) -> Result<Self, Impossible> {
        match self {
            Self::Stopping => Ok(Self::Stopped),
            _ => Err(Impossible { from: self, verb: "have been stopped" }),
        }
    }

    /// The last step came out well.
    ///
    /// # Errors
    /// It does not run.
    pub const fn succeed(self) -> Result<Self, Impossible> {
        match self {
            Self::Running | Self::Pausing => Ok(Self::Succeeded),
            _ => Err(Impossible { from: self, verb: "succeed" }),
        }
    }

    /// A step failed, or a person said no.
    ///
    /// # Errors
    /// It is over, or holds.
    pub const fn fail(self) -> Result<Self, Impossible> {
        match self {
            Self::Running | Self::Pausing | Self::Waiting | Self::Interrupted => Ok(Self::Failed),
            _ => Err(Impossible { from: self, verb: "fail" }),
        }
    }

    /// Its worker was lost in the middle of a step.
    ///
    /// # Errors
    /// No worker had it.
    pub const fn interrupt(self) -> Result<Self, Impossible> {
        match self {
            Self::Running | Self::Pausing => Ok(Self::Interrupted),
            _ => Err(Impossible { from: self, verb: "be interrupted" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Transition = fn(RunState) -> Result<RunState, Impossible>;
    const TRANSITIONS: [(&str, Transition); 11] = [
        ("claim", RunState::claim),
        ("pause", RunState::pause),
        ("hold", RunState::hold),
        ("resume", RunState::resume),
        ("ask", RunState::ask),
        ("answer", RunState::answer),
        ("stop", RunState::stop),
        ("stopped", RunState::stopped),
        ("succeed", RunState::succeed),
        ("fail", RunState::fail),
        ("interrupt", RunState::interrupt),
    ];

    #[test]
    fn nothing_leads_out_of_a_final_state() {
        for state in RunState::ALL.into_iter().filter(|state| state.is_final()) {
            for (name, transition) in TRANSITIONS {
                assert!(transition(state).is_err(), "{name} from {state:?}");
            }
        }
    }

    #[test]
    fn every_state_can_be_reached_and_every_unfinished_one_can_end() {
        let reachable = |start: RunState| {
            let mut seen = vec![start];
            let mut next = 0;
            while let Some(&state) = seen.get(next) {
                for (_, transition) in TRANSITIONS {
                    if let Ok(to) = transition(state)
                        && !seen.contains(&to)
                    {
                        seen.push(to);
                    }
                }
                next += 1;
            }
            seen
        };
        assert_eq!(reachable(RunState::Queued).len(), RunState::ALL.len());
        for state in RunState::ALL {
            assert!(reachable(state).iter().any(|to| to.is_final()), "{state:?}");
        }
    }

    #[test]
    fn a_refusal_says_why() {
        let refusal = RunState::Succeeded.pause().expect_err("a finished run");
        assert_eq!(refusal.to_string(), "a run that is succeeded cannot be paused");
    }

    /// What may be asked of a run in any order, as people and workers do it.
    fn sequence() -> impl Strategy<Value = Vec<usize>> {
        proptest::collection::vec(0..TRANSITIONS.len(), 0..60)
    }

    proptest! {
        #[test]
        fn any_sequence_keeps_the_rules(steps in sequence()) {
            let mut state = RunState::Queued;
            for step in steps {
                let (name, transition) = TRANSITIONS[step];
                let before = state;
                let Ok(to) = transition(before) else { continue };
                prop_assert!(!before.is_final(), "{name} led out of {before:?}");
                // Only a worker works: what a person holds, or is asked, moves on by a person's word alone.
                if matches!(before, RunState::Paused | RunState::Waiting | RunState::Interrupted) {
                    prop_assert!(matches!(name, "resume" | "answer" | "stop" | "fail"), "{name} from {before:?}");
                }
                // Once somebody asked for its end, nothing but the end comes.
                if before == RunState::Stopping {
                    prop_assert!(matches!(to, RunState::Stopping | RunState::Stopped), "{name} to {to:?}");
                }
                // A run comes out well only from where it ran.
                if to == RunState::Succeeded {
                    prop_assert!(matches!(before, RunState::Running | RunState::Pausing));
                }
                state = to;
            }
            // Wherever it got to, a person can end it, or it is ending or over.
            prop_assert!(state.stop().is_ok() || state == RunState::Stopping || state.is_final());
        }
    }
}
