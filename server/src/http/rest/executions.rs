//! `/runbooks/{id}/execute` and `/executions`: start, look, control.

use axum::Json;
use axum::extract::OriginalUri;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::plan::Selection;
use domain::{BlockId, ControlAction, Faults, RunId, RunMode, RunState, RunbookId, StepId, Timestamp};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::{Report, RunFilter, StartRun};
use utoipa::ToSchema;

use super::super::AppState;
use super::super::auth::Asking;
use super::super::extract::{Filter, Path, page, page_size};
use super::super::json::{Json as Body, PerhapsJson, whole};
use super::super::problem::{Answer, ProblemBody};
use super::notes::NoteRead;
use super::views::{Execution, ExecutionRead, ExecutionStep};

/// What to run, and how; everything by itself where nothing is said.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecuteBody {
    /// The version; the latest where none is named.
    #[serde(default, deserialize_with = "whole")]
    version: Option<u32>,
    /// Only these blocks, each with what is nested in it.
    blocks: Option<Vec<BlockId>>,
    /// This block and everything after it.
    from: Option<BlockId>,
    /// Answers to the runbook's parameters.
    #[schema(value_type = Option<Object>)]
    parameters: Option<Map<String, Value>>,
    mode: Option<RunMode>,
    /// Why, for those who read the history.
    reason: Option<String>,
}

/// Which block of which runbook to run, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecuteBlockBody {
    runbook_id: RunbookId,
    block_id: BlockId,
    /// The version; the latest where none is named.
    #[serde(default, deserialize_with = "whole")]
    version: Option<u32>,
    /// Answers to the runbook's parameters.
    #[schema(value_type = Option<Object>)]
    parameters: Option<Map<String, Value>>,
    mode: Option<RunMode>,
    /// Why, for those who read the history.
    reason: Option<String>,
}

/// A run was started, and where it is.
type Accepted = (StatusCode, [(HeaderName, String); 1], Json<Started>);

/// The run that was started.
#[derive(Debug, Serialize, ToSchema)]
pub struct Started {
    job_id: RunId,
}

/// What to do with a run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlBody {
    action: ControlAction,
    /// The step that waits; needed where several do.
    step_id: Option<StepId>,
    comment: Option<String>,
}

/// What narrows the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Of this runbook.
    runbook: Option<RunbookId>,
    /// In this state.
    state: Option<RunState>,
    /// Started by this user.
    user: Option<String>,
    /// Started at or after.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Started before.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Items of a page, 1 to 200; 50 where nothing is said.
    limit: Option<u32>,
    /// From the `Link` of the page before.
    cursor: Option<String>,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReportFormat {
    /// For people: to paste into a ticket.
    #[default]
    Markdown,
    /// For programs: the run with its steps.
    Json,
}

/// How the report is written.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReportQuery {
    #[serde(default)]
    #[param(inline)]
    format: ReportFormat,
}

/// Start a run. The same request with the same `Idempotency-Key` starts no second one: it is answered with the first.
#[utoipa::path(post, path = "/runbooks/{id}/execute", tag = "executions",
    params(("id" = RunbookId, Path), ("Idempotency-Key" = Option<String>, Header, description = "Names the request; a UUID will do")), request_body = Option<ExecuteBody>,
    responses((status = 202, body = Started), (status = 401, body = ProblemBody),
        (status = 403, description = "The role runs nothing, or nothing on one of the hosts", body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, description = "It has no blocks", body = ProblemBody),
        (status = 422, body = ProblemBody)))]
pub async fn execute(
    State(state): State<AppState>,
    asking: Asking,
    Path(id): Path<RunbookId>,
    headers: HeaderMap,
    PerhapsJson(body): PerhapsJson<ExecuteBody>,
) -> Answer<Accepted> {
    let options = StartRun { idempotency_key: idempotency_key(&headers), ..start_run(body)? };
    let run = state.services.runs.start(&asking.actor, id, options).await?;
    Ok(accepted(run.id))
}

/// Run one block of a runbook, with what is nested in it; a run like any other.
#[utoipa::path(post, path = "/blocks/execute", tag = "executions",
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request; a UUID will do")), request_body = ExecuteBlockBody,
    responses((status = 202, body = Started), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, description = "The runbook has no blocks", body = ProblemBody),
        (status = 422, body = ProblemBody)))]
