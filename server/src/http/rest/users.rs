//! `/users`: sign up, log in, log out, who am I; and, for administrators, the accounts of others.

use axum::Json;
use axum::extract::State;
use domain::{Account, AccountId, Role, UserSummary};
use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use service::{NewUser, SignUp, UserChange};
use utoipa::ToSchema;

use super::super::AppState;
use super::super::auth::{Address, Asking, PerhapsAsking, Shown};
use super::super::extract::Path;
use super::super::json::Json as Body;
use super::super::problem::{Answer, ProblemBody};
use super::views::Me;

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpBody {
    username: String,
    #[schema(value_type = String, format = "password", min_length = 12)]
    password: SecretString,
    /// More than `developer` needs an administrator's key.
    role: Option<Role>,
    /// For the very first account, where the server listens beyond its own machine.
    setup_token: Option<String>,
}

/// Name and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogInBody {
    username: String,
    #[schema(value_type = String, format = "password")]
    password: SecretString,
}

/// An API key; it is shown this once.
#[derive(Serialize, ToSchema)]
pub struct KeyAnswer {
    api_key: String,
}

/// A sentence.
#[derive(Serialize, ToSchema)]
pub struct Detail {
    detail: &'static str,
}

/// An account for somebody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserBody {
    username: String,
    role: Role,
    /// One is made up where none is given.
    #[schema(value_type = Option<String>, format = "password", min_length = 12)]
    password: Option<SecretString>,
}

/// The account that was made.
#[derive(Serialize, ToSchema)]
pub struct UserAnswer {
    #[serde(flatten)]
    account: Account,
    /// The password, where one was made up; it is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// What an account is to be; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserUpdate {
    role: Option<Role>,
    /// Whether it is locked out.
    disabled: Option<bool>,
}

impl From<SecretString> for KeyAnswer {
    fn from(key: SecretString) -> Self {
        Self { api_key: key.expose_secret().to_owned() }
    }
}

/// Make an account; the first one ever becomes the administrator.
#[utoipa::path(post, path = "/users/signup", tag = "users", request_body = SignUpBody, security(()),
    responses((status = 201, body = KeyAnswer), (status = 400, description = "The name is taken", body = ProblemBody),
        (status = 403, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn sign_up(
    State(state): State<AppState>,
    PerhapsAsking(asker): PerhapsAsking,
    Address(address): Address,
    Body(body): Body<SignUpBody>,
) -> Answer<(StatusCode, Json<KeyAnswer>)> {
    let wanted = SignUp { username: body.username, password: body.password, role: body.role, setup_token: body.setup_token };
    let (_, key) = state.services.accounts.sign_up(asker.as_ref(), wanted, address).await?;
    Ok((StatusCode::CREATED, Json(key.into())))
}

/// A fresh key named “login”, good for 30 days.
#[utoipa::path(post, path = "/users/login", tag = "users", request_body = LogInBody, security(()),
    responses((status = 200, body = KeyAnswer), (status = 401, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub async fn log_in(
    State(state): State<AppState>,
    Address(address): Address,
    Body(body): Body<LogInBody>,
) -> Answer<Json<KeyAnswer>> {
    let key = state.services.accounts.log_in(&body.username, body.password, address).await?;
    Ok(Json(key.into()))
}

/// Revokes the key that is presented.
#[utoipa::path(post, path = "/users/logout", tag = "users",
    responses((status = 200, body = Detail), (status = 401, body = ProblemBody)))]
pub async fn log_out(State(state): State<AppState>, asking: Asking) -> Answer<Json<Detail>> {
    match &asking.shown {
        Shown::Key(key) => state.services.accounts.log_out(&asking.actor, key.expose_secret()).await?,
        Shown::Session(token) => state.services.accounts.sign_out(&asking.actor, token.expose_secret()).await?,
    };
    Ok(Json(Detail { detail: "Logged out" }))
}

/// Who is asking.
#[utoipa::path(get, path = "/users/me", tag = "users",
    responses((status = 200, body = Me), (status = 401, body = ProblemBody)))]
pub async fn me(asking: Asking) -> Json<Me> {
    let actor = asking.actor;
    Json(Me { id: actor.id, username: actor.username.to_string(), role: actor.role })
}

/// Every account, by name.
#[utoipa::path(get, path = "/users", tag = "users",
    responses((status = 200, body = Vec<UserSummary>), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn list(State(state): State<AppState>, asking: Asking) -> Answer<Json<Vec<UserSummary>>> {
    Ok(Json(state.services.accounts.users(&asking.actor).await?))
}

/// Make an account for somebody.
#[utoipa::path(post, path = "/users", tag = "users", request_body = UserBody,
    responses((status = 201, body = UserAnswer), (status = 400, description = "The name is taken", body = ProblemBody),
        (status = 401, body = ProblemBody), (status = 403, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn create(
    State(state): State<AppState>,
    asking: Asking,
    Body(body): Body<UserBody>,
) -> Answer<(StatusCode, Json<UserAnswer>)> {
    let wish = NewUser { username: body.username, role: body.role, password: body.password };
    let (account, password) = state.services.accounts.create_user(&asking.actor, wish).await?;
    let password = password.map(|password| password.expose_secret().to_owned());
    Ok((StatusCode::CREATED, Json(UserAnswer { account, password })))
}

/// Give an account another role, lock it out, or let it in again. Ends all its sessions and API keys.
#[utoipa::path(put, path = "/users/{id}", tag = "users", request_body = UserUpdate, params(("id" = AccountId, Path)),
    responses((status = 200, body = Account), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, description = "It is the last administrator", body = ProblemBody)))]
pub async fn update(
    State(state): State<AppState>,
    asking: Asking,
    Path(id): Path<AccountId>,
    Body(body): Body<UserUpdate>,
) -> Answer<Json<Account>> {
    let change = UserChange { role: body.role, disabled: body.disabled };
    Ok(Json(state.services.accounts.change_user(&asking.actor, id, change).await?))
}
