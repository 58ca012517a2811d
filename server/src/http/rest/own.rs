//! `/users/me/…`: one's own password, API keys and sessions.

use axum::Json;
use axum::extract::State;
use domain::{ApiKeyId, ApiKeySummary, Scope, SessionId, SessionSummary};
use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use service::NewKey;
use utoipa::ToSchema;

use super::super::AppState;
use super::super::auth::{Asking, Shown};
use super::super::extract::Path;
use super::super::json::{Json as Body, whole};
use super::super::problem::{Answer, ProblemBody};

/// The old and the new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    #[schema(value_type = String, format = "password")]
    current_password: SecretString,
    #[schema(value_type = String, format = "password", min_length = 12)]
    new_password: SecretString,
}

/// A new API key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyBody {
    name: String,
    /// What it may be used for, within what its owner may.
    #[serde(default = "read_only")]
    scopes: Vec<Scope>,
    /// How many days it lasts; for ever where nothing is said.
    #[serde(default, deserialize_with = "whole")]
    expires_in_days: Option<u32>,
}

/// The key that was made.
#[derive(Serialize, ToSchema)]
pub struct ApiKeyAnswer {
    #[serde(flatten)]
    summary: ApiKeySummary,
    /// The key itself; it is shown this once.
    api_key: String,
}

fn read_only() -> Vec<Scope> {
    vec![Scope::Read]
}

/// Change one's password. Ends all one's sessions and API keys, the one that is shown too.
#[utoipa::path(put, path = "/users/me/password", tag = "users", request_body = PasswordBody,
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 422, description = "The new password is weak, or the present one wrong", body = ProblemBody),
        (status = 429, body = ProblemBody)))]
pub async fn change_password(
    State(state): State<AppState>,
    asking: Asking,
    Body(body): Body<PasswordBody>,
) -> Answer<StatusCode> {
    state.services.accounts.change_password(&asking.actor, body.current_password, body.new_password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One's API keys, the latest first.
#[utoipa::path(get, path = "/users/me/api-keys", tag = "users",
    responses((status = 200, body = Vec<ApiKeySummary>), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn api_keys(State(state): State<AppState>, asking: Asking) -> Answer<Json<Vec<ApiKeySummary>>> {
    Ok(Json(state.services.accounts.api_keys(&asking.actor).await?))
}

/// Make an API key.
#[utoipa::path(post, path = "/users/me/api-keys", tag = "users", request_body = ApiKeyBody,
    responses((status = 201, body = ApiKeyAnswer), (status = 401, body = ProblemBody),
        (status = 403, description = "The key that is shown has not these scopes itself", body = ProblemBody),
        (status = 409, description = "There are too many", body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn create_api_key(
    State(state): State<AppState>,
    asking: Asking,
    Body(body): Body<ApiKeyBody>,
) -> Answer<(StatusCode, Json<ApiKeyAnswer>)> {
    let wish = NewKey { name: body.name, scopes: body.scopes, expires_in_days: body.expires_in_days };
    let (summary, secret) = state.services.accounts.create_api_key(&asking.actor, wish).await?;
    Ok((StatusCode::CREATED, Json(ApiKeyAnswer { summary, api_key: secret.expose_secret().to_owned() })))
}

/// Revoke one of one's API keys.
#[utoipa::path(delete, path = "/users/me/api-keys/{id}", tag = "users", params(("id" = ApiKeyId, Path)),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
pub async fn revoke_api_key(State(state): State<AppState>, asking: Asking, Path(id): Path<ApiKeyId>) -> Answer<StatusCode> {
    state.services.accounts.revoke_api_key(&asking.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The browsers in which one is signed in.
#[utoipa::path(get, path = "/users/me/sessions", tag = "users",
    responses((status = 200, body = Vec<SessionSummary>), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn sessions(State(state): State<AppState>, asking: Asking) -> Answer<Json<Vec<SessionSummary>>> {
    let current = match &asking.shown {
        Shown::Session(token) => Some(token.expose_secret()),
        Shown::Key(_) => None,
    };
    Ok(Json(state.services.accounts.sessions(&asking.actor, current).await?))
}

/// Sign out of all browsers.
#[utoipa::path(delete, path = "/users/me/sessions", tag = "users",
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn end_sessions(State(state): State<AppState>, asking: Asking) -> Answer<StatusCode> {
    state.services.accounts.end_sessions(&asking.actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign out of one browser.
#[utoipa::path(delete, path = "/users/me/sessions/{id}", tag = "users", params(("id" = SessionId, Path)),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
pub async fn end_session(State(state): State<AppState>, asking: Asking, Path(id): Path<SessionId>) -> Answer<StatusCode> {
    state.services.accounts.end_session(&asking.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
