//! A command on several hosts: each of them is a step of its own, and as many as the block allows run at once.
//!
//! Nothing of the run is decided while one of them runs. When they have ended the walk goes through them one by one, as through
//! any other steps: what failed ends the run, what was interrupted is put to a person.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;

use chrono::Utc;
use domain::block::{BlockKind, OnFailure};
use domain::plan::Planned;
use domain::{ControlAction, RunState, StepState, Timestamp};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use crate::ask;
use crate::error::Halt;
use crate::executors::{self, Cause, Outcome};
use crate::output::Printed;
use crate::run_task::{Commit, RunTask};

/// How a lane ended: the place of its step in `RunTask::steps`, and what executing it came to.
type Ended = (usize, Result<(Outcome, Printed), Halt>);
/// The lanes that run.
type Running<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Ended> + Send + 'a>>>;

/// What came of the attempt to start a lane.
enum Opened {
    /// It runs, or was settled without running.
    Done,
    /// It must be asked for first, which waits until no other runs.
    Asks,
    /// A person changed the run's state first.
    Moved,
}

impl RunTask {
    /// The lanes of the block at this place in the plan, where it has several and one of them is to run now.
    pub(crate) fn lanes_to_run<'p, 'a>(&self, plan: &'p [Planned<'a>], at: usize) -> Option<&'p [Planned<'a>]> {
        let lane = plan.get(at)?.lane;
        if !lane.is_one_of_several() {
            return None;
        }
        let first = at - lane.index as usize;
        let lanes = &plan[first..first + lane.of as usize];
        let state = |planned: &Planned<'_>| self.steps[self.newest[planned.ordinal as usize]].state;
        let any = |states: &[StepState]| lanes.iter().any(|planned| states.contains(&state(planned)));
        let goes_on = any(&[StepState::Running]) || (any(&[StepState::Pending, StepState::Waiting]) && !self.is_held_up(lanes));
        goes_on.then_some(lanes)
    }

    /// Whether no other lane may start, for what became of one.
    fn is_held_up(&self, lanes: &[Planned<'_>]) -> bool {
        lanes.iter().any(|planned| match self.steps[self.newest[planned.ordinal as usize]].state {
            StepState::Stopped | StepState::Interrupted => true,
            StepState::Failed => planned.block.on_failure == OnFailure::Stop,
            _ => false,
        })
    }

    /// Runs the lanes until none runs and none may start. Returns without having done anything where a person asked for
    /// something, which the walk then sees to.
    pub(crate) async fn run_lanes(&mut self, lanes: &[Planned<'_>]) -> Result<(), Halt> {
        let at_once = match lanes.first().map(|planned| &planned.block.kind) {
            Some(BlockKind::Command(command)) => command.concurrency as usize,
            _ => 1,
        };
        let mut running = Running::new();
        let mut busy = HashSet::new();
        let mut halt = None;
        loop {
            let mut asks = false;
            while halt.is_none() && !asks && running.len() < at_once {
                let Some(planned) = self.next_lane(lanes, &busy) else { break };
                // Those that run must hear of a lost lease while the next one waits for the store. One that asks gives the run
                // back, and waits for none.
                let lost = if running.is_empty() { CancellationToken::new() } else { self.control.lost.clone() };
                let opened = tokio::select! {
                    biased;
                    opened = self.open_lane(planned, lanes, &mut running, &mut busy) => opened,
                    () = lost.cancelled() => Err(Halt::Lost),
                };
                match opened {
                    Ok(Opened::Done) => {}
                    Ok(Opened::Asks) => asks = true,
                    Ok(Opened::Moved) => break,
                    Err(new) => halt = Some(self.let_end(new)?),
                }
            }
            if running.is_empty() {
                if let Some(halt) = halt {
                    return Err(halt);
                }
                let Some(due) = self.next_due(lanes, &busy).filter(|_| !asks) else { return Ok(()) };
                if !self.wait_for(due).await? {
                    return Ok(());
                }
                continue;
            }
            if halt.is_none()
                && let Err(new) = self.save().await
            {
                halt = Some(self.let_end(new)?);
            }
            let due = if running.len() < at_once { self.next_due(lanes, &busy) } else { None };
            tokio::select! {
                Some((index, ended)) = running.next() => {
                    busy.remove(&index);
                    if let Err(new) = self.lane_ended(lanes, index, ended) {
                        let new = self.let_end(new)?;
                        halt = halt.or(Some(new));
                    }
                }
                changed = self.asked.changed() => if changed.is_ok() {
                    let asked = *self.asked.borrow_and_update();
                    let _order = self.pen.order().await;
                    self.pen.announce(asked);
                },
                () = until(due) => {}
            }
        }
    }

    /// What becomes of the lanes that run when this one thing went wrong: they come to their end, or, where nothing can be
    /// written any more (`Err`), are left to whoever takes the run up.
    fn let_end(&self, halt: Halt) -> Result<Halt, Halt> {
        match halt {
            Halt::Lost => {
                // They may not have heard of it yet.
                self.control.lost.cancel();
                Ok(Halt::Lost)
            }
            Halt::HandBack => Ok(Halt::HandBack),
            Halt::AtRest | Halt::WrongTurn(_) | Halt::Store(_) => Err(halt),
        }
    }

    /// Writes what changed.
    async fn save(&mut self) -> Result<(), Halt> {
        while !self.dirty.is_empty() {
            // Where a person changed the run's state, that is known now and the same is written under it.
            if self.commit(self.pen.run.state, false).await? == Commit::Done {
                break;
            }
        }
        Ok(())
    }

    /// The next lane that may start now.
    fn next_lane<'p, 'a>(&self, lanes: &'p [Planned<'a>], busy: &HashSet<usize>) -> Option<&'p Planned<'a>> {
        let free = |planned: &&Planned<'_>| !busy.contains(&self.newest[planned.ordinal as usize]);
        let step = |planned: &Planned<'_>| &self.steps[self.newest[planned.ordinal as usize]];
        // What an earlier worker has begun goes on, whatever else there is.
        if let Some(begun) = lanes.iter().filter(free).find(|planned| step(planned).state == StepState::Running) {
            return Some(begun);
        }
        if self.is_held_up(lanes) || self.pen.run.state != RunState::Running || self.shared.closing.is_cancelled() {
            return None;
        }
        let now = Utc::now();
        lanes.iter().filter(free).find(|planned| match step(planned).state {
            StepState::Pending => step(planned).due_at.is_none_or(|due| due <= now),
            StepState::Waiting => true,
            _ => false,
        })
    }

    /// When the next lane that failed is to be tried again, where none may start before.
    fn next_due(&self, lanes: &[Planned<'_>], busy: &HashSet<usize>) -> Option<Timestamp> {
        if self.is_held_up(lanes) || self.pen.run.state != RunState::Running || self.shared.closing.is_cancelled() {
            return None;
        }
        let indices = lanes.iter().map(|planned| self.newest[planned.ordinal as usize]).filter(|index| !busy.contains(index));
        indices.filter(|index| self.steps[*index].state == StepState::Pending).filter_map(|index| self.steps[index].due_at).min()
    }

    /// Starts a lane: what `step` does for a block on one host.
    async fn open_lane<'a>(
        &mut self,
        planned: &Planned<'a>,
        lanes: &[Planned<'a>],
        running: &mut Running<'a>,
        busy: &mut HashSet<usize>,
    ) -> Result<Opened, Halt> {
        let block = planned.block;
        let index = self.newest[planned.ordinal as usize];
        self.steps[index].due_at = None;
        if self.steps[index].state == StepState::Pending && !self.when_holds(planned, index).await? {
            return Ok(Opened::Done);
        }
        let begun = self.steps[index].state == StepState::Running;
        let environment = self.environment(index).to_vec();
        self.context.set_environment(&environment);
        let prepared = executors::prepare(block, &self.context, self.secrets.redactor());
        if let Ok((_, what)) = &prepared
            && !begun
        {
            let what = self.secrets.redactor().redact(what).into_owned();
            let asks = ask::needs_approval(block, self.pen.run.mode) && !self.is_lane_approved(index, &what);
            if asks && !running.is_empty() {
                return Ok(Opened::Asks);
            }
            self.steps[index].what = what;
            if asks {
                let question = self.lane_question(index, lanes);
                // Returns where a person was faster.
                self.ask(index, question).await?;
                return Ok(Opened::Moved);
            }
        }
        if !begun && !self.begin(index).await? {
            return Ok(Opened::Moved);
        }
        let job = match prepared {
            Ok((prepared, _)) => self.job(block, index, prepared).await?,
            Err(message) => Err(message),
        };
        match job {
            Ok(job) => {
                let mut pen = self.pen.of_lane();
                busy.insert(index);
                running.push(Box::pin(async move { (index, job.run(&mut pen).await) }));
            }
            Err(message) => {
                let outcome = if begun { Outcome::lost(message) } else { Outcome::failed(message) };
                self.lane_ended(lanes, index, Ok((outcome, Printed::default())))?;
            }
        }
        Ok(Opened::Done)
    }

    /// Whether a person has approved what the lane would run: for it alone, or, before its first attempt, for all hosts on which
    /// the same runs.
    fn is_lane_approved(&self, index: usize, what: &str) -> bool {
        let lane = &self.steps[index];
        let of_another = |step: &domain::Step| {
            lane.attempt == 1 && step.attempt == 1 && step.block_id == lane.block_id && ask::is_approved(step, what)
        };
        ask::is_approved(lane, what) || self.steps.iter().any(of_another)
    }

    /// The question for a lane and for every other that has not begun and would run the same.
    fn lane_question(&mut self, index: usize, lanes: &[Planned<'_>]) -> String {
        let what = self.steps[index].what.clone();
        let mut hosts = Vec::new();
        for planned in lanes {
            let other = self.newest[planned.ordinal as usize];
            let step = &self.steps[other];
            let is_covered = other == index
                || (step.attempt == 1
                    && self.steps[index].attempt == 1
                    && matches!(step.state, StepState::Pending | StepState::Waiting)
                    && step.answer != Some(ControlAction::Approve)
                    && self.would_run(planned, other).as_ref() == Some(&what));
            if is_covered {
                hosts.extend(self.steps[other].host.clone());
            }
        }
        ask::before_lanes(&self.steps[index], &hosts)
    }

    /// What a lane would run, as it is shown.
    fn would_run(&mut self, planned: &Planned<'_>, index: usize) -> Option<String> {
        let environment = self.environment(index).to_vec();
        self.context.set_environment(&environment);
        let (_, what) = executors::prepare(planned.block, &self.context, self.secrets.redactor()).ok()?;
        Some(self.secrets.redactor().redact(&what).into_owned())
    }

    /// Notes how a lane ended. What follows for the run is the walk's to say.
    fn lane_ended(&mut self, lanes: &[Planned<'_>], index: usize, ended: Result<(Outcome, Printed), Halt>) -> Result<(), Halt> {
        let (outcome, printed) = ended?;
        let cause = outcome.cause;
        let ordinal = self.steps[index].ordinal;
        if let Some(planned) = lanes.iter().find(|planned| planned.ordinal == ordinal) {
            self.note_end(planned, index, outcome, printed)?;
        }
        if cause == Some(Cause::Lost) { Err(Halt::Lost) } else { Ok(()) }
    }

    /// Waits until a lane is to be tried again; false when disturbed.
    async fn wait_for(&mut self, due: Timestamp) -> Result<bool, Halt> {
        // That the last attempt failed is durable before the wait.
        if !self.dirty.is_empty() && self.commit(RunState::Running, false).await? == Commit::Moved {
            return Ok(false);
        }
        Ok(self.is_due(due).await)
    }
}

/// Waits until the time, or for ever.
async fn until(due: Option<Timestamp>) {
    match due.map(|due| (due - Utc::now()).to_std()) {
        Some(Ok(left)) => tokio::time::sleep(left).await,
        Some(Err(_)) => {}
        None => std::future::pending().await,
    }
}
