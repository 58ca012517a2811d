//! `/runbooks`: read, write, versions.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{Problem, RunbookDraft, RunbookId};
use http::header::{ETAG, IF_MATCH, LOCATION};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use service::RunbookFilter;
use utoipa::ToSchema;

use super::super::AppState;
use super::super::auth::Asking;
use super::super::extract::{Filter, Path, page, page_size};
use super::super::json::{Json as Body, missing};
use super::super::problem::{Answer, ProblemBody, etag};
use super::views::RunbookRead;

/// What narrows the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Words of title, description or tags.
    q: Option<String>,
    /// A tag.
    tag: Option<String>,
    /// Only one's favourites.
    favourites: Option<bool>,
    /// Items of a page, 1 to 200; 50 where nothing is said.
    limit: Option<u32>,
    /// From the `Link` of the page before.
    cursor: Option<String>,
}

/// A new runbook; `openapi::bodies` says what it holds, and the domain reads it, so that every fault is named.
#[derive(ToSchema)]
#[schema(as = RunbookDraft)]
pub struct DraftSchema {}

/// The next version of one.
#[derive(ToSchema)]
#[schema(as = RunbookChange)]
pub struct ChangeSchema {}

/// The latest version of each runbook, the newest change first.
#[utoipa::path(get, path = "/runbooks", tag = "runbooks", params(ListQuery),
    responses((status = 200, body = Vec<RunbookRead>, headers(("Link" = String))), (status = 401, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn list(
    State(state): State<AppState>,
    asking: Asking,
    Filter(query): Filter<ListQuery>,
    uri: axum::extract::OriginalUri,
) -> Answer<(HeaderMap, Json<Vec<RunbookRead>>)> {
    let filter = RunbookFilter {
        q: query.q,
        tag: query.tag,
        favourites: query.favourites.unwrap_or_default(),
        limit: page_size(query.limit)?,
        cursor: query.cursor,
    };
    let runbooks = state.services.runbooks.list(&asking.actor, filter).await?;
    Ok(page::<_, RunbookRead>(&uri, runbooks))
}

/// Make a runbook.
#[utoipa::path(post, path = "/runbooks", tag = "runbooks", request_body = DraftSchema,
    responses((status = 201, body = RunbookRead), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn create(State(state): State<AppState>, asking: Asking, Body(body): Body<Value>) -> Answer<Response> {
    let draft = missing(&body, &["description"]).and_with(RunbookDraft::parse(&body))?;
    let runbook = state.services.runbooks.create(&asking.actor, draft).await?;
    Ok(created(runbook.into()))
}

/// The latest version.
#[utoipa::path(get, path = "/runbooks/{id}", tag = "runbooks", params(("id" = RunbookId, Path)),
    responses((status = 200, body = RunbookRead), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn read(State(state): State<AppState>, asking: Asking, Path(id): Path<RunbookId>) -> Answer<Response> {
    let runbook = state.services.runbooks.get(&asking.actor, id).await?;
    Ok(tagged(runbook.into()))
}

/// A new version. `If-Match: "<version>"` refuses to overwrite somebody else's.
#[utoipa::path(put, path = "/runbooks/{id}", tag = "runbooks", request_body = ChangeSchema,
    params(("id" = RunbookId, Path), ("If-Match" = Option<String>, Header, description = "The version it is based on, in quotes")),
    responses((status = 200, body = RunbookRead), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, description = "Others keep changing it", body = ProblemBody),
        (status = 412, description = "Somebody else changed it", body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn update(
    State(state): State<AppState>,
    asking: Asking,
    Path(id): Path<RunbookId>,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> Answer<Response> {
    let if_match = if_match(&headers)?;
    let draft = missing(&body, &["description", "blocks"]).and_with(RunbookDraft::parse(&body))?;
    let runbook = state.services.runbooks.update(&asking.actor, id, draft, if_match).await?;
    Ok(tagged(runbook.into()))
}

/// Delete it; runs and audit stay readable.
#[utoipa::path(delete, path = "/runbooks/{id}", tag = "runbooks", params(("id" = RunbookId, Path)),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn delete(State(state): State<AppState>, asking: Asking, Path(id): Path<RunbookId>) -> Answer<StatusCode> {
    state.services.runbooks.delete(&asking.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make it a favourite of one's own; once more changes nothing.
#[utoipa::path(put, path = "/runbooks/{id}/favourite", tag = "runbooks", params(("id" = RunbookId, Path)),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn add_favourite(State(state): State<AppState>, asking: Asking, Path(id): Path<RunbookId>) -> Answer<StatusCode> {
    state.services.runbooks.set_favourite(&asking.actor, id, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let a favourite of one's own go; once more changes nothing.
#[utoipa::path(delete, path = "/runbooks/{id}/favourite", tag = "runbooks", params(("id" = RunbookId, Path)),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn remove_favourite(State(state): State<AppState>, asking: Asking, Path(id): Path<RunbookId>) -> Answer<StatusCode> {
    state.services.runbooks.set_favourite(&asking.actor, id, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Every version, newest first.
#[utoipa::path(get, path = "/runbooks/{id}/versions", tag = "runbooks", params(("id" = RunbookId, Path)),
    responses((status = 200, body = Vec<RunbookRead>), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn versions(
    State(state): State<AppState>,
    asking: Asking,
    Path(id): Path<RunbookId>,
) -> Answer<Json<Vec<RunbookRead>>> {
    let versions = state.services.runbooks.versions(&asking.actor, id).await?;
    Ok(Json(versions.into_iter().map(RunbookRead::from).collect()))
}

/// One version.
#[utoipa::path(get, path = "/runbooks/{id}/versions/{n}", tag = "runbooks", params(("id" = RunbookId, Path), ("n" = u32, Path)),
    responses((status = 200, body = RunbookRead), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn version(State(state): State<AppState>, asking: Asking, Path((id, n)): Path<(RunbookId, u32)>) -> Answer<Response> {
    let runbook = state.services.runbooks.version(&asking.actor, id, n).await?;
    Ok(tagged(runbook.into()))
}

/// A new version that restores everything of an old one.
#[utoipa::path(post, path = "/runbooks/{id}/versions/{n}/rollback", tag = "runbooks", params(("id" = RunbookId, Path), ("n" = u32, Path)),
    responses((status = 200, body = RunbookRead), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, description = "Others keep changing it", body = ProblemBody)))]
pub async fn roll_back(State(state): State<AppState>, asking: Asking, Path((id, n)): Path<(RunbookId, u32)>) -> Answer<Response> {
    let runbook = state.services.runbooks.roll_back(&asking.actor, id, n).await?;
    Ok(tagged(runbook.into()))
}

/// The answer to a runbook that was made.
pub fn created(runbook: RunbookRead) -> Response {
    (StatusCode::CREATED, [(LOCATION, runbook.address())], tagged(runbook)).into_response()
}

fn tagged(runbook: RunbookRead) -> Response {
    ([(ETAG, etag(runbook.version()))], Json(runbook)).into_response()
}

/// The version that a change is based on; `*` and nothing mean any.
fn if_match(headers: &HeaderMap) -> Result<Option<u32>, Problem> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).parse();
    version.map(Some).map_err(|_| Problem::new(400, "malformed", "If-Match holds a version in quotes, such as \"3\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_is_a_version_in_quotes() {
        for (text, expected) in
            [("\"3\"", Ok(Some(3))), ("3", Ok(Some(3))), ("*", Ok(None)), ("\"x\"", Err(400)), ("W/\"3\"", Err(400))]
        {
            let headers = HeaderMap::from_iter([(IF_MATCH, text.parse().expect("a header"))]);
            assert_eq!(if_match(&headers).map_err(|problem| problem.status), expected, "{text}");
        }
    }
}
