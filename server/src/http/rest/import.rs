//! `/runbooks/import` and `/runbooks/{id}/export`: runbooks as files.

use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use domain::document::Format;
use domain::{Faults, Problem, RunbookId};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;
use serde_json::Value;
use service::{ExportedRunbook, MAX_IMPORT};
use utoipa::ToSchema;

use super::super::AppState;
use super::super::auth::Asking;
use super::super::extract::{Filter, Path};
use super::super::json;
use super::super::problem::{Answer, ApiError, ProblemBody};
use super::runbooks::created;
use super::views::RunbookRead;

/// A document: one of `markdown` and `yaml`. Where neither is there, the body is taken for a runbook that was exported as JSON.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportBody {
    /// Prose and scripts: headings and text become instructions, shell blocks commands.
    markdown: Option<String>,
    /// A runbook that was exported as YAML.
    yaml: Option<String>,
    /// The title where Markdown has none.
    file_name: Option<String>,
}

/// What was sent, in whichever way.
pub struct Document {
    format: Format,
    text: String,
    file_name: Option<String>,
}

/// How the file is written.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

/// Make a runbook of a document: Markdown, or what was exported as YAML or JSON.
#[utoipa::path(post, path = "/runbooks/import", tag = "runbooks",
    request_body(content((ImportBody = "application/json"), (String = "application/yaml"), (String = "text/markdown"))),
    responses((status = 201, body = RunbookRead), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 413, body = ProblemBody), (status = 415, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn import(State(state): State<AppState>, asking: Asking, document: Document) -> Answer<Response> {
    let Document { format, text, file_name } = document;
    let runbook = state.services.runbooks.import_as(&asking.actor, format, &text, file_name.as_deref()).await?;
    Ok(created(runbook.into()))
}

/// The latest version as a file. YAML and JSON hold all of it and can be imported again.
#[utoipa::path(get, path = "/runbooks/{id}/export", tag = "runbooks", params(("id" = RunbookId, Path), ExportQuery),
    responses((status = 200, description = "The file", content((Value = "application/yaml"), (Value = "application/json"), (String = "text/markdown"))),
        (status = 401, body = ProblemBody), (status = 404, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn export(
    State(state): State<AppState>,
    asking: Asking,
    Path(id): Path<RunbookId>,
    Filter(query): Filter<ExportQuery>,
) -> Answer<Response> {
    let ExportedRunbook { file_name, format, text } = state.services.runbooks.export(&asking.actor, id, query.format).await?;
    let disposition = format!("attachment; filename=\"{file_name}\"");
    Ok(([(CONTENT_TYPE, format.media_type().to_owned()), (CONTENT_DISPOSITION, disposition)], text).into_response())
}

impl<S: Send + Sync> FromRequest<S> for Document {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let is_json = json::is_json(&request);
        let format = match json::media_type(&request).as_deref() {
            _ if is_json => Format::Json,
            Some("text/markdown" | "text/plain") => Format::Markdown,
            Some("application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml") => Format::Yaml,
            _ => {
                let detail =
                    "send JSON, YAML or Markdown, with Content-Type: application/json, application/yaml or text/markdown";
                return Err(Problem::new(415, "unsupported_media_type", detail).into());
            }
        };
        let bytes = json::body(request, MAX_IMPORT).await?;
        if is_json {
            let body: Value = json::read(&bytes)?;
            let is_exported = ["title", "blocks"].iter().any(|key| body.get(key).is_some());
            if !is_exported {
                return json::read::<ImportBody>(&bytes)?.document();
            }
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self { format, text, file_name: None }),
            Err(_) => Err(Problem::new(400, "malformed", "the document is not UTF-8").into()),
        }
    }
}

impl ImportBody {
    fn document(self) -> Result<Document, ApiError> {
        let (format, text) = match (self.markdown, self.yaml) {
            (Some(text), None) => (Format::Markdown, text),
            (None, Some(text)) => (Format::Yaml, text),
            (Some(_), Some(_)) => return Err(Faults::one("$.yaml", "give markdown or yaml, not both").into()),
            (None, None) => {
                return Err(Faults::one(
                    "$.markdown",
                    "“markdown” is missing; yaml, or a runbook that was exported as JSON, will do too",
                )
                .into());
            }
        };
        Ok(Document { format, text, file_name: self.file_name })
    }
}
