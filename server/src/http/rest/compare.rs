//! `/runbooks/{id}/diff`: two versions side by side.

use axum::Json;
use axum::extract::State;
use domain::RunbookId;
use domain::diff::RunbookDiff;
use serde::Deserialize;

use super::super::AppState;
use super::super::auth::Asking;
use super::super::extract::{Filter, Path};
use super::super::problem::{Answer, ProblemBody};

/// Which versions.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// The left side; the version before the right one where none is named.
    from: Option<u32>,
    /// The right side; the newest version where none is named.
    to: Option<u32>,
}

/// What is different between two versions: blocks by their ids, with the lines and words that changed.
#[utoipa::path(get, path = "/runbooks/{id}/diff", tag = "runbooks", params(("id" = RunbookId, Path), DiffQuery),
    responses((status = 200, body = RunbookDiff), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn diff(
    State(state): State<AppState>,
    asking: Asking,
    Path(id): Path<RunbookId>,
    Filter(query): Filter<DiffQuery>,
) -> Answer<Json<RunbookDiff>> {
    Ok(Json(state.services.runbooks.diff(&asking.actor, id, query.from, query.to).await?))
}
