//! A store, a vault, an engine, and short ways to say what a test needs.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use domain::block::{BlockKind, CommandBlock, TimerBlock};
use domain::plan::{Selection, Targets, lay_out, select};
use domain::{
    Account, AccountId, AuditAction, AuditEntry, Block, ControlAction, CredentialId, CredentialKind, CredentialSummary,
    Parameter, Role, Run, RunEvent, RunId, RunMode, RunState, Runbook, RunbookId, Seconds, Step, StepState, Stream, Username,
};
use engine::plan_steps::initial_steps;
use engine::{Engine, EngineConfig, EngineHandle};
use runner::Runner;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use store::{ControlChange, Store};
use tempfile::TempDir;
use tokio::sync::broadcast;
use vault::Vault;

use crate::runner_process;

pub struct World {
    pub store: Store,
    pub vault: Vault,
    pub engine: EngineHandle,
    pub task: tokio::task::JoinHandle<()>,
    pub runner: Runner,
    /// Who starts the runs: an sre.
    pub starter: AccountId,
    folder: TempDir,
}

/// What a run is started with.
pub struct Start {
    pub parameters: Vec<Parameter>,
    pub answers: Value,
    pub secret: Option<Value>,
    pub selection: Selection,
    pub mode: RunMode,
    pub targets: Targets,
}

impl Default for Start {
    fn default() -> Self {
        Self {
            parameters: Vec::new(),
            answers: json!({}),
            secret: None,
            selection: Selection::All,
            mode: RunMode::Auto,
            targets: Targets::new(),
        }
    }
}

/// Somebody who watches a run.
pub struct Viewer(broadcast::Receiver<Arc<RunEvent>>);

impl Viewer {
    /// What is told until the run comes to the state: `run running`, `step 0.1 running`, `step 0.1 stdout "hello\n"`, without
    /// what is told twice running. The number of a step is its place and its attempt.
    pub async fn until(&mut self, state: RunState) -> Vec<String> {
        let mut told: Vec<String> = Vec::new();
        let end = format!("run {}", state.as_str());
        while told.last() != Some(&end) {
            let event = tokio::time::timeout(Duration::from_secs(20), self.0.recv()).await;
            let event = event.unwrap_or_else(|_| panic!("waited too long for {end} after {told:#?}")).unwrap();
            let words = match &*event {
                RunEvent::Run(run) => format!("run {}", run.state.as_str()),
                RunEvent::Step(step) => format!("step {}.{} {}", step.ordinal, step.attempt, step.state.as_str()),
                RunEvent::Note(note) => format!("note by {}", note.author),
                RunEvent::Output(piece) => {
                    let stream = if piece.stream == Stream::Stdout { "stdout" } else { "stderr" };
                    format!("step {}.{} {stream} {:?}", piece.ordinal, piece.attempt, piece.text)
                }
            };
            if told.last() != Some(&words) {
                told.push(words);
            }
        }
        told
    }
}

pub fn config(owner: &str) -> EngineConfig {
    EngineConfig {
        owner: owner.to_owned(),
        lease: Duration::from_secs(2),
        heartbeat: Duration::from_millis(300),
        poll: Duration::from_millis(100),
        sweep: Duration::from_millis(300),
        stop_grace: Duration::from_millis(500),
        ..EngineConfig::default()
    }
}

pub fn audit(action: AuditAction) -> AuditEntry {
    AuditEntry {
        at: Utc::now(),
        actor: None,
        actor_name: "ann".into(),
        address: None,
        action,
        target: "test".into(),
        detail: Value::Null,
    }
}

pub fn command(text: &str) -> Block {
    Block::new("", BlockKind::Command(CommandBlock { command: text.into(), ..CommandBlock::default() }))
}

pub fn named(name: &str, block: Block) -> Block {
    Block { name: name.into(), ..block }
}

pub fn timer(millis: u64) -> Block {
    Block::new("", BlockKind::Timer(TimerBlock { duration: Seconds::from_millis(millis).unwrap() }))
}

