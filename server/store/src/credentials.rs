//! Credentials: summaries, and secrets as the vault sealed them.

use domain::{AuditEntry, CredentialId, CredentialSummary, RunId, Timestamp};
use serde::Deserialize;

use crate::query::{from_doc, from_hex, optional_time, read_optional_time, to_doc, variables};
use crate::sealed::LOST;
use crate::{Result, Store, audit};

#[derive(Deserialize)]
struct Row {
    doc: String,
    last_used_at: String,
    last_used_by: Option<String>,
    #[serde(default)]
    sealed: String,
}

impl Row {
    fn summary(&self) -> Result<CredentialSummary> {
        let mut summary: CredentialSummary = from_doc("credential", &self.doc)?;
        summary.last_used_at = read_optional_time("credential", &self.last_used_at)?;
        summary.last_used_by = self.last_used_by.as_deref().and_then(|run| run.parse().ok());
        Ok(summary)
    }
}

impl Store {
    /// Stores a credential. False: the name is taken.
    ///
    /// # Errors
    /// The database's.
    pub async fn create_credential(&self, credential: &CredentialSummary, sealed: &[u8], audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "CREATE type::record('credential', $id) SET name = $name, doc = $doc, sealed = $sealed, last_used_at = $used;
             {}",
            audit::CREATE
        );
        let mut variables = variables! {
            id: credential.id.to_string(),
            name: credential.name,
            doc: to_doc("credential", credential)?,
            sealed: hex::encode(sealed),
            used: optional_time(credential.last_used_at),
        };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("store a credential", &statements, variables).await?.is_committed())
    }

    /// Stores the secret of a credential anew that had lost it. False: it has one, or is gone.
    ///
    /// # Errors
    /// The database's.
    pub async fn renew_credential(&self, credential: &CredentialSummary, sealed: &[u8], audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "LET $renewed = (UPDATE type::record('credential', $id) SET doc = $doc, sealed = $sealed WHERE sealed = $lost);
             IF array::len($renewed) = 0 {{ THROW 'guard:gone' }};
             {}",
            audit::CREATE
        );
        let mut variables = variables! {
            id: credential.id.to_string(),
            doc: to_doc("credential", credential)?,
            sealed: hex::encode(sealed),
            lost: hex::encode(LOST),
        };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("store a credential anew", &statements, variables).await?.is_committed())
    }

    /// Every credential, by name.
    ///
    /// # Errors
    /// The database's.
    pub async fn credentials(&self) -> Result<Vec<CredentialSummary>> {
        let text = "SELECT doc, last_used_at, last_used_by FROM credential";
        let rows: Vec<Row> = self.rows("list credentials", "credential", text, variables! {}).await?;
        let mut summaries = rows.iter().map(Row::summary).collect::<Result<Vec<_>>>()?;
        summaries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(summaries)
    }

    /// The credential of that id, or else of that name, with its sealed secret.
    ///
    /// # Errors
    /// The database's.
    pub async fn credential(&self, id_or_name: &str) -> Result<Option<(CredentialSummary, Vec<u8>)>> {
        let columns = "SELECT doc, last_used_at, last_used_by, sealed FROM";
        let by_id = format!("{columns} type::record('credential', $given)");
        let by_name = format!("{columns} credential WHERE name = $given LIMIT 1");
        for text in [by_id, by_name] {
            let given = variables! { given: id_or_name };
            if let Some(row) = self.row::<Row>("read a credential", "credential", &text, given).await? {
                return Ok(Some((row.summary()?, from_hex("credential", &row.sealed)?)));
            }
        }
        Ok(None)
    }

    /// Deletes a credential. False: there is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete_credential(&self, id: CredentialId, audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "IF !record::exists(type::record('credential', $id)) {{ THROW 'guard:gone' }};
             DELETE type::record('credential', $id);
             {}",
            audit::CREATE
        );
        let mut variables = variables! { id: id.to_string() };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("delete a credential", &statements, variables).await?.is_committed())
    }

    /// Notes that a step of a run was given the secret, or a look at a host. One that was deleted meanwhile leaves the audit row alone.
    ///
    /// # Errors
    /// The database's.
    pub async fn credential_used(&self, id: CredentialId, at: Timestamp, run: Option<RunId>, audit: &AuditEntry) -> Result<()> {
        let statements = format!(
            "UPDATE type::record('credential', $id) SET last_used_at = $at, last_used_by = IF $run = '' {{ NONE }} ELSE {{ $run }};
             {}",
            audit::CREATE
        );
        let run = run.map(|run| run.to_string()).unwrap_or_default();
        let mut variables = variables! { id: id.to_string(), at: optional_time(Some(at)), run: run };
        audit::add(&mut variables, audit)?;
        self.transact("note the use of a credential", &statements, variables).await?;
        Ok(())
    }
}
