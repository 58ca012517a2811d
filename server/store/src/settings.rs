//! What the server was last started with, so that a change of it can be told, and what administrators have changed since.

use domain::AuditEntry;
use serde_json::Value;

use crate::query::{from_doc, to_doc, variables};
use crate::{Result, Store, audit};

impl Store {
    /// The settings of the last start; none before the first.
    ///
    /// # Errors
    /// The database's.
    pub async fn last_settings(&self) -> Result<Option<Value>> {
        let text = "SELECT VALUE doc FROM setting:last";
        let doc: Option<String> = self.row("read the last settings", "setting", text, variables! {}).await?;
        doc.map(|doc| from_doc("setting", &doc)).transpose()
    }

    /// Notes the settings of this start.
    ///
    /// # Errors
    /// The database's.
    pub async fn note_settings(&self, settings: &Value, audit: &AuditEntry) -> Result<()> {
        let statements = format!("UPSERT setting:last SET doc = $doc RETURN NONE;\n{}", audit::CREATE);
        let mut variables = variables! { doc: to_doc("setting", settings)? };
        audit::add(&mut variables, audit)?;
        self.transact("note the settings", &statements, variables).await?;
        Ok(())
    }

    /// How long old data is kept, as administrators have set it; none where they have not.
    ///
    /// # Errors
    /// The database's.
    pub async fn chosen_retention(&self) -> Result<Option<Value>> {
        let text = "SELECT VALUE doc FROM setting:retention";
        let doc: Option<String> = self.row("read how long data is kept", "setting", text, variables! {}).await?;
        doc.map(|doc| from_doc("setting", &doc)).transpose()
    }

    /// Sets it.
    ///
    /// # Errors
    /// The database's.
    pub async fn choose_retention(&self, retention: &Value, audit: &AuditEntry) -> Result<()> {
        let statements = format!("UPSERT setting:retention SET doc = $doc RETURN NONE;\n{}", audit::CREATE);
        let mut variables = variables! { doc: to_doc("setting", retention)? };
        audit::add(&mut variables, audit)?;
        self.transact("set how long data is kept", &statements, variables).await?;
        Ok(())
    }
}
