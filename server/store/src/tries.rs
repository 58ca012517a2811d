//! Tries to sign in, counted by the hash of whom they are for and from where they come.

use domain::{AuditEntry, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::query::{micros, time, variables};
use crate::{Result, Store, audit};

/// How often one account or address was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tries {
    /// The hash of the account's name or of the address.
    pub key: String,
    /// How often, lately.
    pub count: u32,
    /// When last.
    pub last: Timestamp,
    /// Before this no other try is let through.
    pub waits_until: Timestamp,
}

#[derive(Deserialize)]
struct Row {
    key: String,
    count: u32,
    last: i64,
    waits_until: i64,
}

impl Store {
    /// What is known of these keys; nothing of those that were never tried.
    ///
    /// # Errors
    /// The database's.
    pub async fn tries(&self, keys: &[String]) -> Result<Vec<Tries>> {
        let text = "SELECT key, count, last, waits_until FROM tries WHERE key IN $keys";
        let rows: Vec<Row> = self.rows("read tries to sign in", "tries", text, variables! { keys: keys }).await?;
        let tries = |row: Row| {
            let (last, waits_until) = (time("tries", row.last)?, time("tries", row.waits_until)?);
            Ok(Tries { key: row.key, count: row.count, last, waits_until })
        };
        rows.into_iter().map(tries).collect()
    }

    /// Writes what is known now where it was `seen` before. False: something was counted meanwhile.
    ///
    /// # Errors
    /// The database's.
    pub async fn change_tries(&self, seen: &[Tries], changed: &[Tries]) -> Result<bool> {
        // Each try adds to a count, so their sum tells whether one came in between.
        let statements = "
            IF math::sum((SELECT VALUE count FROM tries WHERE key IN $keys)) != $sum { THROW 'guard:moved' };
            FOR $row IN $rows {
                UPSERT type::record('tries', $row.key) SET key = $row.key, count = $row.count, last = $row.last,
                    waits_until = $row.waits_until;
            };";
        let rows: Vec<Value> = changed
            .iter()
            .map(|tries| {
                let (last, waits_until) = (micros(tries.last), micros(tries.waits_until));
                json!({ "key": tries.key, "count": tries.count, "last": last, "waits_until": waits_until })
            })
            .collect();
        let variables = variables! {
            keys: changed.iter().map(|tries| &tries.key).collect::<Vec<_>>(),
            sum: seen.iter().map(|tries| u64::from(tries.count)).sum::<u64>(),
            rows: rows,
        };
        Ok(self.transact("count a try to sign in", statements, variables).await?.is_committed())
    }

    /// Keeps that a wait was noted, with its audit row. False: it was already.
    ///
    /// # Errors
    /// The database's.
    pub async fn note_wait(&self, key: &str, until: Timestamp, at: Timestamp, audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "IF (SELECT VALUE waits_until FROM type::record('tries', $key))[0] = $until {{ THROW 'guard:noted' }};
             UPSERT type::record('tries', $key) SET key = $key, count = 0, last = $at, waits_until = $until;
             {}",
            audit::CREATE
        );
        let mut variables = variables! { key: key, until: micros(until), at: micros(at) };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("note a wait", &statements, variables).await?.is_committed())
    }

    /// Forgets what was last tried before then and makes nobody wait.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_tries(&self, before: Timestamp) -> Result<()> {
        let statements = "DELETE tries WHERE last < $before AND waits_until < $before;";
        self.transact("forget tries to sign in", statements, variables! { before: micros(before) }).await?;
        Ok(())
    }
}
