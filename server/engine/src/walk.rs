//! Walks the plan of a run: which step is next, and what follows from how it ended.

use chrono::Utc;
use domain::block::{Block, BlockKind, OnFailure, OnFalse, OnWorkerLoss};
use domain::plan::Planned;
use domain::{ControlAction, RunState, Step, StepState};
use tracing::info;

use crate::ask;
use crate::capture;
use crate::error::Halt;
use crate::executors::{self, Cause, Outcome, Prepared};
use crate::output::Printed;
use crate::plan_steps::NOT_SELECTED;
use crate::run_task::{Commit, RunTask, Turn};
use crate::take_over::LOST;
use crate::template;
use crate::waits;

/// After so many attempts of which nobody knows how they ended, a step that may be tried again fails.
const MAX_LOSSES: u32 = 3;

impl RunTask {
    /// Goes through the plan to its end, or until the run is at rest, lost or handed back.
    pub(crate) async fn walk(&mut self, plan: &[Planned<'_>]) -> Result<(), Halt> {
        let mut at = 0;
        loop {
            self.boundary().await?;
            if !self.leave_conditions(plan, at).await? {
                continue;
            }
            let Some(planned) = plan.get(at) else {
                // `end` returns only by way of an error.
                self.end(RunState::Succeeded, None).await?;
                continue;
            };
            if let Some(lanes) = self.lanes_to_run(plan, at) {
                self.run_lanes(lanes).await?;
                continue;
            }
            let index = self.newest[at];
            let step = &self.steps[index];
            match step.state {
                StepState::Succeeded | StepState::Skipped => {
                    self.choose_branch(planned)?;
                    at += 1;
                }
                StepState::Failed | StepState::Stopped => {
                    if planned.block.on_failure == OnFailure::Stop || step.state == StepState::Stopped {
                        let error = step_failed(planned, step);
                        self.end(RunState::Failed, Some(error)).await?;
                    }
                    self.choose_branch(planned)?;
                    at += 1;
                }
                StepState::Interrupted if step.answer == Some(ControlAction::Retry) => {
                    self.turn(index, StepState::fail)?;
                    self.attempt_again(index);
                }
                StepState::Interrupted => {
                    let error = format!("{}: {}", named(planned, step), step.error.as_deref().unwrap_or(LOST));
                    self.rest(RunState::Interrupted, error).await?;
                }
                StepState::Pending | StepState::Waiting | StepState::Running => self.step(planned, index).await?,
            }
        }
    }

    /// One step that is not over. May return without having done anything when a person asked for something.
    async fn step(&mut self, planned: &Planned<'_>, index: usize) -> Result<(), Halt> {
        let block = planned.block;
        let (state, answer) = (self.steps[index].state, self.steps[index].answer);
        if let BlockKind::Timer(timer) = &block.kind
            && (state == StepState::Running || waits::is_held(&self.steps[index]))
        {
            return self.timer(planned, index, timer.duration).await;
        }
        if state == StepState::Running {
            return self.go_on(planned, index).await;
        }
        if state == StepState::Waiting {
            match (answer, &block.kind) {
                (Some(ControlAction::Retry), _) => {
                    self.turn(index, StepState::fail)?;
                    self.attempt_again(index);
                    return Ok(());
                }
                // It was ticked; one that asks before it begins is not done yet.
                (Some(ControlAction::Approve), BlockKind::Instruction(instruction)) if instruction.acknowledge => {
                    self.settle(index, StepState::succeed, None)?;
                    return Ok(());
                }
                // It asked after its check; one that asks before has no result yet.
                (Some(ControlAction::Approve), BlockKind::Condition(_)) if self.steps[index].result.is_some() => {
                    self.settle(index, StepState::succeed, None)?;
                    return Ok(());
                }
                (Some(ControlAction::Approve), _) => {}
                _ => {
                    let question = self.steps[index].error.clone().unwrap_or_default();
                    return self.ask(index, question).await;
                }
            }
        }
        if state == StepState::Pending && !self.wait_for_retry(index).await? {
            return Ok(());
        }
        if state == StepState::Pending && !self.when_holds(planned, index).await? {
            return Ok(());
        }
        let environment = self.environment(index).to_vec();
        self.context.set_environment(&environment);
        let prepared = executors::prepare(block, &self.context, self.secrets.redactor());
        if let Ok((_, what)) = &prepared {
            let what = self.secrets.redactor().redact(what).into_owned();
            let needs_approval = ask::needs_approval(block, self.pen.run.mode) && !ask::is_approved(&self.steps[index], &what);
            self.steps[index].what = what;
            if needs_approval {
                let question = ask::before(&self.steps[index]);
                return self.ask(index, question).await;
            }
        }
        if let Ok((Prepared::Instruction { acknowledge: true }, _)) = &prepared {
            if self.steps[index].started_at.is_none() {
                self.steps[index].started_at = Some(Utc::now());
            }
            return self.ask(index, "tick this when it is done".to_owned()).await;
        }
        if let BlockKind::Timer(timer) = &block.kind {
            return self.timer(planned, index, timer.duration).await;
        }
        if !self.begin(index).await? {
            return Ok(());
        }
        let job = match prepared {
            Ok((prepared, _)) => self.job(block, index, prepared).await?,
            Err(message) => Err(message),
        };
        let (outcome, printed) = match job {
            Ok(job) => job.run(&mut self.pen).await?,
            Err(message) => (Outcome::failed(message), Printed::default()),
        };
        self.conclude(planned, index, outcome, printed).await
    }

    /// A step whose process an earlier worker has started: it goes on, or has ended meanwhile.
    async fn go_on(&mut self, planned: &Planned<'_>, index: usize) -> Result<(), Halt> {
        let environment = self.environment(index).to_vec();
        self.context.set_environment(&environment);
        let (outcome, printed) = match executors::prepare(planned.block, &self.context, self.secrets.redactor()) {
            Ok((prepared, _)) => match self.job(planned.block, index, prepared).await? {
                Ok(job) => job.run(&mut self.pen).await?,
                Err(message) => (Outcome::failed(message), Printed::default()),
            },
            Err(message) => (Outcome::lost(message), Printed::default()),
        };
        self.conclude(planned, index, outcome, printed).await
    }

    /// Writes that the step begins; false when a person changed the run's state first.
    pub(crate) async fn begin(&mut self, index: usize) -> Result<bool, Halt> {
        if self.pen.run.state != RunState::Running {
            return Ok(false);
        }
        let before = self.steps[index].clone();
        let was_dirty = !self.dirty.insert(index);
        let now = Utc::now();
        let step = &mut self.steps[index];
        step.state = step.state.begin()?;
        step.started_at = step.started_at.or(Some(now));
        step.error = None;
        let first = self.pen.run.started_at.is_none();
        if first {
            self.pen.run.started_at = Some(now);
            self.tell = true;
        }
        if self.commit(RunState::Running, false).await? == Commit::Done {
            return Ok(true);
        }
        self.steps[index] = before;
        if !was_dirty {
            self.dirty.remove(&index);
        }
        if first {
            self.pen.run.started_at = None;
        }
        Ok(false)
    }

    /// Notes how a step ended, and what follows for the run.
    pub(crate) async fn conclude(
        &mut self,
        planned: &Planned<'_>,
        index: usize,
        outcome: Outcome,
        printed: Printed,
    ) -> Result<(), Halt> {
        let cause = outcome.cause;
        self.note_end(planned, index, outcome, printed)?;
        let step = &self.steps[index];
        match (cause, step.state) {
            (Some(Cause::Stop), _) => return self.end(RunState::Stopped, None).await,
            (Some(Cause::Lost), _) => return Err(Halt::Lost),
            // Where a person was faster, the walk puts it aside.
            (Some(Cause::Closed), StepState::Interrupted) => {
                let error = step_failed(planned, step);
                return self.rest(RunState::Interrupted, error).await;
            }
            (Some(Cause::Closed | Cause::TimedOut | Cause::Asked(_)) | None, _) => {}
        }
        match step.state {
            StepState::Failed if planned.block.on_failure == OnFailure::Stop && !self.is_tried_again(index) => {
                let error = step_failed(planned, step);
                self.end(RunState::Failed, Some(error)).await?;
            }
            StepState::Waiting => {
                self.choose_branch(planned)?;
                self.steps[index].ended_at = None;
                self.steps[index].error = Some(is_false(planned.block));
                // Where a person was faster, the walk asks again.
                self.ask(index, is_false(planned.block)).await?;
                self.dirty.insert(index);
            }
            _ => {}
        }
        Ok(())
    }

    /// Notes how a step ended, makes what it left available to the next ones, and adds the attempt that follows a failed one
    /// where its block asks for that.
    pub(crate) fn note_end(
        &mut self,
        planned: &Planned<'_>,
        index: usize,
        outcome: Outcome,
        printed: Printed,
    ) -> Result<(), Halt> {
        let step = &mut self.steps[index];
        step.exit_code = outcome.exit_code;
        step.result = outcome.result;
        step.last_output = printed.last.max(step.last_output);
        let mut error = outcome.error.map(|error| self.secrets.redactor().redact(&error).into_owned());
        let mut end = outcome.end;
        let ended = Step { state: end(step.state)?, ..step.clone() };
        let (facts, missing) = capture::facts(planned.block, &ended, &printed.stdout, &printed.stderr);
        if let Some(missing) = missing
            && ended.state == StepState::Succeeded
        {
            error = Some(format!("nothing was found to capture as “{missing}”"));
            end = StepState::fail;
        }
        let mut tried_again = false;
        if ended.state == StepState::Interrupted {
            (end, error, tried_again) = after_loss(planned.block, &ended, error.take());
        }
        if ended.state == StepState::Succeeded && asks_when_false(planned.block, &ended) {
            // It asks before it is settled: one step, one question.
            end = StepState::ask;
        }
        self.settle(index, end, error)?;
        let step = &self.steps[index];
        self.context.set_step(&step.name, planned.lane, step.host.as_deref(), &facts);
        info!(step.ordinal = step.ordinal, step.attempt = step.attempt, step.state = step.state.as_str(), "step ended");
        match (step.state, &planned.block.retry) {
            (StepState::Failed, _) if tried_again => {
                self.attempt_again(index);
            }
            (StepState::Failed, Some(retry)) if step.attempt < retry.attempts => {
                let due = Utc::now() + retry.wait_after(step.attempt).to_std();
                let next = self.attempt_again(index);
                self.steps[next].due_at = Some(due);
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether another attempt follows this one.
    fn is_tried_again(&self, index: usize) -> bool {
        self.newest[self.steps[index].ordinal as usize] != index
    }

    pub(crate) fn settle(&mut self, index: usize, end: Turn, error: Option<String>) -> Result<(), Halt> {
        self.turn(index, end)?;
        let now = Utc::now();
        let step = &mut self.steps[index];
        step.error = error;
        step.started_at = step.started_at.or(Some(now));
        step.ended_at = Some(now);
        Ok(())
    }

    /// Skips what `when` rules out, with everything nested in it. An expression that cannot be read fails the step.
    pub(crate) async fn when_holds(&mut self, planned: &Planned<'_>, index: usize) -> Result<bool, Halt> {
        let Some(when) = &planned.block.when else { return Ok(true) };
        match template::holds(when, &self.context) {
            Ok(true) => return Ok(true),
            Ok(false) => {
                for ordinal in planned.ordinal..planned.end {
                    let index = self.newest[ordinal as usize];
                    if self.steps[index].state == StepState::Pending {
                        self.skip(index, &format!("not wanted: {when} is false"))?;
                    }
                }
            }
            Err(message) => {
                if self.begin(index).await? {
                    let outcome = Outcome::failed(format!("when: {message}"));
                    self.conclude(planned, index, outcome, Printed::default()).await?;
                }
            }
        }
        Ok(false)
    }

    /// Skips the branch that was not taken; both where nothing was found out.
    fn choose_branch(&mut self, planned: &Planned<'_>) -> Result<(), Halt> {
        let BlockKind::Condition(_) = planned.block.kind else { return Ok(()) };
        let step = &self.steps[self.newest[planned.ordinal as usize]];
        if step.state == StepState::Skipped && step.error.as_deref() == Some(NOT_SELECTED) {
            // Blocks in it that were selected by themselves run.
            return Ok(());
        }
        let (from, to, reason) = match step.result {
            Some(true) => (planned.middle, planned.end, "branch not taken"),
            Some(false) => (planned.ordinal + 1, planned.middle, "branch not taken"),
            None => (planned.ordinal + 1, planned.end, "the condition was not settled"),
        };
        for ordinal in from..to {
            let index = self.newest[ordinal as usize];
            if self.steps[index].state == StepState::Pending {
                self.skip(index, reason)?;
            }
        }
        Ok(())
    }

    /// At the end of conditions that were false: what their `on_false` says. False: look again.
    async fn leave_conditions(&mut self, plan: &[Planned<'_>], at: usize) -> Result<bool, Halt> {
        let inner_first = plan[..at].iter().rev().filter(|planned| planned.end as usize == at);
        for planned in inner_first {
            let BlockKind::Condition(condition) = &planned.block.kind else { continue };
            let index = self.newest[planned.ordinal as usize];
            let step = &self.steps[index];
            if step.result != Some(false) {
                continue;
            }
            match (condition.on_false, step.state, step.answer) {
                (OnFalse::Stop, StepState::Succeeded, _) => {
                    let error = format!("{}: {}", named(planned, step), is_false(planned.block));
                    self.end(RunState::Failed, Some(error)).await?;
                    return Ok(false);
                }
                (OnFalse::Pause, StepState::Waiting, Some(ControlAction::Approve)) => {
                    self.settle(index, StepState::succeed, None)?;
                }
                (OnFalse::Pause, StepState::Succeeded, None) => {
                    // Its other branch has run; the question is a row of its own.
                    let next = self.attempt_again(index);
                    self.steps[next].result = Some(false);
                    self.steps[next].started_at = Some(Utc::now());
                    self.ask(next, is_false(planned.block)).await?;
                    self.turn(next, StepState::ask)?;
                    return Ok(false);
                }
                (OnFalse::Pause, StepState::Waiting, _) => {
                    self.ask(index, is_false(planned.block)).await?;
                    return Ok(false);
                }
                _ => {}
            }
        }
        Ok(true)
    }
}

fn step_failed(planned: &Planned<'_>, step: &Step) -> String {
    format!("{}: {}", named(planned, step), step.error.as_deref().unwrap_or_else(|| step.state.as_str()))
}

/// `block 3 “Restart”`, and on which of several hosts.
fn named(planned: &Planned<'_>, step: &Step) -> String {
    let on = planned.host.filter(|_| planned.lane.is_one_of_several()).map(|host| format!(" on {host}")).unwrap_or_default();
    format!("block {} “{}”{on}", planned.number, step.name)
}

/// What becomes of an attempt of which nobody knows how it ended: how it ends here, what it says, and whether it is tried again.
pub(crate) fn after_loss(block: &Block, step: &Step, error: Option<String>) -> (Turn, Option<String>, bool) {
    match block.on_worker_loss {
        OnWorkerLoss::Ask => (StepState::interrupt, error, false),
        OnWorkerLoss::Fail => (StepState::fail, error, false),
        OnWorkerLoss::Retry if step.attempt < MAX_LOSSES => {
            (StepState::fail, error.map(|error| format!("{error}; it is tried again")), true)
        }
        OnWorkerLoss::Retry => (StepState::fail, error, false),
    }
}

/// Whether a condition asks a person right after it was found false: where no branch is run before that.
fn asks_when_false(block: &Block, step: &Step) -> bool {
    let BlockKind::Condition(condition) = &block.kind else { return false };
    step.result == Some(false) && condition.on_false == OnFalse::Pause && condition.else_blocks.is_empty()
}

fn is_false(block: &Block) -> String {
    match &block.kind {
        BlockKind::Condition(condition) if condition.on_false == OnFalse::Pause => "the check is false; go on?".to_owned(),
        _ => "the check is false".to_owned(),
    }
}
