//! `/settings`: the installation as its administrators see it.

use axum::Json;
use axum::extract::State;
use domain::InstallationStatus;

use super::super::AppState;
use super::super::auth::Asking;
use super::super::problem::{Answer, ProblemBody};

/// What runs here, how much there is to do, and how it is set; no secret is part of it.
#[utoipa::path(get, path = "/settings", tag = "settings",
    responses((status = 200, body = InstallationStatus), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn read(State(state): State<AppState>, asking: Asking) -> Answer<Json<InstallationStatus>> {
    Ok(Json(state.services.administration.status(&asking.actor).await?))
}
