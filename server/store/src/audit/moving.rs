//! Rows of before there was a chain: moved into it, oldest first, when a newer release first opens the database.

use domain::AuditEntry;
use serde::Deserialize;
use serde_json::Value;

use super::chain::Row;
use crate::query::{Outcome, Variables, from_doc, variables};
use crate::{Result, Store};

/// How many are moved in a transaction.
const BATCH: u32 = 1_000;

#[derive(Deserialize)]
struct Old {
    key: Value,
    doc: String,
}

impl Store {
    /// Moves what is left to move. Once all is moved the old table is not looked at again: a row that appears there later is
    /// nobody's.
    pub(crate) async fn move_old_audit(&self) -> Result<()> {
        let mut moved = 0;
        while self.is_moving().await? {
            // Its keys count down: the oldest row is the last.
            let text = "SELECT record::id(id) AS key, doc, id FROM audit ORDER BY id DESC LIMIT $limit";
            let old: Vec<Old> = self.rows("read the old audit trail", "audit", text, variables! { limit: BATCH }).await?;
            if old.is_empty() {
                self.transact("end the move", "UPDATE audit_head:one SET moving = false RETURN NONE;", Variables::new()).await?;
            } else {
                moved += self.move_batch(&old).await?;
                tracing::info!(rows = moved, "chaining the audit trail of an earlier release");
            }
        }
        Ok(())
    }

    async fn is_moving(&self) -> Result<bool> {
        let text = "SELECT VALUE moving FROM audit_head:one";
        Ok(self.row("read the head of the audit trail", "audit_head", text, Variables::new()).await?.unwrap_or(false))
    }

    async fn move_batch(&self, old: &[Old]) -> Result<usize> {
        let ends = self.audit_ends().await?;
        let (mut seq, mut hash) = (ends.seq, ends.hash);
        let mut rows = Vec::with_capacity(old.len());
        for Old { doc, .. } in old {
            let entry: AuditEntry = from_doc("audit", doc)?;
            let row = Row::new(hash, seq + 1, &entry)?;
            (seq, hash) = (row.seq, row.hash.clone());
            rows.push(row.to_json());
        }
        let statements = "
            IF audit_head:one.seq != $before { THROW 'guard:moved' };
            INSERT INTO audit_entry $rows RETURN NONE;
            UPDATE audit_head:one SET seq = $seq, hash = $hash RETURN NONE;
            FOR $key IN $keys { DELETE type::record('audit', $key) RETURN NONE };";
        let keys: Vec<&Value> = old.iter().map(|row| &row.key).collect();
        let variables = variables! { before: ends.seq, rows: rows, seq: seq, hash: hash, keys: keys };
        // Refused: another process has moved them.
        Ok(match self.transact("move the audit trail", statements, variables).await? {
            Outcome::Committed => old.len(),
            Outcome::Refused(_) => 0,
        })
    }
}
