//! Sessions of browsers, by the hash of their token.

use std::time::Duration;

use domain::{Account, AccountId, AuditEntry, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::query::{micros, variables};
use crate::{Result, Store, StoreError, audit};

/// How stale `last_seen` and `last_used` may be, in microseconds.
pub const TOUCH_AFTER: i64 = 60_000_000;

#[derive(Deserialize)]
struct Row {
    account: String,
    last_seen: i64,
    expires_at: i64,
}

impl Store {
    /// Opens a session.
    ///
    /// # Errors
    /// The database's.
    pub async fn create_session(
        &self,
        token_hash: &str,
        account: AccountId,
        now: Timestamp,
        expires_at: Timestamp,
        audit: &AuditEntry,
    ) -> Result<()> {
        let statements = format!(
            "CREATE type::record('session', $id) SET account = $account, created_at = $now, last_seen = $now, \
             expires_at = $expires_at;
             {}",
            audit::CREATE
        );
        let mut variables = variables! {
            id: token_hash,
            account: account.to_string(),
            now: micros(now),
            expires_at: micros(expires_at),
        };
        audit::add(&mut variables, audit)?;
        self.transact("open a session", &statements, variables).await?;
        Ok(())
    }

    /// Whose session it is; `None` where it is unknown, over, or has been `idle` too long. Notes that it was used, at most
    /// once a minute.
    ///
    /// # Errors
    /// The database's.
    pub async fn session_account(&self, token_hash: &str, now: Timestamp, idle: Duration) -> Result<Option<Account>> {
        let text = "SELECT account, last_seen, expires_at FROM type::record('session', $id)";
        let row: Option<Row> = self.row("read a session", "session", text, variables! { id: token_hash }).await?;
        let now = micros(now);
        let idle = i64::try_from(idle.as_micros()).unwrap_or(i64::MAX);
        let Some(row) = row.filter(|row| now < row.expires_at && now.saturating_sub(row.last_seen) < idle) else {
            return Ok(None);
        };
        if now.saturating_sub(row.last_seen) >= TOUCH_AFTER {
            let text = "UPDATE type::record('session', $id) SET last_seen = $now RETURN NONE";
            let _: Vec<Value> = self.rows("touch a session", "session", text, variables! { id: token_hash, now: now }).await?;
        }
        self.account(account_id("session", &row.account)?).await
    }

    /// Ends a session. False: there is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete_session(&self, token_hash: &str, audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "IF !record::exists(type::record('session', $id)) {{ THROW 'guard:gone' }};
             DELETE type::record('session', $id);
             {}",
            audit::CREATE
        );
        let mut variables = variables! { id: token_hash };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("end a session", &statements, variables).await?.is_committed())
    }
}

/// Reads the account that a row names.
pub fn account_id(table: &'static str, text: &str) -> Result<AccountId> {
    text.parse().map_err(|source: domain::ids::InvalidId| StoreError::Malformed {
        table,
        row: "its account is not an id".to_owned(),
        source: source.into(),
    })
}
