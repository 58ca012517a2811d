//! Runs: starting, watching, controlling, history.

use std::collections::BTreeMap;

use domain::{
    AccountId, BlockId, Chunk, ControlAction, Note, NoteId, Overview, Page, Run, RunId, RunState, RunbookId, Step, StepId,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use server_fn::codec::Json;

use super::codec::Text;
#[cfg(feature = "ssr")]
use super::server::{actor, services};
use crate::error::Result;

/// A run ready to be shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunPage {
    /// The run.
    pub run: Run,
    /// Its steps, every attempt, in the order of execution.
    pub steps: Vec<Step>,
    /// The end of what each step wrote so far (at most 64 KiB), by step, and whether anything came before it.
    pub tails: Vec<(StepId, String, bool)>,
    /// The Markdown of its instructions as clean HTML, by ordinal.
    pub prose: Vec<(u32, String)>,
    /// What people wrote on it, the first one first.
    pub notes: Vec<Note>,
    /// How many milliseconds such a run usually takes, where earlier ones succeeded.
    pub usual_millis: Option<u64>,
    /// Whether the person who looks may control it.
    pub may_control: bool,
    /// Whether they may start another one, and write notes.
    pub may_run: bool,
    /// Whose notes are their own.
    pub me: AccountId,
}

/// What waits for one, what goes on, what failed, what one uses.
#[server(prefix = "/rpc", endpoint = "get_home", output = Text)]
pub async fn get_home() -> Result<Overview> {
    let actor = actor().await?;
    Ok(services()?.home.overview(&actor).await?)
}

/// Starts a run: of one block alone (`block`), of one and all after it (`from`), of chosen blocks (`only` set, ids in `blocks`), or of
/// everything.
#[server(prefix = "/rpc", endpoint = "start_run", output = Text)]
pub async fn start_run(
    id: RunbookId,
    #[server(default)] blocks: Vec<BlockId>,
    #[server(default)] only: bool,
    #[server(default)] from: Option<BlockId>,
    #[server(default)] block: Option<BlockId>,
    #[server(default)] parameters: BTreeMap<String, String>,
    #[server(default)] reason: Option<String>,
    #[server(default)] guided: bool,
) -> Result<RunId> {
    let actor = actor().await?;
    let start = start_of((blocks, only, from, block), parameters, reason, guided);
    let run = services()?.runs.start(&actor, id, start).await?;
    leptos_axum::redirect(&format!("/runs/{}", run.id));
    Ok(run.id)
}

/// Runs one block of a version, and stays where it was asked.
#[server(prefix = "/rpc", endpoint = "run_block", output = Text, input = Json)]
pub async fn run_block(id: RunbookId, version: u32, block: BlockId, parameters: BTreeMap<String, String>) -> Result<RunId> {
    let actor = actor().await?;
    let start = start_of((Vec::new(), false, None, Some(block)), parameters, None, false);
    let start = service::StartRun { version: Some(version), ..start };
    Ok(services()?.runs.start(&actor, id, start).await?.id)
}

/// What the fields of the form ask for: chosen blocks and whether only those, from which one on, which one alone; the answers.
#[cfg(feature = "ssr")]
pub(super) fn start_of(
    (blocks, only, from, block): (Vec<BlockId>, bool, Option<BlockId>, Option<BlockId>),
    parameters: BTreeMap<String, String>,
    reason: Option<String>,
    guided: bool,
) -> service::StartRun {
    use domain::{RunMode, plan::Selection};
    use serde_json::Value;

    let selection = match (block, from) {
        (Some(block), _) => Selection::Only(vec![block]),
        (None, Some(block)) => Selection::From(block),
        (None, None) if only => Selection::Only(blocks),
        (None, None) => Selection::All,
    };
    service::StartRun {
        selection,
        parameters: parameters.into_iter().map(|(name, value)| (name, Value::String(value))).collect(),
        mode: if guided { RunMode::Guided } else { RunMode::Auto },
        reason: super::runbooks::given(reason),
        ..service::StartRun::default()
    }
}

/// A run, its steps and the end of what each wrote.
#[server(prefix = "/rpc", endpoint = "get_run", output = Text)]
pub async fn get_run(id: RunId) -> Result<RunPage> {
    use domain::{BlockType, Permission};

    use crate::components::markdown::server::render;

    let actor = actor().await?;
    let runs = services()?.runs;
    let (run, steps) = runs.get(&actor, id).await?;
    let mut tails = Vec::new();
    // One that runs has written, too, whatever its row says.
    for step in steps.iter().filter(|step| step.started_at.is_some()) {
        let (tail, is_cut) = runs.tail_or_whole(&actor, id, step).await?;
        tails.push((step.id, tail, is_cut));
    }
    let prose = steps.iter().filter(|step| step.kind == BlockType::Instruction).map(|step| (step.ordinal, render(&step.what)));
    Ok(RunPage {
        usual_millis: runs.usual_millis(&actor, run.runbook_id).await?,
        may_control: service::may_control(&actor, &run).is_ok(),
        may_run: actor.may(Permission::Execute),
        me: actor.id,
        prose: prose.collect(),
        notes: runs.notes(&actor, id).await?,
        run,
        steps,
        tails,
    })
}

