//! `/runbooks/{id}/preflight`: a look before a run.

use axum::Json;
use axum::extract::State;
use domain::{Preflight, RunbookId};

use super::super::AppState;
use super::super::auth::Asking;
use super::super::extract::Path;
use super::super::json::PerhapsJson;
use super::super::problem::{Answer, ProblemBody};
use super::executions::{ExecuteBody, start_run};

/// What a run with this body would come to: everything that would refuse it or fail it, as far as that is known before, and exactly
/// what would run. Nothing is run; its hosts are looked at from outside, its credentials opened and dropped.
#[utoipa::path(post, path = "/runbooks/{id}/preflight", tag = "executions", params(("id" = RunbookId, Path)), request_body = Option<ExecuteBody>,
    responses((status = 200, body = Preflight), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, description = "There is nothing to run", body = ProblemBody),
        (status = 422, description = "A selected block is not there", body = ProblemBody)))]
pub async fn preflight(
    State(state): State<AppState>,
    asking: Asking,
    Path(id): Path<RunbookId>,
    PerhapsJson(body): PerhapsJson<ExecuteBody>,
) -> Answer<Json<Preflight>> {
    Ok(Json(state.services.runs.preflight(&asking.actor, id, start_run(body)?).await?))
}
