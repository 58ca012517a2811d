//! Starting a run: its version pinned, its parameters settled, its steps laid out, in one commit with its audit row.

use std::collections::BTreeSet;

use domain::plan::{Selection, Targets, lay_out, select};
use domain::{
    Actor, AuditAction, Block, Faults, Parameter, Permission, Run, RunId, RunMode, RunState, Runbook, RunbookId, parameter,
};
use engine::plan_steps::initial_steps;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use store::{Idempotency, Started};

use super::{Runs, targets};
use crate::authorise::authorise;
use crate::hosts::may_run_on;
use crate::{Result, ServiceError, audit, now, references};

/// What stands where a secret answer was.
pub const MASK: &str = "••••••";

/// The longest reason, in characters.
pub const MAX_REASON: usize = 500;
/// The longest key that names a request, in ASCII characters.
pub const MAX_REQUEST_KEY: usize = 255;
/// The version under which a run's secret answers are sealed: a run has them once.
const SEAL_VERSION: u32 = 1;

/// How a run is to be done.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StartRun {
    /// The version; the latest where none is given.
    pub version: Option<u32>,
    /// Which part of it.
    pub selection: Selection,
    /// Answers to its parameters.
    pub parameters: Map<String, Value>,
    /// Whether it asks before each step.
    pub mode: RunMode,
    /// Why.
    pub reason: Option<String>,
    /// Names the request: the same one with the same key starts no second run.
    pub idempotency_key: Option<String>,
}

impl Runs {
    /// Queues a run and wakes the engine.
    ///
    /// # Errors
    /// `Forbidden` to viewers, `HostForbidden`, `NotFound`, `Invalid` for parameters, selection and hosts that are not there,
    /// `Conflict` where there is nothing to run.
    pub async fn start(&self, actor: &Actor, runbook: RunbookId, options: StartRun) -> Result<Run> {
        authorise(actor, Permission::Execute)?;
        let runbook = self.version_to_run(runbook, options.version).await?;
        if runbook.blocks.is_empty() {
            return Err(ServiceError::conflict("this runbook has no blocks to run"));
        }
        let reason = check_reason(options.reason)?;
        let idempotency_key = check_key(options.idempotency_key)?;
        let answers = parameter::resolve(&runbook.parameters, &options.parameters)?;
        let (targets, faults) = self.settle_targets(&runbook.blocks, &options.selection).await?;
        faults.into_result(())?;
        let plan = lay_out(&runbook.blocks, &targets);
        let selected = select(&plan, &options.selection).map_err(|id| unknown_block(&options.selection, id))?;
        let uses = references::hosts(&runbook.blocks, &plan, &selected);
        may_run_on(&self.store, &self.local, actor, &uses).await?;

        let id = RunId::new();
        let steps = initial_steps(&plan, &selected);
        let (shown, secrets) = mask(&runbook.parameters, answers);
        let idempotency = idempotency_key.map(|key| {
            let request = json!([runbook.id, options.version, selected_as(&options.selection), shown, options.mode, reason]);
            Idempotency { key: fingerprint(&key), request: fingerprint(&request.to_string()) }
        });
        let storing = if secrets.is_empty() { None } else { Some(self.vault.storing().await) };
        let sealed = self.seal(id, &secrets)?;
        let run = Run {
            id,
            number: 0,
            runbook_id: runbook.id,
            runbook_title: runbook.title,
            version: runbook.version,
            state: RunState::Queued,
            mode: options.mode,
            parameters: shown,
            reason,
            started_by: actor.username.to_string(),
            started_by_id: actor.id,
            created_at: now(),
            started_at: None,
            ended_at: None,
            error: None,
            event: steps.iter().map(|step| step.event).max().unwrap_or(0) + 1,
        };
        let detail = json!({
            "runbook": run.runbook_id,
            "title": run.runbook_title,
            "version": run.version,
            "mode": run.mode,
            "steps": selected.len(),
            "hosts": uses.iter().map(|used| used.host.as_str()).collect::<BTreeSet<_>>(),
            "parameters": run.parameters,
            "reason": run.reason,
        });
        let entry = audit::by(actor, AuditAction::RunStarted, "run", id, detail);
        let store = self.store.clone();
        let start = async move {
            let started = store.start_run(run, &steps, sealed.as_deref(), idempotency.as_ref(), &entry).await;
            drop(storing);
            started
        };
        // With a secret not in this task: who asked may go away, and a rotation of the key waits until it is stored.
        let started = if secrets.is_empty() { start.await } else { tokio::spawn(start).await.map_err(ServiceError::internal)? };
        let run = match started? {
            Started::New(run) => run,
            Started::Before(run) => return Ok(run),
            Started::OtherRequest => {
                return Err(
                    Faults::one("Idempotency-Key", "this key was sent with another request before; choose a new one").into()
                );
            }
        };
        tracing::info!(run.id = %run.id, run.number, runbook.id = %run.runbook_id, runbook.version = run.version, "run queued");
        self.engine.wake_for(run.id);
        Ok(run)
    }

