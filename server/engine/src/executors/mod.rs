//! What a block means when it runs: one file per type.

pub(crate) mod api;
mod command;
mod condition;
pub(crate) mod egress;
mod instruction;
pub(crate) mod process;
mod timer;

use std::sync::Arc;
use std::time::Duration;

use crate::run_task::Turn;
use domain::block::{Block, BlockKind};
use domain::{RunMode, RunState, Seconds, StepId, StepState};
use runner::{EnvValue, RunningProcess};
use secrecy::SecretString;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::Instant;
use vault::Redactor;

use crate::error::Halt;
use crate::handle::Shared;
use crate::held::Control;
use crate::hosts::Hosts;
use crate::output::Output;
use crate::ssh::Target;
use crate::template::Context;

/// How much of a stream templates see, in bytes; of an answer, all that is kept of it.
pub(crate) const KEEP_FOR_TEMPLATES: usize = 1024 * 1024;

/// A block with its values put in, ready to run.
pub(crate) enum Prepared<'a> {
    Instruction {
        acknowledge: bool,
    },
    Command(command::Plan<'a>),
    Api(api::Plan<'a>),
    Condition(condition::Plan<'a>),
    /// Waits are the walk's own business.
    Timer,
}

/// Where a step runs.
pub(crate) struct Scene<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) step: StepId,
    /// The secrets of [`Prepared::credentials`], in its order.
    pub(crate) given: &'a [SecretString],
    /// `PARAM_<NAME>` of every answer.
    pub(crate) parameters: Vec<(String, EnvValue)>,
    /// The step's process, where an earlier worker has started it.
    pub(crate) found: Option<RunningProcess>,
    /// The hosts of the run, with the connections to them.
    pub(crate) hosts: &'a Hosts,
    /// The host it runs on; `None` for this server itself.
    pub(crate) target: Option<&'a Target>,
    /// Which addresses its API calls may go to.
    pub(crate) egress: &'a egress::Rules,
    /// The environment that the host gives.
    pub(crate) host_environment: &'a [(String, String)],
}

/// How a step ended.
pub(crate) struct Outcome {
    pub(crate) end: Turn,
    pub(crate) exit_code: Option<i32>,
    pub(crate) result: Option<bool>,
    pub(crate) error: Option<String>,
    /// Why it was broken off, if it was.
    pub(crate) cause: Option<Cause>,
}

/// Why a step is broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A person asks for the run's end.
    Stop,
    /// The attempt took too long.
    TimedOut,
    /// The lease is lost.
    Lost,
    /// The server shuts down and the grace is over; what the runner runs goes on.
    Closed,
    /// A person asked for something that lets the step go on.
    Asked((RunState, RunMode)),
}

/// Tells a step that runs when it must end.
pub(crate) struct Watch {
    pub(crate) control: Arc<Control>,
    asked: watch::Receiver<(RunState, RunMode)>,
    closed: tokio_util::sync::CancellationToken,
    pub(crate) timeout: Option<Seconds>,
    deadline: Option<Instant>,
}

impl Watch {
    pub(crate) fn new(
        control: &Arc<Control>,
        asked: watch::Receiver<(RunState, RunMode)>,
        shared: &Shared,
        timeout: Option<Seconds>,
    ) -> Self {
        let mut watch =
            Self { control: Arc::clone(control), asked, closed: shared.closed.clone(), timeout: None, deadline: None };
        if let Some(timeout) = timeout {
            watch.limit(timeout);
        }
        watch
    }

    /// Sets the time an attempt may take, from now.
    pub(crate) fn limit(&mut self, timeout: Seconds) {
        self.timeout = Some(timeout);
        self.deadline = Some(Instant::now() + timeout.to_std());
    }

    /// Counts the time that an attempt has taken already.
    pub(crate) fn began(&mut self, ago: Duration) {
        self.deadline = self.deadline.map(|deadline| deadline.checked_sub(ago).unwrap_or(deadline));
    }

    /// The next thing that matters to the step. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Cause {
        let deadline = self.deadline;
        let late = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.control.lost.cancelled() => Cause::Lost,
            // The sender lives in `control`, so this never fails.
            Ok(()) = self.asked.changed() => {
                let asked = *self.asked.borrow_and_update();
                if asked.0 == RunState::Stopping { Cause::Stop } else { Cause::Asked(asked) }
            }
            () = late => Cause::TimedOut,
            () = self.closed.cancelled() => Cause::Closed,
        }
    }
}

