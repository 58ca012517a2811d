//! `/hosts`: where blocks may run; listed to everybody, kept by sre.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::host::HostCheck;
use domain::{CredentialId, HostDraft, HostId, HostSummary, Role, Timestamp};
use http::StatusCode;
use http::header::LOCATION;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::super::AppState;
use super::super::auth::Asking;
use super::super::extract::{Filter, Path};
use super::super::json::{Json as Body, missing};
use super::super::problem::{Answer, ProblemBody};

/// A new host; `openapi::bodies` says what it holds, and the domain reads it, so that every fault is named.
#[derive(ToSchema)]
#[schema(as = HostDraft)]
pub struct DraftSchema {}

/// What a host is to be.
#[derive(ToSchema)]
#[schema(as = HostChange)]
pub struct ChangeSchema {}

/// A host; how it is reached is told to sre and above.
#[derive(Debug, Serialize, ToSchema)]
pub struct HostRead {
    id: HostId,
    name: String,
    tags: Vec<String>,
    roles: Vec<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<CredentialId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_key: Option<String>,
    /// Of the host key, as `ssh-keygen -l` writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    env: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

/// How to delete.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeleteQuery {
    /// Also when runbooks name it.
    #[serde(default)]
    force: bool,
}

/// All hosts, `local` first.
#[utoipa::path(get, path = "/hosts", tag = "hosts",
    responses((status = 200, body = Vec<HostRead>), (status = 401, body = ProblemBody)))]
pub async fn list(State(state): State<AppState>, asking: Asking) -> Answer<Json<Vec<HostRead>>> {
    let hosts = state.services.hosts.list(&asking.actor).await?;
    Ok(Json(hosts.into_iter().map(HostRead::from).collect()))
}

/// Add one.
#[utoipa::path(post, path = "/hosts", tag = "hosts", request_body = DraftSchema,
    responses((status = 201, body = HostRead), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 409, description = "The name is taken", body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn create(State(state): State<AppState>, asking: Asking, Body(body): Body<Value>) -> Answer<Response> {
    let host = state.services.hosts.create(&asking.actor, HostDraft::parse(&body)?).await?;
    let address = format!("/api/v1/hosts/{}", host.id);
    Ok((StatusCode::CREATED, [(LOCATION, address)], Json(HostRead::from(host))).into_response())
}

/// One of them.
#[utoipa::path(get, path = "/hosts/{id}", tag = "hosts", params(("id" = HostId, Path)),
    responses((status = 200, body = HostRead), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
pub async fn read(State(state): State<AppState>, asking: Asking, Path(id): Path<HostId>) -> Answer<Json<HostRead>> {
    Ok(Json(state.services.hosts.get(&asking.actor, id).await?.into()))
}

/// Change it to what is sent; what is left out goes back to its default, but `roles` must be said.
#[utoipa::path(put, path = "/hosts/{id}", tag = "hosts", params(("id" = HostId, Path)), request_body = ChangeSchema,
    responses((status = 200, body = HostRead), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, description = "The name is taken, or runbooks know the host by the one it has", body = ProblemBody),
        (status = 422, body = ProblemBody)))]
pub async fn update(
    State(state): State<AppState>,
    asking: Asking,
    Path(id): Path<HostId>,
    Body(body): Body<Value>,
) -> Answer<Json<HostRead>> {
    // Leaving the roles out must not let everybody in.
    let draft = missing(&body, &["roles"]).and_with(HostDraft::parse(&body))?;
    Ok(Json(state.services.hosts.update(&asking.actor, id, draft).await?.into()))
}

/// Look at it without running anything: whether it answers, which key it shows, whether it lets us in.
#[utoipa::path(post, path = "/hosts/{id}/check", tag = "hosts", params(("id" = HostId, Path)),
    responses((status = 200, body = HostCheck), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, description = "It is `local`", body = ProblemBody)))]
pub async fn check(State(state): State<AppState>, asking: Asking, Path(id): Path<HostId>) -> Answer<Json<HostCheck>> {
    Ok(Json(state.services.hosts.check(&asking.actor, id).await?))
}

/// Delete it.
#[utoipa::path(delete, path = "/hosts/{id}", tag = "hosts", params(("id" = HostId, Path), DeleteQuery),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, description = "A runbook names it, or it is `local`", body = ProblemBody)))]
pub async fn delete(
    State(state): State<AppState>,
    asking: Asking,
    Path(id): Path<HostId>,
    Filter(query): Filter<DeleteQuery>,
) -> Answer<StatusCode> {
    state.services.hosts.delete(&asking.actor, id, query.force).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<HostSummary> for HostRead {
    fn from(host: HostSummary) -> Self {
        let reached = host.name != domain::host::LOCAL;
        let mut read = Self {
            id: host.id,
            name: host.name,
            tags: host.tags,
            roles: host.roles,
            description: host.description,
            address: None,
            port: None,
            user: None,
            credential: None,
            host_key: None,
            fingerprint: None,
            env: None,
            created_by: None,
            created_at: None,
            updated_by: None,
            updated_at: None,
        };
        if let Some(details) = host.details {
            read.address = Some(details.address).filter(|_| reached);
            read.port = Some(details.port).filter(|_| reached);
            read.user = Some(details.user).filter(|_| reached);
            read.credential = details.credential;
            read.host_key = details.host_key;
            read.fingerprint = details.fingerprint;
            read.env = Some(details.env.into_iter().map(|(name, value)| (name, value.into())).collect());
            read.created_by = Some(details.created_by);
            read.created_at = Some(details.created_at);
            read.updated_by = Some(details.updated_by);
            read.updated_at = Some(details.updated_at);
        }
        read
    }
}
