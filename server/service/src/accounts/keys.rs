//! API keys of one's own: what they may be used for, how long they last, and their end.

use chrono::TimeDelta;
use domain::credential::parse_name;
use domain::{Actor, ApiKeyId, ApiKeySummary, AuditAction, Faults, Permission, Scope};
use secrecy::SecretString;
use serde_json::json;
use store::NewApiKey;
use vault::ApiKey;

use super::Accounts;
use crate::authorise::authorise;
use crate::{Result, ServiceError, audit, now};

/// The longest that a key may be made for, in days; one may also be made for ever.
pub const LONGEST_DAYS: u32 = 3650;
/// More keys than anybody keeps an eye on.
const MOST_KEYS: usize = 200;

/// A wish for a key.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What its owner calls it.
    pub name: String,
    /// What it may be used for; a key cannot make one that may more than itself.
    pub scopes: Vec<Scope>,
    /// How many days it lasts; `None` for ever.
    pub expires_in_days: Option<u32>,
}

impl Accounts {
    /// The actor's keys, the latest first.
    ///
    /// # Errors
    /// `OutOfScope`.
    pub async fn api_keys(&self, actor: &Actor) -> Result<Vec<ApiKeySummary>> {
        authorise(actor, Permission::Read)?;
        Ok(self.store.api_keys(actor.id, now()).await?)
    }

    /// Makes a key; the secret is shown this once.
    ///
    /// # Errors
    /// `OutOfScope` also for a scope that the presented key has not itself, `Invalid`, `Conflict` where there are too many.
    pub async fn create_api_key(&self, actor: &Actor, wish: NewKey) -> Result<(ApiKeySummary, SecretString)> {
        authorise(actor, Permission::ManageOwn)?;
        if let Some(scope) = wish.scopes.iter().find(|scope| !actor.has_scope(**scope)) {
            return Err(ServiceError::OutOfScope { scope: *scope });
        }
        let wish = check(wish)?;
        let made_at = now();
        if self.store.api_keys(actor.id, made_at).await?.len() >= MOST_KEYS {
            return Err(ServiceError::conflict(format!("you have {MOST_KEYS} API keys already: revoke some first")));
        }
        let secret = ApiKey::generate()?;
        let key = NewApiKey {
            id: ApiKeyId::new(),
            account: actor.id,
            name: wish.name,
            hash: secret.hash(),
            scopes: wish.scopes,
            created_at: made_at,
            expires_at: wish.expires_in_days.map(|days| made_at + TimeDelta::days(days.into())),
        };
        let detail = json!({ "name": key.name, "scopes": key.scopes, "expires_at": key.expires_at });
        let entry = audit::by(actor, AuditAction::ApiKeyCreated, "api_key", key.id, detail);
        if !self.store.create_api_key(&key, None, &entry).await? {
            return Err(ServiceError::Unauthenticated);
        }
        let NewApiKey { id, name, scopes, created_at, expires_at, .. } = key;
        Ok((ApiKeySummary { id, name, scopes, created_at, expires_at, last_used_at: None }, secret.into_secret()))
    }

    /// Ends one of the actor's keys.
    ///
    /// # Errors
    /// `OutOfScope`; `NotFound` for somebody else's as well.
    pub async fn revoke_api_key(&self, actor: &Actor, id: ApiKeyId) -> Result<()> {
        authorise(actor, Permission::ManageOwn)?;
        let entry = audit::by(actor, AuditAction::ApiKeyRevoked, "api_key", id, json!({}));
        let ended = self.store.revoke_api_key(actor.id, id, &entry).await?;
        if ended { Ok(()) } else { Err(ServiceError::NotFound { what: "API key" }) }
    }
}

fn check(mut wish: NewKey) -> Result<NewKey> {
    let mut faults = Faults::default();
    match parse_name(&wish.name) {
        Ok(name) => wish.name = name,
        Err(found) => faults.0.extend(found.0),
    }
    wish.scopes.sort_unstable();
    wish.scopes.dedup();
    if wish.scopes.is_empty() {
        faults.push("$.scopes", "a key is for something: give it at least one of read, execute and write");
    }
    if wish.expires_in_days.is_some_and(|days| !(1..=LONGEST_DAYS).contains(&days)) {
        faults.push("$.expires_in_days", format!("a key lasts 1 to {LONGEST_DAYS} days, or for ever"));
    }
    Ok(faults.into_result(wish)?)
}
