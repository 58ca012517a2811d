//! The task of one run: what it holds, and the ways in which it writes.

use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use domain::host::LOCAL;
use domain::plan::lay_out;
use domain::run::{ImpossibleStep, NOT_REACHED, NOT_STARTED, RUN_STOPPED};
use domain::{BlockType, Run, RunEvent, RunMode, RunState, Step, StepState};
use runner::RunningProcess;
use store::{Claim, Progress, Saved, StoreError};
use tokio::sync::watch;
use tracing::{debug, error, info, warn};

use crate::error::Halt;
use crate::executors::egress::Rules;
use crate::executors::process::end_found;
use crate::fault::fail_by_fault;
use crate::handle::Shared;
use crate::held::Control;
use crate::hosts::{Hosts, targets_of};
use crate::output::Stored;
use crate::pen::Pen;
use crate::secrets::Secrets;
use crate::template::Context;

/// How often the store is asked again before a run is given up, the waits doubling from the first.
const ATTEMPTS: u32 = 9;
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// The way of a step from one state to another.
pub(crate) type Turn = fn(StepState) -> Result<StepState, ImpossibleStep>;

/// A run in hand.
pub(crate) struct RunTask {
    pub(crate) shared: Arc<Shared>,
    pub(crate) control: Arc<Control>,
    pub(crate) asked: watch::Receiver<(RunState, RunMode)>,
    pub(crate) pen: Pen,
    /// Every attempt at every step.
    pub(crate) steps: Vec<Step>,
    /// The newest attempt of each ordinal, as an index into `steps`.
    pub(crate) newest: Vec<usize>,
    /// Steps that changed since the last write.
    pub(crate) dirty: BTreeSet<usize>,
    pub(crate) secrets: Secrets,
    pub(crate) context: Context,
    /// The hosts that its blocks name.
    pub(crate) hosts: Arc<Hosts>,
    /// Which addresses its API calls may go to.
    pub(crate) egress: Rules,
    /// Processes that earlier workers have started and that were found again, by step, with what the store has of their output.
    pub(crate) found: HashMap<usize, (RunningProcess, Stored)>,
    /// The run itself changed in more than its state, and viewers are to hear of it.
    pub(crate) tell: bool,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Commit {
    /// It is durable.
    Done,
    /// Nothing was written: a person changed the run's state or mode meanwhile, which `Pen::run` now says.
    Moved,
}

/// Drives a run until it is at rest, lost or handed back.
pub(crate) async fn drive(shared: Arc<Shared>, control: Arc<Control>, claim: Claim) {
    let id = claim.run.id;
    let halt = match take_up(&shared, &control, claim).await {
        Ok(()) => return,
        Err(halt) => halt,
    };
    match halt {
        Halt::AtRest => debug!("the run is at rest"),
        Halt::Lost => info!(run.id = %id, "the lease was lost; another worker goes on"),
        Halt::HandBack => hand_back(&shared, &control).await,
        Halt::Store(cause) => {
            error!(error = &cause as &dyn Error, "the store failed; the run is handed back when it answers again");
            hand_back(&shared, &control).await;
        }
        Halt::WrongTurn(cause) => {
            error!(error = &cause as &dyn Error, "a fault of the engine ends the run");
            fail_by_fault(&shared, &control).await;
        }
    }
}

/// Gives the run back, however long the store takes to answer; our other leases are renewed meanwhile, and so is this one.
pub(crate) async fn hand_back(shared: &Shared, control: &Control) {
    control.hands_back();
    loop {
        match shared.store.hand_back(&control.lease, Utc::now()).await {
            Ok(true) => return,
            // Another worker has it.
            Ok(false) => return control.lost.cancel(),
            Err(cause) => warn!(error = &cause as &dyn Error, "a run could not be handed back; trying again"),
        }
        if shared.closing.is_cancelled() {
            // The lease ends by itself.
            return;
        }
        tokio::time::sleep(shared.config.poll).await;
    }
}

/// Asks the store again where it fails, with growing waits.
pub(crate) async fn persist<T, F>(mut ask: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut wait = FIRST_WAIT;
    for _ in 1..ATTEMPTS {
        match ask().await {
            Err(cause) if !matches!(cause, StoreError::Malformed { .. }) => {
                warn!(error = &cause as &dyn Error, "the store failed; trying again");
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            answer => return answer,
        }
    }
    ask().await
}

async fn take_up(shared: &Arc<Shared>, control: &Arc<Control>, claim: Claim) -> Result<(), Halt> {
    let mut task = RunTask::new(shared, control, claim.run).await?;
    let halt = task.go(claim.taken_over).await;
    if let Err(Halt::Lost) = halt {
        // What was found running and not followed yet.
        for (index, (process, _)) in std::mem::take(&mut task.found) {
            end_found(shared, task.steps[index].id.to_string(), process).await;
        }
    }
    // Saying goodbye to hosts keeps nobody waiting.
    let hosts = std::mem::take(&mut task.hosts);
    tokio::spawn(async move { hosts.close().await });
    halt
}

impl RunTask {
    /// What the store has of a run that we hold; not yet what its secrets are.
    pub(crate) async fn new(shared: &Arc<Shared>, control: &Arc<Control>, run: Run) -> Result<Self, Halt> {
        let pen = Pen::new(shared, control, run);
        let steps = persist(|| shared.store.steps(pen.run.id)).await?;
        // The role that counts is the one of now: who lost it since has lost this too.
        let starter = pen.run.started_by_id;
        let role = persist(|| shared.store.account(starter)).await?.map(|account| account.role);
        let hosts = Arc::new(Hosts::of_run(shared, &steps).await?);
        let mut task = Self {
            shared: Arc::clone(shared),
            control: Arc::clone(control),
            asked: control.asked.subscribe(),
            pen,
            newest: Vec::new(),
            steps,
            dirty: BTreeSet::new(),
            secrets: Secrets::default(),
            context: Context::default(),
            hosts,
            egress: shared.config.egress.rules(role),
            found: HashMap::new(),
            tell: false,
        };
        task.pen.has_given_out(task.last_number());
        task.asked.mark_unchanged();
        Ok(task)
    }

    /// Goes through the run.
    async fn go(&mut self, taken_over: bool) -> Result<(), Halt> {
        let shared = Arc::clone(&self.shared);
        let (id, version) = (self.pen.run.runbook_id, self.pen.run.version);
        let Some(runbook) = persist(|| shared.store.runbook_version(id, version)).await? else {
            return self.end_unwalked("the runbook's version is not in the store any more").await;
        };
        let targets = targets_of(&self.steps);
        let plan = lay_out(&runbook.blocks, &targets);
        self.find_newest(plan.len());
        if self.newest.len() != plan.len() {
            return self.end_unwalked("the run's steps do not match its runbook").await;
        }
        let blocks: Vec<_> = plan.iter().map(|planned| planned.block).collect();
        match Secrets::of_run(&shared, &self.pen.run, &blocks, &self.hosts).await? {
            Ok(secrets) => self.secrets = secrets,
            Err(message) => return self.end_unwalked(&message).await,
        }
        let secret: Vec<String> =
            runbook.parameters.iter().filter(|parameter| parameter.is_secret()).map(|parameter| parameter.name.clone()).collect();
        self.context.set_parameters(&self.pen.run.parameters, &secret);
        self.context.set_run(&self.pen.run);
        if self.pen.run.started_at.is_none() {
            metrics::counter!("runbook_studio_runs_started").increment(1);
            info!(runbook = %id, version, "run started");
        } else {
            info!(taken_over, "run taken up again");
            self.remember(&plan).await?;
        }
        self.settle_lost(&plan).await?;
        self.walk(&plan).await
    }

    /// Writes the changed steps and the run in the given state, in one transaction.
    pub(crate) async fn commit(&mut self, to: RunState, release: bool) -> Result<Commit, Halt> {
        let _order = self.pen.order().await;
        let from = self.pen.run.state;
        let tell = self.tell || to != from;
        let mut changed = Vec::with_capacity(self.dirty.len());
        for index in &self.dirty {
            self.steps[*index].event = self.pen.next_event();
            changed.push(self.steps[*index].clone());
        }
        if tell {
            self.pen.next_event();
        }
        self.pen.has_given_out(0);
        let run = Run { state: to, ..self.pen.run.clone() };
        // A step that begins in the instant in which a person asks for the guided mode must ask before it.
        let progress = Progress { run: &run, expect: &[from], mode: Some(run.mode), steps: &changed, release };
        let mut asked = 0;
        let (store, lease) = (&self.shared.store, &self.pen.control.lease);
        let saving = persist(|| {
            asked += 1;
            store.save_progress(lease, &progress)
        });
        // Once the run is given back it is not ours any more, which is heard of before the answer sometimes.
        let saved = if release { saving.await? } else { self.pen.unless_lost(saving).await?? };
        match saved {
            Saved::Written => {}
            // The answer to an earlier try was lost on its way, but the write was not.
            Saved::Moved(state, _) if asked > 1 && state == to && to != from => {}
            Saved::Lost if asked > 1 && release => {}
            Saved::Moved(state, mode) => {
                self.pen.announce((state, mode));
                return Ok(Commit::Moved);
            }
            Saved::Lost => return Err(Halt::Lost),
        }
        self.dirty.clear();
        self.pen.run = run;
        for step in changed {
            count(&step);
            self.forget(&step);
            self.pen.publish(RunEvent::Step(Box::new(step)));
        }
        self.tell = false;
        if tell {
            if to.is_final() {
                metrics::counter!("runbook_studio_runs_finished", "state" => to.as_str()).increment(1);
                info!(run.state = to.as_str(), "run finished");
            }
            self.pen.publish(RunEvent::Run(Box::new(self.pen.run.clone())));
        }
        Ok(Commit::Done)
    }

    /// Ends the run. A run that a person is stopping ends as stopped, whatever came of it meanwhile.
    pub(crate) async fn end(&mut self, state: RunState, error: Option<String>) -> Result<(), Halt> {
        loop {
            let from = self.pen.run.state;
            let to = match state {
                _ if from == RunState::Stopping => from.stopped(),
                RunState::Succeeded => from.succeed(),
                RunState::Stopped => from.stop().and_then(RunState::stopped),
                _ => from.fail(),
            };
            // Somebody else has settled it.
            let Ok(to) = to else { return Err(Halt::Lost) };
            let reason = if to == RunState::Stopped { RUN_STOPPED } else { NOT_REACHED };
            let now = Utc::now();
            for index in self.newest.clone() {
                match self.steps[index].state {
                    StepState::Pending => self.skip(index, reason)?,
                    // A timer, a question, or what a lost worker left.
                    StepState::Running | StepState::Waiting | StepState::Interrupted => {
                        let step = &mut self.steps[index];
                        let reason = if step.started_at.is_some() { reason } else { NOT_STARTED };
                        step.error =
                            step.error.take().filter(|_| step.state == StepState::Interrupted).or(Some(reason.to_owned()));
                        step.state = step.state.stop()?;
                        step.due_at = None;
                        step.ended_at = Some(now);
                        self.dirty.insert(index);
                    }
                    _ => {}
                }
            }
            self.pen.run.error.clone_from(&error);
            self.pen.run.ended_at = Some(now);
            if self.commit(to, true).await? == Commit::Done {
                return Err(Halt::AtRest);
            }
            self.pen.run.ended_at = None;
        }
    }

    /// Puts the run aside until a person acts: `Waiting`, or `Interrupted`. Returns when a person changed its state first.
    pub(crate) async fn rest(&mut self, state: RunState, error: String) -> Result<(), Halt> {
        let to = match state {
            RunState::Waiting => self.pen.run.state.ask(),
            _ => self.pen.run.state.interrupt(),
        };
        let Ok(to) = to else { return Ok(()) };
        self.pen.run.error = Some(error);
        if self.commit(to, true).await? == Commit::Done {
            return Err(Halt::AtRest);
        }
        self.pen.run.error = None;
        Ok(())
    }

    /// Looks, between two steps, at what people asked for: holds, stops or hands back.
    pub(crate) async fn boundary(&mut self) -> Result<(), Halt> {
        if self.control.lost.is_cancelled() {
            return Err(Halt::Lost);
        }
        if self.asked.has_changed().unwrap_or(false) {
            let asked = *self.asked.borrow_and_update();
            self.pen.announce(asked);
        }
        loop {
            match self.pen.run.state {
                RunState::Stopping => return self.end(RunState::Stopped, None).await,
                RunState::Pausing => {
                    if self.commit(RunState::Paused, true).await? == Commit::Done {
                        return Err(Halt::AtRest);
                    }
                }
                RunState::Running if self.shared.closing.is_cancelled() => {
                    if self.dirty.is_empty() || self.commit(RunState::Running, false).await? == Commit::Done {
                        return Err(Halt::HandBack);
                    }
                }
                RunState::Running => return Ok(()),
                _ => return Err(Halt::Lost),
            }
        }
    }

    /// Takes a step to its next state.
    pub(crate) fn turn(&mut self, index: usize, turn: Turn) -> Result<(), Halt> {
        let step = &mut self.steps[index];
        step.state = turn(step.state)?;
        self.dirty.insert(index);
        Ok(())
    }

    /// Marks a step as skipped.
    pub(crate) fn skip(&mut self, index: usize, reason: &str) -> Result<(), Halt> {
        self.turn(index, StepState::skip)?;
        let step = &mut self.steps[index];
        step.due_at = None;
        step.error = Some(reason.to_owned());
        Ok(())
    }

    /// Adds another attempt at a step, pending.
    pub(crate) fn attempt_again(&mut self, index: usize) -> usize {
        let last = &self.steps[index];
        let next = Step {
            id: domain::StepId::new(),
            attempt: last.attempt + 1,
            state: StepState::Pending,
            exit_code: None,
            result: None,
            started_at: None,
            ended_at: None,
            due_at: None,
            error: None,
            answer: None,
            last_output: 0,
            ..last.clone()
        };
        let ordinal = next.ordinal as usize;
        let added = self.steps.len();
        self.steps.push(next);
        self.newest[ordinal] = added;
        self.dirty.insert(added);
        added
    }

    pub(crate) fn find_newest(&mut self, blocks: usize) {
        let mut newest: Vec<Option<usize>> = vec![None; blocks];
        for (index, step) in self.steps.iter().enumerate() {
            if let Some(place) = newest.get_mut(step.ordinal as usize)
                && place.is_none_or(|other| self.steps[other].attempt < step.attempt)
            {
                *place = Some(index);
            }
        }
        self.newest = newest.into_iter().flatten().collect();
    }

    /// The runner need not keep what the store has.
    fn forget(&self, step: &Step) {
        let is_process = matches!(step.kind, BlockType::Command | BlockType::Condition);
        if !step.state.is_final() || !is_process || step.host.as_deref().is_some_and(|host| host != LOCAL) {
            return;
        }
        self.shared.runner.forget_soon(step.id.to_string());
    }
}

fn count(step: &Step) {
    if step.state.is_final() {
        metrics::counter!("runbook_studio_steps_total", "type" => step.kind.as_str(), "state" => step.state.as_str())
            .increment(1);
        if let (Some(from), Some(to)) = (step.started_at, step.ended_at) {
            let seconds = (to - from).to_std().unwrap_or_default().as_secs_f64();
            metrics::histogram!("runbook_studio_step_seconds", "type" => step.kind.as_str()).record(seconds);
        }
    }
}