pub async fn execute_block(
    State(state): State<AppState>,
    asking: Asking,
    headers: HeaderMap,
    Body(body): Body<ExecuteBlockBody>,
) -> Answer<Accepted> {
    let options = StartRun {
        version: body.version,
        selection: Selection::Only(vec![body.block_id]),
        parameters: body.parameters.unwrap_or_default(),
        mode: body.mode.unwrap_or_default(),
        reason: body.reason,
        idempotency_key: idempotency_key(&headers),
    };
    let run = state.services.runs.start(&asking.actor, body.runbook_id, options).await?;
    Ok(accepted(run.id))
}

/// Runs, newest first.
#[utoipa::path(get, path = "/executions", tag = "executions", params(ListQuery),
    responses((status = 200, body = Vec<Execution>, headers(("Link" = String))), (status = 401, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn list(
    State(state): State<AppState>,
    asking: Asking,
    Filter(query): Filter<ListQuery>,
    uri: OriginalUri,
) -> Answer<(HeaderMap, Json<Vec<Execution>>)> {
    let filter = RunFilter {
        runbook: query.runbook,
        state: query.state,
        user: query.user,
        since: query.since,
        until: query.until,
        limit: page_size(query.limit)?,
        cursor: query.cursor,
    };
    let runs = state.services.runs.list(&asking.actor, filter).await?;
    Ok(page::<_, Execution>(&uri, runs))
}

/// A run, its steps and the tail of what they wrote.
#[utoipa::path(get, path = "/executions/{job_id}", tag = "executions", params(("job_id" = RunId, Path)),
    responses((status = 200, body = ExecutionRead), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn read(State(state): State<AppState>, asking: Asking, Path(id): Path<RunId>) -> Answer<Json<ExecutionRead>> {
    Ok(Json(state.services.runs.report(&asking.actor, id).await?.into()))
}

/// A run told for people or programs: what was done, by whom, how each step came out, and the end of what it wrote.
#[utoipa::path(get, path = "/executions/{job_id}/report", tag = "executions", params(("job_id" = RunId, Path), ReportQuery),
    responses((status = 200, description = "The report", content((String = "text/markdown"), (ExecutionRead = "application/json"))),
        (status = 401, body = ProblemBody), (status = 404, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn report(
    State(state): State<AppState>,
    asking: Asking,
    Path(id): Path<RunId>,
    Filter(query): Filter<ReportQuery>,
) -> Answer<Response> {
    let report = state.services.runs.report(&asking.actor, id).await?;
    Ok(match query.format {
        ReportFormat::Markdown => ([(CONTENT_TYPE, "text/markdown; charset=utf-8")], report.markdown()).into_response(),
        ReportFormat::Json => Json(ExecutionRead::from(report)).into_response(),
    })
}

impl From<Report> for ExecutionRead {
    fn from(report: Report) -> Self {
        let steps = report.steps.into_iter().map(|(step, output)| ExecutionStep::new(step, output)).collect();
        let notes = report.notes.into_iter().map(NoteRead::from).collect();
        Self { execution: report.run.into(), steps, notes }
    }
}

/// Pause, resume, stop, or answer what it asks.
#[utoipa::path(post, path = "/executions/{job_id}/control", tag = "executions", params(("job_id" = RunId, Path)), request_body = ControlBody,
    responses((status = 202, body = Execution), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn control(
    State(state): State<AppState>,
    asking: Asking,
    Path(id): Path<RunId>,
    Body(body): Body<ControlBody>,
) -> Answer<(StatusCode, Json<Execution>)> {
    let run = state.services.runs.control(&asking.actor, id, body.action, body.step_id, body.comment).await?;
    Ok((StatusCode::ACCEPTED, Json(run.into())))
}

pub(super) fn start_run(body: ExecuteBody) -> Result<StartRun, Faults> {
    let selection = match (body.blocks, body.from) {
        (None, None) => Selection::All,
        (Some(blocks), None) => Selection::Only(blocks),
        (None, Some(from)) => Selection::From(from),
        (Some(_), Some(_)) => return Err(Faults::one("$.from", "give blocks or from, not both")),
    };
    Ok(StartRun {
        version: body.version,
        selection,
        parameters: body.parameters.unwrap_or_default(),
        mode: body.mode.unwrap_or_default(),
        reason: body.reason,
        idempotency_key: None,
    })
}

/// A value that is no text is passed on as one that is refused.
fn idempotency_key(headers: &HeaderMap) -> Option<String> {
    headers.get("idempotency-key").map(|value| value.to_str().unwrap_or_default().to_owned())
}

fn accepted(run: RunId) -> Accepted {
    (StatusCode::ACCEPTED, [(LOCATION, format!("/api/v1/executions/{run}"))], Json(Started { job_id: run }))
}
