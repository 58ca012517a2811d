//! What the vault sealed, whatever it belongs to: read through page by page, and sealed again.

use domain::{AuditEntry, Timestamp};
use serde::Deserialize;
use serde_json::json;

use crate::query::{to_doc, variables};
use crate::{Result, Store, audit};

/// What stands for a sealed value that was lost with its key: nothing opens it, and nobody looks at it again.
pub(crate) const LOST: &[u8] = b"lost";

/// Where sealed values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedKind {
    /// Secrets of credentials.
    Credential,
    /// Secret parameters of runs.
    Parameters,
}

/// A sealed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// What it belongs to; it was sealed for this id.
    pub id: String,
    /// As the vault made it.
    pub bytes: Vec<u8>,
}

/// Some sealed values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SealedPage {
    /// They; rows without any, and those that were forgotten, are left out.
    pub values: Vec<Sealed>,
    /// Where to go on; none at the end.
    pub next: Option<String>,
}

/// A value that was sealed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resealed {
    /// What it belongs to.
    pub id: String,
    /// What was there.
    pub old: Vec<u8>,
    /// What is to be there.
    pub new: Vec<u8>,
}

#[derive(Deserialize)]
struct Row {
    key: String,
    place: String,
    sealed: String,
}

impl SealedKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Credential, Self::Parameters];

    const fn table(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Parameters => "run",
        }
    }

    /// A column with an index, in whose order the table is read.
    const fn order(self) -> &'static str {
        match self {
            Self::Credential => "name",
            Self::Parameters => "sort",
        }
    }
}

impl Store {
    /// The sealed values of so many rows; of runs the newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn sealed_values(&self, kind: SealedKind, after: &str, rows: u32) -> Result<SealedPage> {
        let (table, order) = (kind.table(), kind.order());
        // What the index of all runs begins with.
        let all = if kind == SealedKind::Parameters { " AND listed = true" } else { "" };
        let text = format!(
            "SELECT record::id(id) AS key, {order} AS place, sealed, {order} FROM {table} WHERE {order} > $after{all} ORDER BY {order} LIMIT $rows"
        );
        let found: Vec<Row> = self.rows("read sealed values", table, &text, variables! { after: after, rows: rows }).await?;
        let full = u32::try_from(found.len()).is_ok_and(|count| count == rows);
        let next = found.last().filter(|_| full).map(|row| row.place.clone());
        let sealed = |row: Row| {
            // What is no hexadecimal text is damaged: the vault will say so of whatever it is given.
            let bytes = hex::decode(&row.sealed).unwrap_or_else(|_| row.sealed.into_bytes());
            (!bytes.is_empty() && bytes != LOST).then_some(Sealed { id: row.key, bytes })
        };
        Ok(SealedPage { values: found.into_iter().filter_map(sealed).collect(), next })
    }

    /// Replaces sealed values in one transaction; each only where it still is what it was.
    ///
    /// # Errors
    /// The database's.
    pub async fn replace_sealed(&self, kind: SealedKind, values: &[Resealed]) -> Result<()> {
        let row = |value: &Resealed| json!({ "id": value.id, "old": hex::encode(&value.old), "new": hex::encode(&value.new) });
        let table = kind.table();
        let statements = format!(
            "FOR $row IN $rows {{
               UPDATE type::record('{table}', $row.id) SET sealed = $row.new WHERE sealed = $row.old RETURN NONE;
             }};"
        );
        let variables = variables! { rows: values.iter().map(row).collect::<Vec<_>>() };
        self.transact("replace sealed values", &statements, variables).await?;
        Ok(())
    }

    /// Deletes sealed values that nobody can open any more, each only where it still is what it was; the credentials among what they
    /// belong to say since when.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_sealed(&self, kind: SealedKind, values: &[Sealed], at: Timestamp, audit: &AuditEntry) -> Result<()> {
        let mut rows = Vec::with_capacity(values.len());
        for Sealed { id, bytes } in values {
            let credential = if kind == SealedKind::Credential { self.credential(id).await? } else { None };
            let doc = credential
                .map(|(summary, _)| to_doc("credential", &domain::CredentialSummary { secret_lost_at: Some(at), ..summary }));
            rows.push(json!({ "id": id, "old": hex::encode(bytes), "doc": doc.transpose()?.unwrap_or_default() }));
        }
        let (table, told) = (kind.table(), if kind == SealedKind::Credential { ", doc = $row.doc" } else { "" });
        let statements = format!(
            "FOR $row IN $rows {{
               UPDATE type::record('{table}', $row.id) SET sealed = $lost{told} WHERE sealed = $row.old RETURN NONE;
             }};
             {}",
            audit::CREATE
        );
        let mut variables = variables! { rows: rows, lost: hex::encode(LOST) };
        audit::add(&mut variables, audit)?;
        self.transact("forget sealed values", &statements, variables).await?;
        Ok(())
    }
}
