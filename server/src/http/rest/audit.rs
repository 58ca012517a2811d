//! `/audit`: who did what; read, verified and written out by sre and above.

use axum::Json;
use axum::extract::{OriginalUri, State};
use domain::{AccountId, AuditAction, AuditHead, AuditRecord, AuditVerdict, Faults, Timestamp};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::AuditFilter;
use utoipa::ToSchema;

use super::super::AppState;
use super::super::auth::Asking;
use super::super::extract::{Filter, page, page_size};
use super::super::problem::{Answer, ProblemBody};

/// A row of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditRead {
    /// Its number; none is left out.
    pub seq: u64,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who; none for somebody who could not sign in, and for the system.
    pub actor: Option<AccountId>,
    /// Their name at the time.
    pub actor_name: String,
    pub address: Option<String>,
    /// What was done, such as `runbook.updated`.
    #[schema(value_type = String)]
    pub action: AuditAction,
    /// To what: a kind and an id.
    pub target: String,
    /// What else is known, such as `before` and `after`; never a secret.
    #[schema(value_type = Object)]
    pub detail: Value,
    /// The hash of the row before it.
    pub prev: String,
    /// SHA-256 of `prev`, a line end, `seq`, a line end, and the row's JSON from `at` to `detail`.
    pub hash: String,
}

impl From<AuditRecord> for AuditRead {
    fn from(record: AuditRecord) -> Self {
        let AuditRecord { seq, prev, hash, entry } = record;
        Self {
            seq,
            at: entry.at,
            actor: entry.actor,
            actor_name: entry.actor_name,
            address: entry.address,
            action: entry.action,
            target: entry.target,
            detail: entry.detail,
            prev,
            hash,
        }
    }
}

/// What narrows the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// By the user of this name.
    actor: Option<String>,
    /// This action, such as `run.started`.
    action: Option<String>,
    /// To this: `kind:id`, a kind, or an id.
    target: Option<String>,
    /// At or after.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Before.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Items of a page, 1 to 200; 50 where nothing is said. A page may hold fewer and still have a next one.
    limit: Option<u32>,
    /// From the `Link` of the page before.
    cursor: Option<String>,
}

/// What the trail is held against.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VerifyQuery {
    /// A head that was kept elsewhere, as `SEQ:HASH`.
    head: Option<String>,
}

/// A verdict on the whole trail.
#[derive(Debug, Serialize, ToSchema)]
pub struct Verdict {
    /// Whether every row is as it was written, and none is missing, moved or added.
    verified: bool,
    /// The same as a sentence.
    detail: String,
    #[serde(flatten)]
    verdict: AuditVerdict,
}

/// Rows, newest first.
#[utoipa::path(get, path = "/audit", tag = "audit", params(ListQuery),
    responses((status = 200, body = Vec<AuditRead>, headers(("Link" = String))), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn list(
    State(state): State<AppState>,
    asking: Asking,
    Filter(query): Filter<ListQuery>,
    uri: OriginalUri,
) -> Answer<(HeaderMap, Json<Vec<AuditRead>>)> {
    let limit = page_size(query.limit)?;
    let filter = AuditFilter {
        actor: query.actor,
        action: action(query.action)?,
        target: query.target,
        since: query.since,
        until: query.until,
        limit,
        cursor: query.cursor,
    };
    Ok(page::<_, AuditRead>(&uri, state.services.audit.list(&asking.actor, filter).await?))
}

/// Read the whole trail and say where it is broken first, if it is.
#[utoipa::path(get, path = "/audit/verify", tag = "audit", params(VerifyQuery),
    responses((status = 200, body = Verdict), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody),
        (status = 409, description = "It is being verified for somebody else", body = ProblemBody), (status = 422, body = ProblemBody)))]
pub async fn verify(State(state): State<AppState>, asking: Asking, Filter(query): Filter<VerifyQuery>) -> Answer<Json<Verdict>> {
    let head = query.head.as_deref().map(str::parse::<AuditHead>).transpose();
    let head = head.map_err(|error| Faults::one("?head", error.to_string()))?;
    let verdict = state.services.audit.verify(&asking.actor, head).await?;
    Ok(Json(Verdict { verified: verdict.broken.is_none(), detail: verdict.to_string(), verdict }))
}

/// The end of the chain, to be kept elsewhere.
#[utoipa::path(get, path = "/audit/head", tag = "audit",
    responses((status = 200, body = AuditHead), (status = 401, body = ProblemBody), (status = 403, body = ProblemBody)))]
pub async fn head(State(state): State<AppState>, asking: Asking) -> Answer<Json<AuditHead>> {
    Ok(Json(state.services.audit.head(&asking.actor).await?))
}

/// Reads the word of an action; an empty one is none, as a form sends it.
///
/// # Errors
/// 422 for one that there is not.
pub fn action(word: Option<String>) -> Result<Option<AuditAction>, Faults> {
    let Some(word) = word.filter(|word| !word.is_empty()) else { return Ok(None) };
    let known = AuditAction::ALL.iter().find(|action| action.as_str() == word);
    known.copied().map(Some).ok_or_else(|| Faults::one("?action", format!("there is no action “{word}”")))
}
