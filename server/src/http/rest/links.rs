//! One-time links: administrators make them, whoever has one makes an account or chooses a new password by it.

use axum::Json;
use axum::extract::State;
use domain::{Account, AccountId, InviteId, InviteSummary, Role, Timestamp};
use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use service::OneTimeLink;
use utoipa::ToSchema;

use super::super::AppState;
use super::super::auth::{Address, Asking};
use super::super::extract::Path;
use super::super::json::Json as Body;
use super::super::problem::{Answer, ProblemBody};

/// Whom to invite.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteBody {
    /// What they will be trusted with.
    role: Role,
}

/// A one-time link; it is shown this once.
#[derive(Serialize, ToSchema)]
pub struct LinkAnswer {
    id: InviteId,
    /// What is sent back with it.
    token: String,
    /// The page of this site to open.
    path: String,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Taking an invitation up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptBody {
    #[schema(value_type = String, format = "password")]
    token: SecretString,
    username: String,
    #[schema(value_type = String, format = "password", min_length = 12)]
    password: SecretString,
}

/// Choosing a new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetBody {
    #[schema(value_type = String, format = "password")]
    token: SecretString,
    #[schema(value_type = String, format = "password", min_length = 12)]
    password: SecretString,
}

impl LinkAnswer {
    fn new(link: &OneTimeLink, page: &str) -> Self {
        let token = link.token.expose_secret().to_owned();
        Self { id: link.id, path: format!("{page}{token}"), token, expires_at: link.expires_at }
    }
}

/// The invitations that nobody has taken up yet, the latest first.
#[utoipa::path(get, path = "/users/invites", tag = "users",
    responses((status = 200, body = Vec<InviteSummary>), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn invites(State(state): State<AppState>, asking: Asking) -> Answer<Json<Vec<InviteSummary>>> {
    Ok(Json(state.services.accounts.invites(&asking.actor).await?))
}

/// Make a link by which somebody makes themself an account; it is good for 7 days.
#[utoipa::path(post, path = "/users/invites", tag = "users", request_body = InviteBody,
    responses((status = 201, body = LinkAnswer), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 422, body = ProblemBody)))]
pub async fn invite(
    State(state): State<AppState>,
    asking: Asking,
    Body(body): Body<InviteBody>,
) -> Answer<(StatusCode, Json<LinkAnswer>)> {
    let link = state.services.accounts.invite(&asking.actor, body.role).await?;
    Ok((StatusCode::CREATED, Json(LinkAnswer::new(&link, "/invite/"))))
}

/// Take an invitation back.
#[utoipa::path(delete, path = "/users/invites/{id}", tag = "users", params(("id" = InviteId, Path)),
    responses((status = 204), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
pub async fn withdraw(State(state): State<AppState>, asking: Asking, Path(id): Path<InviteId>) -> Answer<StatusCode> {
    state.services.accounts.withdraw_invite(&asking.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take an invitation up: choose a name and a password.
#[utoipa::path(post, path = "/users/invites/accept", tag = "users", request_body = AcceptBody, security(()),
    responses((status = 201, body = Account), (status = 400, description = "The name is taken", body = ProblemBody),
        (status = 404, description = "It was used or withdrawn, or is too old", body = ProblemBody),
        (status = 422, body = ProblemBody)))]
pub async fn accept(
    State(state): State<AppState>,
    Address(address): Address,
    Body(body): Body<AcceptBody>,
) -> Answer<(StatusCode, Json<Account>)> {
    let token = body.token.expose_secret();
    let account = state.services.accounts.accept_invite(token, &body.username, body.password, address).await?;
    Ok((StatusCode::CREATED, Json(account)))
}

/// Make a link by which the owner of an account chooses a new password; it is good for 7 days. Until then the old one stays good.
#[utoipa::path(post, path = "/users/{id}/password-reset", tag = "users", params(("id" = AccountId, Path)),
    responses((status = 201, body = LinkAnswer), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
pub async fn offer_reset(
    State(state): State<AppState>,
    asking: Asking,
    Path(id): Path<AccountId>,
) -> Answer<(StatusCode, Json<LinkAnswer>)> {
    let link = state.services.accounts.offer_password_reset(&asking.actor, id).await?;
    Ok((StatusCode::CREATED, Json(LinkAnswer::new(&link, "/reset/"))))
}

/// Choose a new password by such a link. Ends all sessions and API keys of the account.
#[utoipa::path(post, path = "/users/password-reset", tag = "users", request_body = ResetBody, security(()),
    responses((status = 204), (status = 404, description = "It was used, or is too old", body = ProblemBody),
        (status = 422, body = ProblemBody)))]
pub async fn reset(State(state): State<AppState>, Address(address): Address, Body(body): Body<ResetBody>) -> Answer<StatusCode> {
    state.services.accounts.reset_password(body.token.expose_secret(), body.password, address).await?;
    Ok(StatusCode::NO_CONTENT)
}
