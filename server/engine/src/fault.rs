//! Ends runs that cannot be walked, and what they left running: a fault of the engine, or something that is missing.

use std::sync::Arc;

use domain::{BlockType, RunState, StepState};
use tracing::error;

use crate::error::Halt;
use crate::executors::process::{self, Found};
use crate::handle::Shared;
use crate::held::Control;
use crate::run_task::{RunTask, hand_back, persist};

/// What is said of a run that the engine's own fault ends.
const FAULT: &str = "a fault in the server ended this run; its log says more";

/// How many numbers a broken task may have given out without our knowing.
const GAP: u64 = 1_000;

/// Ends a run whose task panicked or took a wrong turn.
pub(crate) async fn fail_by_fault(shared: &Arc<Shared>, control: &Arc<Control>) {
    match end_by_fault(shared, control).await {
        Ok(()) | Err(Halt::AtRest | Halt::Lost) => {}
        Err(cause @ (Halt::Store(_) | Halt::HandBack)) => {
            error!(error = &cause as &dyn std::error::Error, "a run could not be failed; it is handed back");
            hand_back(shared, control).await;
        }
        Err(cause @ Halt::WrongTurn(_)) => {
            error!(
                error = &cause as &dyn std::error::Error,
                "a run could not be failed; it is tried again when its lease is over"
            );
        }
    }
}

async fn end_by_fault(shared: &Arc<Shared>, control: &Arc<Control>) -> Result<(), Halt> {
    let Some(run) = persist(|| shared.store.run(control.lease.run)).await? else { return Ok(()) };
    let mut task = RunTask::new(shared, control, run).await?;
    let last = task.pen.run.event.max(task.last_number());
    task.pen.has_given_out(last + GAP);
    task.end_unwalked(FAULT).await
}

impl RunTask {
    /// Ends a run that nobody walks: as failed, or as stopped where a person asked for that. What an earlier task started is
    /// ended first, and its step says so.
    pub(crate) async fn end_unwalked(&mut self, message: &str) -> Result<(), Halt> {
        let ordinals = self.steps.iter().map(|step| step.ordinal as usize + 1).max().unwrap_or(0);
        self.find_newest(ordinals);
        for index in 0..self.steps.len() {
            if self.steps[index].state != StepState::Running {
                continue;
            }
            self.find_stored(index).await?;
            let left = match self.steps[index].kind {
                // Nothing of these runs anywhere; `end` sees to them.
                BlockType::Timer | BlockType::Instruction => continue,
                BlockType::Api => "it may or may not have taken effect".to_owned(),
                BlockType::Command | BlockType::Condition if !self.is_local(index) => self.end_on_host(index).await?,
                BlockType::Command | BlockType::Condition => self.end_local(index).await,
            };
            if self.pen.run.state == RunState::Stopping {
                self.settle(index, StepState::stop, Some(left))?;
            } else {
                self.settle(index, StepState::fail, Some(format!("{message}; {left}")))?;
            }
        }
        self.end(RunState::Failed, Some(message.to_owned())).await
    }

    /// Ends what the runner has of a step, and says what came of that.
    async fn end_local(&self, index: usize) -> String {
        match process::find(&self.shared, &self.steps[index].id.to_string()).await {
            Found::Process(process) => match process.stop(self.shared.config.stop_grace).await {
                Ok(report) => report.describe(),
                Err(error) => format!("stop unconfirmed: {}", process::chain(&error)),
            },
            Found::Nothing => format!("{}; {}", process::NOBODY_SAW, process::NOT_KNOWN),
            Found::Lost(sentence) => sentence,
        }
    }

    /// The last number that the store is known to have of the run's steps.
    pub(crate) fn last_number(&self) -> u64 {
        self.steps.iter().map(|step| step.event.max(step.last_output)).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
