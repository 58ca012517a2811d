//! Sessions of browsers, by the hash of their token.

use std::time::Duration;

use domain::{Account, AccountId, AuditEntry, SessionId, SessionSummary, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::query::{from_value, micros, time, variables};
use crate::{Result, Store, StoreError, audit};

/// How stale `last_seen` and `last_used` may be, in microseconds.
pub const TOUCH_AFTER: i64 = 60_000_000;

/// Lets nobody in who is locked out, or whose password is no longer the one that was checked (`$verified`, '' for none). It writes to the
/// account, so that of a sign-in and a change of the password at the same time one sees the other.
pub const ENTER: &str = "
    LET $row = (SELECT password_hash, disabled_at, last_sign_in FROM ONLY type::record('account', $account));
    IF $row = NONE OR $row.disabled_at > 0 OR ($verified != '' AND $row.password_hash != $verified) { THROW 'guard:changed' };
    UPDATE type::record('account', $account) SET last_sign_in = IF $verified = '' { $row.last_sign_in } ELSE { $now };";

/// A session to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// The hash of its token.
    pub token_hash: String,
    /// Whose it is.
    pub account: AccountId,
    /// Which program on which system.
    pub device: String,
    /// From where.
    pub address: Option<String>,
    /// When it begins.
    pub created_at: Timestamp,
    /// When it ends, used or not.
    pub expires_at: Timestamp,
}

#[derive(Deserialize)]
struct Row {
    key: String,
    account: String,
    last_seen: i64,
    expires_at: i64,
}

#[derive(Deserialize)]
struct Listed {
    key: SessionId,
    device: String,
    address: String,
    created_at: i64,
    last_seen: i64,
    expires_at: i64,
    current: bool,
}

impl Store {
    /// Opens a session, and forgets those of the account that are over. False: the account is locked out, or has another password
    /// than the one whose hash was `verified`.
    ///
    /// # Errors
    /// The database's.
    pub async fn create_session(&self, session: &NewSession, verified: &str, audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "{ENTER}
             DELETE session WHERE account = $account AND expires_at <= $now;
             CREATE type::record('session', $id) SET key = $key, account = $account, device = $device, address = $address, \
             created_at = $now, last_seen = $now, expires_at = $expires_at;
             {}",
            audit::CREATE
        );
        let mut variables = variables! {
            id: session.token_hash,
            key: session.id,
            account: session.account,
            verified: verified,
            device: session.device,
            address: session.address.as_deref().unwrap_or_default(),
            now: micros(session.created_at),
            expires_at: micros(session.expires_at),
        };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("open a session", &statements, variables).await?.is_committed())
    }

    /// Whose session it is; `None` where it is unknown, over, or has been `idle` too long. Notes that it was used, at most
    /// once a minute.
    ///
    /// # Errors
    /// The database's.
    pub async fn session_account(
        &self,
        token_hash: &str,
        now: Timestamp,
        idle: Duration,
    ) -> Result<Option<(SessionId, Account)>> {
        let text = "SELECT key, account, last_seen, expires_at FROM type::record('session', $id)";
        let row: Option<Row> = self.row("read a session", "session", text, variables! { id: token_hash }).await?;
        let now = micros(now);
        let Some(row) = row.filter(|row| now < row.expires_at && now.saturating_sub(row.last_seen) < whole_micros(idle)) else {
            return Ok(None);
        };
        if now.saturating_sub(row.last_seen) >= TOUCH_AFTER {
            let text = "UPDATE type::record('session', $id) SET last_seen = $now RETURN NONE";
            let _: Vec<Value> = self.rows("touch a session", "session", text, variables! { id: token_hash, now: now }).await?;
        }
        let id: SessionId = from_value("session", Value::String(row.key))?;
        let account = self.account(account_id("session", &row.account)?).await?;
        Ok(account.map(|account| (id, account)))
    }

    /// The sessions of an account that are not over, the latest first; the one of `current` is marked.
    ///
    /// # Errors
    /// The database's.
    pub async fn sessions(
        &self,
        account: AccountId,
        now: Timestamp,
        idle: Duration,
        current: Option<&str>,
    ) -> Result<Vec<SessionSummary>> {
        let text = "SELECT key, device, address, created_at, last_seen, expires_at, record::id(id) = $current AS current \
                    FROM session WHERE account = $account AND expires_at > $now AND last_seen > $seen_after";
        let variables = variables! {
            account: account,
            now: micros(now),
            seen_after: micros(now).saturating_sub(whole_micros(idle)),
            current: current.unwrap_or_default(),
        };
        let rows: Vec<Listed> = self.rows("list sessions", "session", text, variables).await?;
        let mut sessions = rows.into_iter().map(summary).collect::<Result<Vec<_>>>()?;
        sessions.sort_by_key(|session| std::cmp::Reverse((session.current, session.last_seen_at, session.id)));
        Ok(sessions)
    }

    /// Ends a session by its token. False: there is none.
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

    /// Ends one session of an account, or all of them. False: there is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_sessions(&self, account: AccountId, only: Option<SessionId>, audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "LET $ended = (DELETE session WHERE account = $account AND ($only = '' OR key = $only) RETURN BEFORE);
             IF array::len($ended) = 0 {{ THROW 'guard:gone' }};
             {}",
            audit::CREATE
        );
        let mut variables = variables! { account: account, only: only.map(|id| id.to_string()).unwrap_or_default() };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("end sessions", &statements, variables).await?.is_committed())
    }
}

fn summary(row: Listed) -> Result<SessionSummary> {
    Ok(SessionSummary {
        id: row.key,
        device: row.device,
        address: Some(row.address).filter(|address| !address.is_empty()),
        created_at: time("session", row.created_at)?,
        last_seen_at: time("session", row.last_seen)?,
        expires_at: time("session", row.expires_at)?,
        current: row.current,
    })
}

fn whole_micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Reads the account that a row names.
pub fn account_id(table: &'static str, text: &str) -> Result<AccountId> {
    text.parse().map_err(|source: domain::ids::InvalidId| StoreError::Malformed {
        table,
        row: "its account is not an id".to_owned(),
        source: source.into(),
    })
}