/// Asks until there is an answer.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(config("one")).await
    }

    pub async fn with(config: EngineConfig) -> Self {
        Self::over(Store::connect("mem://", None).await.unwrap(), config).await
    }

    pub async fn over(store: Store, config: EngineConfig) -> Self {
        let vault = Vault::ephemeral();
        let folder = tempfile::tempdir().unwrap();
        let runner = runner_process::runner(&folder.path().join("runner"));
        let (engine, task) = Engine::start(config, store.clone(), vault.clone(), runner.clone());
        let starter = account(&store, Role::Sre).await;
        Self { store, vault, engine, task, runner, starter, folder }
    }

    /// Another engine over the same store, with the same runner or with one that knows nothing.
    pub fn restart(&mut self, same_runner: bool) {
        if !same_runner {
            self.forget_the_runner();
        }
        self.restart_with(config("two"));
    }

    /// From now on another runner, which knows of no step.
    pub fn forget_the_runner(&mut self) {
        self.runner = runner_process::runner(&self.folder.path().join("other"));
    }

    /// Another engine over the same store, with the runner there is.
    pub fn restart_with(&mut self, config: EngineConfig) {
        (self.engine, self.task) = Engine::start(config, self.store.clone(), self.vault.clone(), self.runner.clone());
    }

    pub async fn start(&self, blocks: Vec<Block>) -> RunId {
        self.start_with(blocks, Start::default()).await
    }

    pub async fn start_with(&self, blocks: Vec<Block>, start: Start) -> RunId {
        self.start_watched(blocks, start).await.0
    }

    /// A run, watched from before its beginning.
    pub async fn start_watched(&self, blocks: Vec<Block>, start: Start) -> (RunId, Viewer) {
        let now = Utc::now();
        let runbook = Runbook {
            id: RunbookId::new(),
            title: "A runbook".into(),
            description: String::new(),
            tags: Vec::new(),
            parameters: start.parameters,
            blocks,
            version: 1,
            message: None,
            created_by: "ann".into(),
            created_at: now,
            updated_by: "ann".into(),
            updated_at: now,
            last_run: None,
        };
        self.store.create_runbook(&runbook, &[], &audit(AuditAction::RunbookCreated)).await.unwrap();
        let plan = lay_out(&runbook.blocks, &start.targets);
        let selected: HashSet<u32> = select(&plan, &start.selection).unwrap();
        let steps = initial_steps(&plan, &selected);
        let Value::Object(answers) = start.answers else { panic!("answers are an object") };
        let run = Run { started_by_id: self.starter, ..new_run(&runbook, answers, start.mode, steps.len() as u64 + 1) };
        let sealed =
            start.secret.map(|secret| self.vault.seal(&run.id.to_string(), 1, &SecretString::from(secret.to_string())).unwrap());
        let viewer = Viewer(self.engine.subscribe(run.id));
        let run = self.store.start_run(run, &steps, sealed.as_deref(), None, &audit(AuditAction::RunStarted)).await.unwrap();
        let store::Started::New(run) = run else { panic!("{run:?}") };
        self.engine.wake();
        (run.id, viewer)
    }

    pub async fn credential(&self, name: &str, secret: &str) -> CredentialId {
        let id = CredentialId::new();
        let sealed = self.vault.seal(&id.to_string(), 1, &SecretString::from(secret)).unwrap();
        let summary = CredentialSummary {
            id,
            name: name.into(),
            kind: CredentialKind::Api,
            created_at: Utc::now(),
            created_by: "ann".into(),
            last_used_at: None,
            last_used_by: None,
            secret_lost_at: None,
        };
        assert!(self.store.create_credential(&summary, &sealed, &audit(AuditAction::CredentialCreated)).await.unwrap());
        id
    }

    pub async fn run(&self, id: RunId) -> Run {
        self.store.run(id).await.unwrap().unwrap()
    }

    pub async fn steps(&self, id: RunId) -> Vec<Step> {
        self.store.steps(id).await.unwrap()
    }

    /// Waits for a run to come to a state, and gives its steps.
    pub async fn reaches(&self, id: RunId, state: RunState) -> (Run, Vec<Step>) {
        until(state.as_str(), || async {
            let run = self.run(id).await;
            if run.state.is_final() && run.state != state {
                panic!("the run ended as {run:?} with {:#?}", self.steps(id).await);
            }
            (run.state == state).then_some(())
        })
        .await;
        (self.run(id).await, self.steps(id).await)
    }

    pub async fn output(&self, id: RunId, step: &Step, stream: Stream) -> String {
        let pieces = self.store.output(id, step.ordinal, step.attempt, 0, 10_000).await.unwrap();
        pieces.iter().filter(|piece| piece.stream == stream).map(|piece| piece.text.as_str()).collect()
    }

    pub async fn stdout(&self, id: RunId, step: &Step) -> String {
        self.output(id, step, Stream::Stdout).await
    }

    /// Waits until a step is in a state.
    pub async fn step_is(&self, id: RunId, ordinal: u32, state: StepState) -> Step {
        until(state.as_str(), || async {
            self.steps(id).await.into_iter().rev().find(|step| step.ordinal == ordinal && step.state == state)
        })
        .await
    }

    /// Waits until a step is in another state than this one.
    pub async fn step_is_past(&self, id: RunId, ordinal: usize, state: StepState) {
        until("another state", || async { (self.steps(id).await[ordinal].state != state).then_some(()) }).await;
    }

    /// What `service` does where a person ends a run that no worker holds.
    pub async fn settle(&self, id: RunId, to: RunState, steps: Vec<Step>) {
        let run = self.run(id).await;
        let change = ControlChange { event: Some((run.event, run.event + 1)), steps, ..ControlChange::default() };
        let done = self.store.control_run(id, run.state, to, &change, &audit(AuditAction::RunControlled)).await;
        assert!(done.unwrap());
    }

    /// What `service` does for pause and stop of a run that a worker holds.
    pub async fn control(&self, id: RunId, from: RunState, to: RunState) {
        let change = ControlChange::default();
        assert!(self.store.control_run(id, from, to, &change, &audit(AuditAction::RunControlled)).await.unwrap(), "{from:?}");
        self.engine.nudge(id);
    }

    /// What `service` does for resume and answers.
    pub async fn go_on(&self, id: RunId, answered: Option<(Step, ControlAction)>) {
        let run = self.run(id).await;
        let mut event = run.event;
        let steps = answered.map(|(mut step, answer)| {
            event += 1;
            step.answer = Some(answer);
            step.event = event;
            if answer == ControlAction::Skip {
                step.state = StepState::Skipped;
            }
            step
        });
        let change = ControlChange {
            event: Some((run.event, event + 1)),
            steps: steps.into_iter().collect(),
            wake: true,
            ..ControlChange::default()
        };
        let done = self.store.control_run(id, run.state, RunState::Running, &change, &audit(AuditAction::RunControlled)).await;
        assert!(done.unwrap());
        self.engine.wake();
    }
}

/// Adds an account of this role.
pub async fn account(store: &Store, role: Role) -> AccountId {
    let id = AccountId::new();
    let username = Username::parse(&format!("{role}-{id}")).unwrap();
    let account = Account { id, username, role, created_at: Utc::now(), disabled_at: None };
    assert!(store.create_account(&account, "", false, &audit(AuditAction::SignUp)).await.unwrap());
    id
}

fn new_run(runbook: &Runbook, answers: Map<String, Value>, mode: RunMode, event: u64) -> Run {
    Run {
        id: RunId::new(),
        number: 0,
        runbook_id: runbook.id,
        runbook_title: runbook.title.clone(),
        version: 1,
        state: RunState::Queued,
        mode,
        parameters: answers,
        reason: None,
        started_by: "ann".into(),
        started_by_id: AccountId::new(),
        created_at: Utc::now(),
        started_at: None,
        ended_at: None,
        error: None,
        event,
    }
}