    /// The hosts of the selected blocks that name several, and what is wrong with those.
    pub(super) async fn settle_targets(&self, blocks: &[Block], selection: &Selection) -> Result<(Targets, Faults)> {
        let nothing = Targets::new();
        let plan = lay_out(blocks, &nothing);
        let selected = select(&plan, selection).map_err(|id| unknown_block(selection, id))?;
        if selected.is_empty() {
            return Err(Faults::one("$.blocks", "choose at least one block").into());
        }
        let chosen = plan.iter().filter(|planned| selected.contains(&planned.ordinal)).map(|planned| planned.block.id).collect();
        targets::settle(&self.store, blocks, &chosen).await
    }

    /// A deleted runbook is not run, not even in a version that is still readable.
    pub(super) async fn version_to_run(&self, id: RunbookId, version: Option<u32>) -> Result<Runbook> {
        let latest = self.store.runbook(id).await?.ok_or(ServiceError::NotFound { what: "runbook" })?;
        match version {
            Some(version) if version != latest.version => {
                self.store.runbook_version(id, version).await?.ok_or(ServiceError::NotFound { what: "version of this runbook" })
            }
            _ => Ok(latest),
        }
    }

    fn seal(&self, run: RunId, secrets: &Map<String, Value>) -> Result<Option<Vec<u8>>> {
        if secrets.is_empty() {
            return Ok(None);
        }
        let text = SecretString::from(serde_json::to_string(secrets).map_err(ServiceError::internal)?);
        Ok(Some(self.vault.seal(&run.to_string(), SEAL_VERSION, &text)?))
    }
}

pub(super) fn check_reason(reason: Option<String>) -> Result<Option<String>> {
    let reason = reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > MAX_REASON) {
        return Err(Faults::one("$.reason", format!("a reason has at most {MAX_REASON} characters")).into());
    }
    Ok(reason)
}

fn check_key(key: Option<String>) -> Result<Option<String>> {
    if key
        .as_ref()
        .is_some_and(|key| !(1..=MAX_REQUEST_KEY).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        return Err(Faults::one(
            "Idempotency-Key",
            format!("a key is 1 to {MAX_REQUEST_KEY} visible ASCII characters, such as a UUID"),
        )
        .into());
    }
    Ok(key)
}

/// SHA-256 as hexadecimal digits.
fn fingerprint(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A selection as a repeated request is compared by it.
fn selected_as(selection: &Selection) -> Value {
    match selection {
        Selection::All => json!("all"),
        Selection::Only(blocks) => json!({ "only": blocks }),
        Selection::From(block) => json!({ "from": block }),
    }
}

pub(super) fn unknown_block(selection: &Selection, id: domain::BlockId) -> ServiceError {
    let path = if matches!(selection, Selection::From(_)) { "$.from" } else { "$.blocks" };
    Faults::one(path, format!("this version has no block {id}")).into()
}

/// The answers as everybody may see them, and the secret ones as they are.
fn mask(parameters: &[Parameter], answers: Map<String, Value>) -> (Map<String, Value>, Map<String, Value>) {
    let mut shown = answers;
    let mut secrets = Map::new();
    for parameter in parameters.iter().filter(|parameter| parameter.is_secret()) {
        let Some(answer) = shown.get_mut(&parameter.name).filter(|answer| answer.as_str() != Some("")) else { continue };
        secrets.insert(parameter.name.clone(), answer.take());
        *answer = Value::String(MASK.to_owned());
    }
    (shown, secrets)
}
