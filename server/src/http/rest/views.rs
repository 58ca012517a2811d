//! What the API answers, as it stands on the wire.

use domain::run::{RunMode, RunState, StepState};
use domain::runbook::LastRun;
use domain::{AccountId, Block, BlockId, BlockType, Parameter, Role, Run, RunId, Runbook, RunbookId, Step, StepId, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::notes::NoteRead;

/// One version of a runbook.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunbookRead {
    id: RunbookId,
    title: String,
    description: String,
    tags: Vec<String>,
    parameters: Vec<Parameter>,
    /// `{id, name?, type, config, on_failure?, timeout?, retry?, confirm?, when?}`
    #[schema(value_type = Vec<Object>)]
    blocks: Vec<Block>,
    version: u32,
    /// What this version changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    updated_by: String,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: Option<LastRun>,
}

/// A run without its steps.
#[derive(Debug, Serialize, ToSchema)]
pub struct Execution {
    job_id: RunId,
    number: u64,
    runbook_id: RunbookId,
    runbook_title: String,
    version: u32,
    /// `pending`, `running`, `completed` or `failed`
    status: &'static str,
    state: RunState,
    mode: RunMode,
    /// Secret ones are masked.
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    started_by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The number of its last event: where to begin to watch.
    event: u64,
}

/// A run with its steps.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExecutionRead {
    /// The run.
    #[serde(flatten)]
    pub execution: Execution,
    /// In the order of the plan, attempts in order.
    pub steps: Vec<ExecutionStep>,
    /// What people wrote on it, the first one first.
    pub notes: Vec<NoteRead>,
}

/// One attempt at one step.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExecutionStep {
    id: StepId,
    block_id: BlockId,
    block_name: String,
    #[serde(rename = "type")]
    kind: BlockType,
    attempt: u32,
    /// `pending`, `running`, `success` or `error`
    status: &'static str,
    state: StepState,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// The last 64 KiB of it.
    output: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The one who asks.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// The account's id.
    pub id: AccountId,
    /// The name to sign in with.
    pub username: String,
    /// What it is trusted with.
    pub role: Role,
}

impl From<Runbook> for RunbookRead {
    fn from(runbook: Runbook) -> Self {
        Self {
            id: runbook.id,
            title: runbook.title,
            description: runbook.description,
            tags: runbook.tags,
            parameters: runbook.parameters,
            blocks: runbook.blocks,
            version: runbook.version,
            message: runbook.message,
            created_by: runbook.created_by,
            created_at: runbook.created_at,
            updated_by: runbook.updated_by,
            updated_at: runbook.updated_at,
            last_run: runbook.last_run,
        }
    }
}

impl RunbookRead {
    /// The number of this version.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// Its address under the API.
    pub fn address(&self) -> String {
        format!("/api/v1/runbooks/{}", self.id)
    }
}

impl From<Run> for Execution {
    fn from(run: Run) -> Self {
        Self {
            job_id: run.id,
            number: run.number,
            runbook_id: run.runbook_id,
            runbook_title: run.runbook_title,
            version: run.version,
            status: run.state.status(),
            state: run.state,
            mode: run.mode,
            parameters: run.parameters,
            reason: run.reason,
            started_by: run.started_by,
            created_at: run.created_at,
            started_at: run.started_at,
            ended_at: run.ended_at,
            error: run.error,
            event: run.event,
        }
    }
}

impl ExecutionStep {
    /// A step with the tail of its output.
    pub fn new(step: Step, output: String) -> Self {
        Self {
            id: step.id,
            block_id: step.block_id,
            block_name: step.name,
            kind: step.kind,
            attempt: step.attempt,
            status: step.state.status(),
            state: step.state,
            exit_code: step.exit_code,
            output,
            started_at: step.started_at,
            ended_at: step.ended_at,
            host: step.host,
            error: step.error,
        }
    }
}
