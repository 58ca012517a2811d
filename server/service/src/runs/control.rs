//! What people ask of a run that is under way.
//!
//! A run that a worker holds only has its state changed; the worker sees it and tells the watchers. A run without one (queued, paused,
//! waiting, interrupted) is changed here altogether, its events numbered and told from here.

use domain::run::{ImpossibleStep, NOT_REACHED, NOT_STARTED, RUN_STOPPED};
use domain::{
    Actor, AuditAction, ControlAction, Faults, Permission, Run, RunEvent, RunId, RunMode, RunState, Step, StepId, StepState,
    Timestamp,
};
use serde_json::json;
use store::ControlChange;

use super::{MISSING, Runs};
use crate::authorise::authorise;
use crate::hosts::may_go_on;
use crate::{Result, ServiceError, audit, now};

/// How often a control is tried anew because the run moved meanwhile.
const TRIES: usize = 5;
/// The longest comment, in characters.
pub const MAX_COMMENT: usize = 1_000;

/// Who asks what, of which step, and why.
struct Request<'a> {
    by: &'a str,
    action: ControlAction,
    step: Option<StepId>,
    comment: Option<&'a str>,
    at: Timestamp,
}

/// The way of a step from one state to another.
type Turn = fn(StepState) -> std::result::Result<StepState, ImpossibleStep>;

/// What a request makes of a run.
#[derive(Debug)]
struct Decision {
    to: RunState,
    /// The steps that change with it, not yet numbered.
    steps: Vec<Step>,
    error: Option<String>,
    /// Whether it asks from now on.
    mode: Option<RunMode>,
    /// A worker has something to do now that it had not before.
    wake: bool,
}

impl Runs {
    /// Pauses, resumes or stops a run, or answers its question. Answers the run as it is after that.
    ///
    /// # Errors
    /// `Forbidden` to viewers and, for somebody else's run, below sre; `HostForbidden` where the run would go on to a host that
    /// does not list the role, which is asked anew each time; `NotFound`; `Conflict` saying why it cannot be done now.
    pub async fn control(
        &self,
        actor: &Actor,
        id: RunId,
        action: ControlAction,
        step: Option<StepId>,
        comment: Option<String>,
    ) -> Result<Run> {
        authorise(actor, Permission::Execute)?;
        let comment = check_comment(comment)?;
        for _ in 0..TRIES {
            let run = self.store.run(id).await?.ok_or(MISSING)?;
            may_control(actor, &run)?;
            let steps = self.store.steps(id).await?;
            let request = Request { by: actor.username.as_str(), action, step, comment: comment.as_deref(), at: now() };
            let decision = decide(&run, &steps, &request)?;
            if action.lets_go_on() {
                let unchanged = steps.iter().filter(|step| !decision.steps.iter().any(|changed| changed.id == step.id));
                may_go_on(&self.store, &self.local, actor, &unchanged.chain(&decision.steps).collect::<Vec<_>>()).await?;
            }
            if let Some(changed) = self.apply(actor, run, decision, &request).await? {
                return Ok(changed);
            }
        }
        Err(ServiceError::conflict("the run is changing at this moment; try again"))
    }

    /// Writes a decision and tells of it; `None` where the run moved meanwhile.
    async fn apply(&self, actor: &Actor, run: Run, decision: Decision, request: &Request<'_>) -> Result<Option<Run>> {
        let held = held_by_worker(run.state);
        let (from, seen) = (run.state, run.event);
        let mut steps = decision.steps;
        let mut changed = Run { state: decision.to, mode: decision.mode.unwrap_or(run.mode), ..run };
        if !held {
            for step in &mut steps {
                changed.event += 1;
                step.event = changed.event;
            }
            changed.event += 1;
        }
        if decision.to.is_final() {
            changed.ended_at = Some(request.at);
        }
        // What it waited for is over, whatever was decided.
        changed.error.clone_from(&decision.error);
        let change = ControlChange {
            event: (!held).then_some((seen, changed.event)),
            steps,
            error: decision.error,
            ended_at: changed.ended_at,
            mode: decision.mode,
            wake: decision.wake,
        };
        let detail = json!({
            "action": request.action,
            "from": from,
            "to": changed.state,
            "mode": changed.mode,
            "step": change.steps.first().map(|step| step.id),
            "comment": request.comment,
        });
        let entry = audit::by(actor, AuditAction::RunControlled, "run", changed.id, detail);
        if !self.store.control_run(changed.id, from, changed.state, &change, &entry).await? {
            return Ok(None);
        }
        tracing::info!(run.id = %changed.id, run.state = changed.state.as_str(), action = request.action.as_str(), "run controlled");
        if held {
            self.engine.nudge(changed.id);
        } else {
            for step in change.steps {
                self.engine.publish(changed.id, RunEvent::Step(Box::new(step)));
            }
            self.engine.publish(changed.id, RunEvent::Run(Box::new(changed.clone())));
        }
        if change.wake {
            self.engine.wake();
        }
        Ok(Some(changed))
    }
}

/// Whether somebody may control a run: one of their own, or anybody's from sre on.
///
/// # Errors
/// `Forbidden`.
pub fn may_control(actor: &Actor, run: &Run) -> Result<()> {
    authorise(actor, Permission::Execute)?;
    if run.started_by_id == actor.id { Ok(()) } else { authorise(actor, Permission::ControlAny) }
}

/// Whether a worker numbers the events of a run in this state.
fn held_by_worker(state: RunState) -> bool {
    matches!(state, RunState::Running | RunState::Pausing | RunState::Stopping)
}

