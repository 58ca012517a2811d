//! `POST /runbooks/import`: a Markdown document becomes a runbook.

use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use domain::Problem;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::AppState;
use super::super::auth::Asking;
use super::super::json;
use super::super::problem::{Answer, ApiError, ProblemBody};
use super::runbooks::created;
use super::views::RunbookRead;

/// The largest document, in bytes.
const MAX_DOCUMENT: usize = 16 * 1024 * 1024;

/// A document.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportBody {
    markdown: String,
    /// The title where the document has none.
    file_name: Option<String>,
}

/// Make a runbook of a Markdown document, sent as JSON or as `text/markdown`.
#[utoipa::path(post, path = "/runbooks/import", tag = "runbooks",
    request_body(content((ImportBody = "application/json"), (String = "text/markdown"))),
    responses((status = 201, body = RunbookRead), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 413, body = ProblemBody), (status = 415, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn import(State(state): State<AppState>, asking: Asking, document: ImportBody) -> Answer<Response> {
    let (markdown, file_name) = (&document.markdown, document.file_name.as_deref());
    let runbook = state.services.runbooks.import(&asking.actor, markdown, file_name).await?;
    Ok(created(runbook.into()))
}

impl<S: Send + Sync> FromRequest<S> for ImportBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let is_json = json::is_json(&request);
        if !is_json && !matches!(json::media_type(&request).as_deref(), Some("text/markdown" | "text/plain")) {
            let detail = "send JSON or Markdown, with Content-Type: application/json or text/markdown";
            return Err(Problem::new(415, "unsupported_media_type", detail).into());
        }
        let bytes = json::body(request, MAX_DOCUMENT).await?;
        if is_json {
            return json::read(&bytes);
        }
        match String::from_utf8(bytes) {
            Ok(markdown) => Ok(Self { markdown, file_name: None }),
            Err(_) => Err(Problem::new(400, "malformed", "the document is not UTF-8").into()),
        }
    }
}