impl Outcome {
    pub(crate) fn succeeded() -> Self {
        Self { end: StepState::succeed, exit_code: None, result: None, error: None, cause: None }
    }

    pub(crate) fn failed(error: impl Into<String>) -> Self {
        Self { end: StepState::fail, error: Some(error.into()), ..Self::succeeded() }
    }

    /// Of a step of which nobody knows how it ended.
    pub(crate) fn lost(error: impl Into<String>) -> Self {
        Self { end: StepState::interrupt, error: Some(error.into()), ..Self::succeeded() }
    }

    /// Of a step that was broken off; `how` says what became of what it started.
    pub(crate) fn broken_off(cause: Cause, how: &str, timeout: Option<Seconds>) -> Self {
        let (end, error): (Turn, _) = match cause {
            Cause::Stop => (StepState::stop, how.to_owned()),
            Cause::TimedOut => {
                let limit = timeout.map(|timeout| timeout.to_string()).unwrap_or_default();
                (StepState::fail, format!("timed out after {limit}; {how}"))
            }
            Cause::Lost | Cause::Closed | Cause::Asked(_) => {
                (StepState::interrupt, format!("the server shut down while this step ran; {how}"))
            }
        };
        Self { end, error: Some(error), cause: Some(cause), ..Self::succeeded() }
    }
}

impl Prepared<'_> {
    /// The credentials it needs, by id or name.
    pub(crate) fn credentials(&self) -> Vec<String> {
        match self {
            Self::Command(plan) => plan.block.credentials.iter().map(|given| given.credential.clone()).collect(),
            Self::Api(plan) => plan.block.credential_id.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        }
    }

    /// How much of its output later steps may look at.
    pub(crate) fn keep(&self) -> usize {
        match self {
            Self::Api(_) => api::MAX_BODY + 64 * 1024,
            _ => KEEP_FOR_TEMPLATES,
        }
    }
}

/// Puts the values into a block. The second part is what the step will do, as text; whoever shows it masks the secrets in it,
/// and in prose, where they would not be known again, they are masked already.
pub(crate) fn prepare<'a>(block: &'a Block, context: &Context, redactor: &Redactor) -> Result<(Prepared<'a>, String), String> {
    match &block.kind {
        BlockKind::Instruction(block) => instruction::prepare(block, context, redactor),
        BlockKind::Command(block) => command::prepare(block, context),
        BlockKind::Api(block) => api::prepare(block, context),
        BlockKind::Condition(block) => condition::prepare(&block.check, context),
        BlockKind::Timer(block) => Ok(timer::prepare(block)),
    }
}

impl Scene<'_> {
    /// What every process of the step is given: what its host gives, and the answers.
    fn environment(&self) -> Vec<(String, EnvValue)> {
        let host = self.host_environment.iter().map(|(name, value)| (name.clone(), EnvValue::from(value.as_str())));
        host.chain(self.parameters.iter().cloned()).collect()
    }
}

/// Runs it.
pub(crate) async fn execute(
    prepared: &Prepared<'_>,
    scene: &mut Scene<'_>,
    output: &mut Output<'_>,
    watch: &mut Watch,
) -> Result<Outcome, Halt> {
    match prepared {
        Prepared::Instruction { .. } | Prepared::Timer => Ok(Outcome::succeeded()),
        Prepared::Command(plan) => command::execute(plan, scene, output, watch).await,
        Prepared::Api(plan) => api::execute(plan, scene, output, watch).await,
        Prepared::Condition(plan) => condition::execute(plan, scene, output, watch).await,
    }
}

/// The answers as environment variables.
pub(crate) fn parameter_environment(answers: &Map<String, Value>, secret: &[(String, SecretString)]) -> Vec<(String, EnvValue)> {
    let name = |name: &str| format!("PARAM_{}", name.to_uppercase());
    let plain = answers.iter().filter(|(answer, _)| !secret.iter().any(|(other, _)| other == *answer)).map(|(answer, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name(answer), EnvValue::from(text))
    });
    plain.chain(secret.iter().map(|(answer, value)| (name(answer), EnvValue::from(value.clone())))).collect()
}
