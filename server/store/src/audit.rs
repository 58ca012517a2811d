//! The audit trail. A change brings its row along in its own transaction; see [`CREATE`].

use std::sync::atomic::{AtomicI64, Ordering};

use domain::AuditEntry;
use serde_json::{Value, json};

use crate::query::{Variables, from_doc, micros, to_doc, variables};
use crate::{Result, Store};

/// The statement that writes the row of [`add`].
pub const CREATE: &str = "CREATE type::record('audit', $audit.id) SET at = $audit.at, action = $audit.action, \
                          target = $audit.target, doc = $audit.doc;";

/// Adds the row to a transaction's parameters, as `$audit`.
pub fn add(variables: &mut Variables, entry: &AuditEntry) -> Result<()> {
    variables.insert("audit".to_owned(), row(entry)?);
    Ok(())
}

/// The row of an entry, its id among it.
pub fn row(entry: &AuditEntry) -> Result<Value> {
    static COUNTER: AtomicI64 = AtomicI64::new(i64::MAX);
    let at = micros(entry.at);
    let id = json!([i64::MAX.saturating_sub(at), COUNTER.fetch_sub(1, Ordering::Relaxed), uuid::Uuid::now_v7().to_string()]);
    let doc = to_doc("audit", entry)?;
    Ok(json!({ "id": id, "at": at, "action": entry.action.as_str(), "target": entry.target, "doc": doc }))
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
        let text = "SELECT VALUE doc FROM audit:[0]..[9223372036854775807] LIMIT $limit";
        let docs: Vec<String> = self.rows("read the audit trail", "audit", text, variables! { limit: limit }).await?;
        docs.iter().map(|doc| from_doc("audit", doc)).collect()
    }
}
