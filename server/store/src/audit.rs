//! The audit trail: a chain of rows, each of which is written in the transaction of the act that it records; see [`CREATE`].
//!
//! Its canonical form is the entry as JSON text, exactly as the row keeps it: `at`, `actor`, `actor_name`, `address`, `action`,
//! `target`, `detail`, in this order. A row's hash is SHA-256 of three lines: the hash of the row before it, its own number, and
//! that text. Whoever can write to the database can still forge a whole chain; what they cannot do is forge one that ends in a
//! head which was kept elsewhere.
//!
//! All changes write the one head of the chain, so transactions at the same time would conflict. Those of one process queue for
//! [`crate::Store::appending`]; those of several conflict, and are run again as any other (see `query`).

mod chain;
mod list;
mod moving;
mod prune;
#[cfg(test)]
mod tests;
mod verify;

use domain::{AuditEntry, AuditHead};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::query::{Variables, to_doc};
use crate::{Result, Store};

pub use list::AuditFilter;
pub use prune::Pruned;

/// The statements that append the row of [`add`] to the chain. The number comes last, so that all before it see the old one.
pub const CREATE: &str = "
    LET $audit_head = (UPDATE ONLY audit_head:one SET prev = hash, sort = <string> (9223372036854775806 - seq), \
      hash = crypto::sha256(string::concat(hash, '\\n', <string> (seq + 1), '\\n', $audit.doc)), seq += 1);
    CREATE type::record('audit_entry', $audit_head.seq) SET prev = $audit_head.prev, hash = $audit_head.hash, \
      by_actor = string::concat($audit.actor, $audit_head.sort), by_action = string::concat($audit.action, $audit_head.sort), \
      by_target = string::concat($audit.target, $audit_head.sort), doc = $audit.doc RETURN NONE;";

/// The parameter of [`CREATE`]; a transaction that has it queues for the head.
pub const PARAMETER: &str = "audit";

/// Adds the row to a transaction's parameters, as `$audit`.
pub fn add(variables: &mut Variables, entry: &AuditEntry) -> Result<()> {
    variables.insert(PARAMETER.to_owned(), row(entry)?);
    Ok(())
}

/// The statements that append several rows, each as [`row`] makes it, which stand in [`PARAMETER`].
pub fn create_all() -> String {
    format!("FOR $entry IN $audit {{ {} }};", CREATE.replace("$audit.", "$entry."))
}

/// What [`CREATE`] needs of an entry.
pub fn row(entry: &AuditEntry) -> Result<Value> {
    let [actor, action, target] = chain::words(entry).map(chain::prefix);
    Ok(json!({ "actor": actor, "action": action, "target": target, "doc": to_doc("audit_entry", entry)? }))
}

/// The end of the chain, and the oldest row that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Ends {
    seq: u64,
    hash: String,
    first: u64,
}

impl Store {
    /// Writes a row by itself, for what changes nothing else.
    ///
    /// # Errors
    /// The database's.
    pub async fn append_audit(&self, audit: &AuditEntry) -> Result<()> {
        let mut variables = Variables::new();
        add(&mut variables, audit)?;
        self.transact("write the audit trail", CREATE, variables).await?;
        Ok(())
    }

    /// The newest rows, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn audit_entries(&self, limit: u32) -> Result<Vec<AuditEntry>> {
        let page = self.list_audit(&AuditFilter { limit, ..AuditFilter::default() }).await?;
        Ok(page.items.into_iter().map(|record| record.entry).collect())
    }

    /// The end of the chain as it is now.
    ///
    /// # Errors
    /// The database's.
    pub async fn audit_head(&self) -> Result<AuditHead> {
        let Ends { seq, hash, .. } = self.audit_ends().await?;
        Ok(AuditHead { seq, hash })
    }

    async fn audit_ends(&self) -> Result<Ends> {
        let text = "SELECT seq, hash, first FROM audit_head:one";
        let ends = self.row("read the head of the audit trail", "audit_head", text, Variables::new()).await?;
        // Without its head nothing can be appended: whoever took it away has taken the whole chain.
        Ok(ends.unwrap_or_else(|| Ends { seq: 0, hash: AuditHead::GENESIS.to_owned(), first: 1 }))
    }
}