fn check_comment(comment: Option<String>) -> Result<Option<String>> {
    let comment = comment.map(|comment| comment.trim().to_owned()).filter(|comment| !comment.is_empty());
    if comment.as_ref().is_some_and(|comment| comment.chars().count() > MAX_COMMENT) {
        return Err(Faults::one("$.comment", format!("a comment has at most {MAX_COMMENT} characters")).into());
    }
    Ok(comment)
}

fn decide(run: &Run, steps: &[Step], request: &Request<'_>) -> Result<Decision> {
    let state = run.state;
    let plain = |to: RunState, wake: bool| Decision { to, steps: Vec::new(), error: None, mode: None, wake };
    match request.action {
        ControlAction::Pause => Ok(plain(state.pause()?, false)),
        ControlAction::Resume => Ok(plain(state.resume()?, state == RunState::Paused)),
        ControlAction::Stop => {
            let to = state.stop()?;
            if to.is_final() { end(to, StepState::stop, "stopped", steps, request) } else { Ok(plain(to, false)) }
        }
        ControlAction::Reject => {
            state.answer()?;
            asking_step(steps, request.step)?;
            end(state.fail()?, StepState::fail, "rejected", steps, request)
        }
        ControlAction::Guided => ask_or_not(run, RunMode::Guided),
        ControlAction::Auto => ask_or_not(run, RunMode::Auto),
        ControlAction::Approve | ControlAction::Retry | ControlAction::Skip | ControlAction::Done => {
            let to = state.answer()?;
            let step = answered(asking_step(steps, request.step)?, request)?;
            Ok(Decision { to, steps: vec![step], error: None, mode: None, wake: true })
        }
    }
}

/// Another mode from the next step on; a question that was asked already stays.
fn ask_or_not(run: &Run, mode: RunMode) -> Result<Decision> {
    if run.state.is_final() {
        return Err(ServiceError::conflict(format!("a run that is {} does nothing more", run.state.as_str())));
    }
    if run.mode == mode {
        let already =
            if mode == RunMode::Guided { "the run asks before each step already" } else { "the run goes on by itself already" };
        return Err(ServiceError::conflict(already));
    }
    Ok(Decision { to: run.state, steps: Vec::new(), error: run.error.clone(), mode: Some(mode), wake: false })
}

/// The step that asks: the one that is named, or the first.
fn asking_step(steps: &[Step], named: Option<StepId>) -> Result<&Step> {
    let mut asking = steps.iter().filter(|step| asks(step));
    let Some(named) = named else {
        return asking.next().ok_or_else(|| ServiceError::conflict("no step of this run asks anything"));
    };
    match (asking.clone().find(|step| step.id == named), asking.next()) {
        (Some(asking), _) => Ok(asking),
        (None, _) if !steps.iter().any(|step| step.id == named) => Err(ServiceError::NotFound { what: "step of this run" }),
        (None, Some(other)) => {
            Err(ServiceError::conflict(format!("this step asks nothing; the run waits for an answer to “{}”", other.name)))
        }
        (None, None) => Err(ServiceError::conflict("no step of this run asks anything")),
    }
}

fn asks(step: &Step) -> bool {
    matches!(step.state, StepState::Waiting | StepState::Interrupted)
}

fn answered(asking: &Step, request: &Request<'_>) -> Result<Step> {
    let mut step = Step { answer: Some(request.action), ..asking.clone() };
    match (request.action, asking.state) {
        (ControlAction::Approve, StepState::Interrupted) => {
            return Err(ServiceError::conflict(
                "nobody knows how this step ended, so it cannot be approved: retry it, mark it as done, skip it or stop the run",
            ));
        }
        (ControlAction::Retry, StepState::Waiting) if asking.started_at.is_none() => {
            return Err(ServiceError::conflict(
                "this step was not tried yet, so it cannot be retried: approve it, skip it or stop the run",
            ));
        }
        (ControlAction::Done, StepState::Waiting) if asking.started_at.is_none() => {
            return Err(ServiceError::conflict(
                "this step was not tried yet, so it cannot be marked as done: approve it, skip it or stop the run",
            ));
        }
        (ControlAction::Done, _) => {
            step.state = step.state.succeed()?;
            step.ended_at = Some(request.at);
            step.error = Some(said("marked as done", request));
        }
        (ControlAction::Skip, _) => {
            step.state = step.state.skip()?;
            step.ended_at = Some(request.at);
            step.error = Some(said("skipped", request));
        }
        _ => {}
    }
    Ok(step)
}

/// The end of a run that no worker holds: the step that asked ends as given, the ones that never began are skipped.
fn end(to: RunState, asked: Turn, verb: &str, steps: &[Step], request: &Request<'_>) -> Result<Decision> {
    let error = said(verb, request);
    let mut changed = Vec::new();
    for step in steps.iter().filter(|step| asks(step)) {
        let never_began = to == RunState::Stopped && step.started_at.is_none();
        let error = Some(if never_began { format!("{NOT_STARTED}; {error}") } else { error.clone() });
        let answer = Some(request.action);
        changed.push(Step { state: asked(step.state)?, ended_at: Some(request.at), error, answer, ..step.clone() });
    }
    for step in steps.iter().filter(|step| step.state == StepState::Pending) {
        let reason = if to == RunState::Stopped { RUN_STOPPED } else { NOT_REACHED };
        changed.push(Step { state: step.state.skip()?, error: Some(reason.to_owned()), ..step.clone() });
    }
    Ok(Decision { to, steps: changed, error: Some(error), mode: None, wake: false })
}

/// `rejected by ann: wrong host`
fn said(verb: &str, request: &Request<'_>) -> String {
    match request.comment {
        Some(comment) => format!("{verb} by {}: {comment}", request.by),
        None => format!("{verb} by {}", request.by),
    }
}

#[cfg(test)]
mod tests;
