//! `/keys`: the keys to the stored secrets; replaced by administrators while everything goes on.

use axum::Json;
use axum::extract::State;
use domain::KeyStatus;
use http::StatusCode;

use super::super::AppState;
use super::super::auth::Asking;
use super::super::problem::{Answer, ProblemBody};

/// The keys to the stored secrets, and how far a rotation is.
#[utoipa::path(get, path = "/keys", tag = "keys",
    responses((status = 200, body = KeyStatus), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn status(State(state): State<AppState>, asking: Asking) -> Answer<Json<KeyStatus>> {
    Ok(Json(state.services.keys.status(&asking.actor)?))
}

/// Make a new key, and encrypt every stored secret anew for it in the background; one that stopped half way goes on.
#[utoipa::path(post, path = "/keys/rotate", tag = "keys",
    responses((status = 202, body = KeyStatus), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 409, description = "A rotation is under way", body = ProblemBody)))]
pub async fn rotate(State(state): State<AppState>, asking: Asking) -> Answer<(StatusCode, Json<KeyStatus>)> {
    Ok((StatusCode::ACCEPTED, Json(state.services.keys.rotate(&asking.actor).await?)))
}
