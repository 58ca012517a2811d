//! API keys, by the hash of their secret.

use domain::{Account, AccountId, ApiKeyId, ApiKeySummary, AuditEntry, Scope, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::query::{from_value, micros, some_time, time, variables};
use crate::sessions::{ENTER, TOUCH_AFTER, account_id};
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
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None` for never.
    pub expires_at: Option<Timestamp>,
}

/// Whose key it is that was shown, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// Whose it is.
    pub account: Account,
}

#[derive(Deserialize)]
struct Row {
    key: String,
    account: String,
    scopes: Vec<Scope>,
    expires_at: i64,
    last_used: i64,
}

#[derive(Deserialize)]
struct Listed {
    key: ApiKeyId,
    name: String,
    scopes: Vec<Scope>,
    created_at: i64,
    expires_at: i64,
    last_used: i64,
}

impl Store {
    /// Stores a key, and forgets those of the account that are over. False: the account is locked out, or has another password than
    /// the one whose hash was `verified`, where one was.
    ///
    /// # Errors
    /// The database's.
    pub async fn create_api_key(&self, key: &NewApiKey, verified: Option<&str>, audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "{ENTER}
             DELETE api_key WHERE account = $account AND expires_at > 0 AND expires_at <= $now;
             CREATE type::record('api_key', $key) SET key = $key, account = $account, name = $name, hash = $hash, \
             scopes = $scopes, created_at = $now, expires_at = $expires_at, last_used = 0;
             {}",
            audit::CREATE
        );
        let mut variables = variables! {
            key: key.id,
            account: key.account,
            verified: verified.unwrap_or_default(),
            name: key.name,
            hash: key.hash,
            scopes: key.scopes,
            now: micros(key.created_at),
            expires_at: key.expires_at.map_or(0, micros),
        };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("store an API key", &statements, variables).await?.is_committed())
    }

    /// Whose key it is; `None` where it is unknown, revoked or over. Notes that it was used, at most once a minute.
    ///
    /// # Errors
    /// The database's.
    pub async fn api_key_account(&self, hash: &str, now: Timestamp) -> Result<Option<FoundKey>> {
        let text = "SELECT key, account, scopes, expires_at, last_used FROM api_key WHERE hash = $hash LIMIT 1";
        let row: Option<Row> = self.row("read an API key", "api_key", text, variables! { hash: hash }).await?;
        let now = micros(now);
        let Some(row) = row.filter(|row| row.expires_at == 0 || now < row.expires_at) else { return Ok(None) };
        if now.saturating_sub(row.last_used) >= TOUCH_AFTER {
            let text = "UPDATE type::record('api_key', $key) SET last_used = $now RETURN NONE";
            let _: Vec<Value> = self.rows("touch an API key", "api_key", text, variables! { key: row.key, now: now }).await?;
        }
        let id: ApiKeyId = from_value("api_key", Value::String(row.key))?;
        let account = self.account(account_id("api_key", &row.account)?).await?;
        Ok(account.map(|account| FoundKey { id, scopes: row.scopes, account }))
    }

    /// The keys of an account that are not over, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn api_keys(&self, account: AccountId, now: Timestamp) -> Result<Vec<ApiKeySummary>> {
        let text = "SELECT key, name, scopes, created_at, expires_at, last_used FROM api_key \
                    WHERE account = $account AND (expires_at = 0 OR expires_at > $now)";
        let variables = variables! { account: account, now: micros(now) };
        let rows: Vec<Listed> = self.rows("list API keys", "api_key", text, variables).await?;
        let summary = |row: Listed| {
            Ok(ApiKeySummary {
                id: row.key,
                name: row.name,
                scopes: row.scopes,
                created_at: time("api_key", row.created_at)?,
                expires_at: some_time(row.expires_at),
                last_used_at: some_time(row.last_used),
            })
        };
        let mut keys = rows.into_iter().map(summary).collect::<Result<Vec<_>>>()?;
        keys.sort_by_key(|key| std::cmp::Reverse((key.created_at, key.id)));
        Ok(keys)
    }

    /// Ends a key of an account. False: it has none of this id.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke_api_key(&self, account: AccountId, id: ApiKeyId, audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "LET $row = (SELECT account FROM ONLY type::record('api_key', $key));
             IF $row = NONE OR $row.account != $account {{ THROW 'guard:gone' }};
             DELETE type::record('api_key', $key);
             {}",
            audit::CREATE
        );
        let mut variables = variables! { account: account, key: id };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("revoke an API key", &statements, variables).await?.is_committed())
    }
}
