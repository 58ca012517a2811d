//! API keys, by the hash of their secret.

use domain::{Account, AccountId, ApiKeyId, AuditEntry, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::query::{from_value, micros, variables};
use crate::sessions::{TOUCH_AFTER, account_id};
use crate::{Result, Store, audit};

/// An API key to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub account: AccountId,
    /// What people call it.
    pub name: String,
    /// The hash of its secret.
    pub hash: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None` for never.
    pub expires_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Row {
    key: String,
    account: String,
    expires_at: i64,
    last_used: i64,
}

impl Store {
    /// Stores a key.
    ///
    /// # Errors
    /// The database's.
    pub async fn create_api_key(&self, key: &NewApiKey, audit: &AuditEntry) -> Result<()> {
        let statements = format!(
            "CREATE type::record('api_key', $key) SET key = $key, account = $account, name = $name, hash = $hash, \
             created_at = $created_at, expires_at = $expires_at, last_used = 0;
             {}",
            audit::CREATE
        );
        let mut variables = variables! {
            key: key.id.to_string(),
            account: key.account.to_string(),
            name: key.name,
            hash: key.hash,
            created_at: micros(key.created_at),
            expires_at: key.expires_at.map_or(0, micros),
        };
        audit::add(&mut variables, audit)?;
        self.transact("store an API key", &statements, variables).await?;
        Ok(())
    }

    /// Whose key it is; `None` where it is unknown, revoked or over. Notes that it was used, at most once a minute.
    ///
    /// # Errors
    /// The database's.
    pub async fn api_key_account(&self, hash: &str, now: Timestamp) -> Result<Option<(ApiKeyId, Account)>> {
        let text = "SELECT key, account, expires_at, last_used FROM api_key WHERE hash = $hash LIMIT 1";
        let row: Option<Row> = self.row("read an API key", "api_key", text, variables! { hash: hash }).await?;
        let now = micros(now);
        let Some(row) = row.filter(|row| row.expires_at == 0 || now < row.expires_at) else { return Ok(None) };
        if now.saturating_sub(row.last_used) >= TOUCH_AFTER {
            let text = "UPDATE type::record('api_key', $key) SET last_used = $now RETURN NONE";
            let _: Vec<Value> = self.rows("touch an API key", "api_key", text, variables! { key: row.key, now: now }).await?;
        }
        let id: ApiKeyId = from_value("api_key", Value::String(row.key))?;
        let account = self.account(account_id("api_key", &row.account)?).await?;
        Ok(account.map(|account| (id, account)))
    }

    /// Ends a key. False: there is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke_api_key(&self, id: ApiKeyId, audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "IF !record::exists(type::record('api_key', $key)) {{ THROW 'guard:gone' }};
             DELETE type::record('api_key', $key);
             {}",
            audit::CREATE
        );
        let mut variables = variables! { key: id.to_string() };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("revoke an API key", &statements, variables).await?.is_committed())
    }
}