/// A run told in Markdown, to paste elsewhere.
#[server(prefix = "/rpc", endpoint = "get_report", output = Text)]
pub async fn get_report(id: RunId) -> Result<String> {
    let actor = actor().await?;
    Ok(services()?.runs.report(&actor, id).await?.markdown())
}

/// The text of a run's instruction, with the values that were put into it, as clean HTML.
#[server(prefix = "/rpc", endpoint = "get_instruction", output = Text)]
pub async fn get_instruction(id: RunId, ordinal: u32) -> Result<String> {
    use domain::{BlockType, Problem};

    let actor = actor().await?;
    let (_, steps) = services()?.runs.get(&actor, id).await?;
    let step = steps.iter().rfind(|step| step.ordinal == ordinal && step.kind == BlockType::Instruction);
    let step = step.ok_or_else(|| Problem::new(404, "not_found", "the run has no such instruction"))?;
    Ok(crate::components::markdown::server::render(&step.what))
}

/// What a step wrote after the piece with this number, at most `limit` pieces.
#[server(prefix = "/rpc", endpoint = "get_output", output = Text)]
pub async fn get_output(id: RunId, step: StepId, after: u64, limit: u32) -> Result<Vec<Chunk>> {
    let actor = actor().await?;
    Ok(services()?.runs.output(&actor, id, step, after, limit.clamp(1, 400)).await?)
}

/// The notes on a run, the first one first.
#[server(prefix = "/rpc", endpoint = "list_notes", output = Text)]
pub async fn list_notes(id: RunId) -> Result<Vec<Note>> {
    let actor = actor().await?;
    Ok(services()?.runs.notes(&actor, id).await?)
}

/// Writes a note on a run, perhaps about one of its steps.
#[server(prefix = "/rpc", endpoint = "add_note", output = Text)]
pub async fn add_note(id: RunId, text: String, #[server(default)] step: Option<String>) -> Result<Note> {
    use domain::Problem;

    let actor = actor().await?;
    // A form that names no step sends an empty one.
    let step = super::runbooks::given(step).map(|step| step.parse()).transpose();
    let step = step.map_err(|_| Problem::new(400, "malformed", "that is no step"))?;
    Ok(services()?.runs.add_note(&actor, id, &text, step).await?)
}

/// Deletes one's own note on a run that is not over.
#[server(prefix = "/rpc", endpoint = "delete_note", output = Text)]
pub async fn delete_note(id: RunId, note: NoteId) -> Result<NoteId> {
    let actor = actor().await?;
    services()?.runs.delete_note(&actor, id, note).await?;
    Ok(note)
}

/// A page of runs, the newest first. `since` and `until` are days (`2027-01-31`, UTC), both inclusive.
#[server(prefix = "/rpc", endpoint = "list_runs", output = Text)]
pub async fn list_runs(
    #[server(default)] runbook: Option<RunbookId>,
    #[server(default)] state: Option<RunState>,
    #[server(default)] user: Option<String>,
    #[server(default)] since: Option<String>,
    #[server(default)] until: Option<String>,
    #[server(default)] cursor: Option<String>,
) -> Result<Page<Run>> {
    use service::RunFilter;

    use crate::state::day::{after_day, beginning_of_day};

    let actor = actor().await?;
    let filter = RunFilter {
        runbook,
        state,
        user: super::runbooks::given(user),
        since: since.as_deref().and_then(beginning_of_day),
        until: until.as_deref().and_then(after_day),
        limit: 50,
        cursor: super::runbooks::given(cursor),
    };
    Ok(services()?.runs.list(&actor, filter).await?)
}

/// Pauses, resumes or stops a run, or answers its question.
#[server(prefix = "/rpc", endpoint = "control_run", output = Text)]
pub async fn control_run(
    id: RunId,
    action: ControlAction,
    #[server(default)] step: Option<StepId>,
    #[server(default)] comment: Option<String>,
) -> Result<Run> {
    let actor = actor().await?;
    Ok(services()?.runs.control(&actor, id, action, step, super::runbooks::given(comment)).await?)
}
