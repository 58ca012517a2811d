//! Deleting the oldest rows, with a checkpoint in the chain that says where it goes on from.

use domain::{AuditEntry, AuditHead, Timestamp};
use serde_json::json;

use super::chain::hash;
use super::{CREATE, add};
use crate::query::variables;
use crate::{Result, Store};

/// The rows that are to go, all numbers up to `last`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// The first of them.
    pub first: u64,
    /// The last of them; the next row's `prev` is its hash.
    pub last: AuditHead,
}

impl Pruned {
    /// What the checkpoint says; the verification reads it.
    #[must_use]
    pub fn detail(&self, before: Timestamp) -> serde_json::Value {
        json!({ "first": self.first, "seq": self.last.seq, "hash": self.last.hash, "written_before": before })
    }
}

impl Store {
    /// The oldest rows, at most `limit`, that were written before the given time and have none older than it among them.
    ///
    /// # Errors
    /// The database's.
    pub async fn audit_to_prune(&self, before: Timestamp, limit: u32) -> Result<Option<Pruned>> {
        let ends = self.audit_ends().await?;
        let last = ends.first.saturating_add(u64::from(limit.max(1))).min(ends.seq.saturating_add(1)).saturating_sub(1);
        let rows = self.audit_range(ends.first, last).await?;
        // What does not hold is evidence: it is left for people to look at, and all after it.
        let mut due = (ends.first, rows.first().map(|row| row.prev.clone()).unwrap_or_default());
        let old = rows.into_iter().take_while(|row| {
            let holds = row.seq == due.0 && row.prev == due.1 && row.hash == hash(&row.prev, row.seq, &row.doc);
            due = (row.seq + 1, row.hash.clone());
            holds && row.entry().is_ok_and(|entry| entry.at < before)
        });
        let old = old.last();
        Ok(old.map(|row| Pruned { first: ends.first, last: AuditHead { seq: row.seq, hash: row.hash } }))
    }

    /// Deletes the rows and appends their checkpoint. False: another process has deleted them.
    ///
    /// # Errors
    /// The database's.
    pub async fn prune_audit(&self, pruned: &Pruned, checkpoint: &AuditEntry) -> Result<bool> {
        let (first, last) = (pruned.first, pruned.last.seq);
        let statements = format!(
            "IF audit_head:one.first != $first {{ THROW 'guard:moved' }};
             DELETE audit_entry:{first}..={last} RETURN NONE;
             UPDATE audit_head:one SET first = $next RETURN NONE;
             {CREATE}"
        );
        let mut variables = variables! { first: first, next: last.saturating_add(1) };
        add(&mut variables, checkpoint)?;
        Ok(self.transact("prune the audit trail", &statements, variables).await?.is_committed())
    }
}
