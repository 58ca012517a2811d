//! `/executions/{job_id}/notes`: what people wrote on a run.

use axum::Json;
use axum::extract::State;
use domain::{AccountId, Note, NoteId, RunId, StepId, Timestamp};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::AppState;
use super::super::auth::Asking;
use super::super::extract::Path;
use super::super::json::Json as Body;
use super::super::problem::{Answer, ProblemBody};

/// A note to write.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteBody {
    /// At most 4,000 characters; line ends are kept, and it is no markup.
    #[schema(min_length = 1, max_length = 4000)]
    text: String,
    /// The step it is about.
    step_id: Option<StepId>,
}

/// A note on a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoteRead {
    id: NoteId,
    author: String,
    author_id: AccountId,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Secrets of the run are masked.
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    step_id: Option<StepId>,
}

impl From<Note> for NoteRead {
    fn from(note: Note) -> Self {
        let Note { id, author, author_id, at, text, step, deleted_at: _ } = note;
        Self { id, author, author_id, at, text, step_id: step }
    }
}

/// The notes on a run, the first one first.
#[utoipa::path(get, path = "/executions/{job_id}/notes", tag = "executions", params(("job_id" = RunId, Path)),
    responses((status = 200, body = Vec<NoteRead>), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn notes(State(state): State<AppState>, asking: Asking, Path(id): Path<RunId>) -> Answer<Json<Vec<NoteRead>>> {
    let notes = state.services.runs.notes(&asking.actor, id).await?;
    Ok(Json(notes.into_iter().map(NoteRead::from).collect()))
}

/// Write a note on a run, while it goes on or afterwards.
#[utoipa::path(post, path = "/executions/{job_id}/notes", tag = "executions", params(("job_id" = RunId, Path)), request_body = NoteBody,
    responses((status = 201, body = NoteRead), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, description = "The run has 500 notes", body = ProblemBody),
        (status = 422, body = ProblemBody)))]
pub async fn add_note(
    State(state): State<AppState>,
    asking: Asking,
    Path(id): Path<RunId>,
    Body(body): Body<NoteBody>,
) -> Answer<(StatusCode, Json<NoteRead>)> {
    let note = state.services.runs.add_note(&asking.actor, id, &body.text, body.step_id).await?;
    Ok((StatusCode::CREATED, Json(note.into())))
}

/// Delete one's own note while the run is not over.
#[utoipa::path(delete, path = "/executions/{job_id}/notes/{note_id}", tag = "executions",
    params(("job_id" = RunId, Path), ("note_id" = NoteId, Path)),
    responses((status = 204), (status = 401, body = ProblemBody),
        (status = 403, description = "The role writes no notes, or somebody else wrote this one", body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, description = "The run is over", body = ProblemBody)))]
pub async fn delete_note(
    State(state): State<AppState>,
    asking: Asking,
    Path((run, note)): Path<(RunId, NoteId)>,
) -> Answer<StatusCode> {
    state.services.runs.delete_note(&asking.actor, run, note).await?;
    Ok(StatusCode::NO_CONTENT)
}
