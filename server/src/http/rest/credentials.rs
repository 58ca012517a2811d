//! `/credentials`: kept, listed, deleted; a secret goes in and never comes out.

use axum::Json;
use axum::extract::State;
use domain::{CredentialId, CredentialKind, CredentialSummary};
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use service::NewCredential;
use utoipa::ToSchema;

use super::super::AppState;
use super::super::auth::Asking;
use super::super::extract::{Filter, Path};
use super::super::json::Json as Body;
use super::super::problem::{Answer, ProblemBody};

/// A new credential.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialBody {
    name: String,
    #[serde(rename = "type")]
    kind: CredentialKind,
    #[schema(value_type = String, format = "password")]
    secret: SecretString,
    /// Whose password the secret is, for basic authentication; only of the type api.
    #[serde(default)]
    username: String,
    /// What opens the private key; only of the type ssh.
    #[serde(default)]
    #[schema(value_type = String, format = "password")]
    passphrase: SecretString,
}

/// How to delete.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeleteQuery {
    /// Also when runbooks or hosts use it.
    #[serde(default)]
    force: bool,
}

/// All of them, by name, without their secrets.
#[utoipa::path(get, path = "/credentials", tag = "credentials",
    responses((status = 200, body = Vec<CredentialSummary>), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn list(State(state): State<AppState>, asking: Asking) -> Answer<Json<Vec<CredentialSummary>>> {
    Ok(Json(state.services.credentials.list(&asking.actor).await?))
}

/// Store one.
#[utoipa::path(post, path = "/credentials", tag = "credentials", request_body = CredentialBody,
    responses((status = 201, body = CredentialSummary), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 409, description = "The name is taken", body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn create(
    State(state): State<AppState>,
    asking: Asking,
    Body(body): Body<CredentialBody>,
) -> Answer<(StatusCode, Json<CredentialSummary>)> {
    let CredentialBody { name, kind, secret, username, passphrase } = body;
    let new = NewCredential { name, secret, username, passphrase };
    let credential = state.services.credentials.create_of(&asking.actor, kind, new).await?;
    Ok((StatusCode::CREATED, Json(credential)))
}

/// Delete one.
#[utoipa::path(delete, path = "/credentials/{id}", tag = "credentials", params(("id" = CredentialId, Path), DeleteQuery),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, description = "A runbook or host uses it", body = ProblemBody)))]
pub async fn delete(
    State(state): State<AppState>,
    asking: Asking,
    Path(id): Path<CredentialId>,
    Filter(query): Filter<DeleteQuery>,
) -> Answer<StatusCode> {
    state.services.credentials.delete(&asking.actor, id, query.force).await?;
    Ok(StatusCode::NO_CONTENT)
}
