//! A row of the chain: its hash, its keys, and how it is read without detours, a million at a time.

use domain::{AuditEntry, AuditRecord};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use surrealdb::types::{RecordIdKey, Value};

use crate::query::{from_doc, to_doc};
use crate::{Result, Store, StoreError};

/// Between a word and the number in a key; it occurs in no name, action or id.
const SEPARATOR: char = '\u{1f}';
/// The digits of a number in a key.
const DIGITS: usize = 19;
/// The highest number of a row.
pub const LAST: u64 = i64::MAX.unsigned_abs();

/// A row as it lies in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub seq: u64,
    pub prev: String,
    pub hash: String,
    pub by_actor: String,
    pub by_action: String,
    pub by_target: String,
    pub doc: String,
}

impl Row {
    /// The row that follows the one with this hash.
    pub fn new(prev: String, seq: u64, entry: &AuditEntry) -> Result<Self> {
        let doc = to_doc("audit_entry", entry)?;
        let [by_actor, by_action, by_target] = words(entry).map(|word| key(word, seq));
        Ok(Self { hash: hash(&prev, seq, &doc), seq, prev, by_actor, by_action, by_target, doc })
    }

    /// As a record to be inserted.
    pub fn to_json(&self) -> Json {
        json!({
            "id": self.seq,
            "prev": self.prev,
            "hash": self.hash,
            "by_actor": self.by_actor,
            "by_action": self.by_action,
            "by_target": self.by_target,
            "doc": self.doc,
        })
    }

    /// What it says.
    pub fn entry(&self) -> Result<AuditEntry> {
        from_doc("audit_entry", &self.doc)
    }

    pub fn record(self) -> Result<AuditRecord> {
        let entry = self.entry()?;
        Ok(AuditRecord { seq: self.seq, prev: self.prev, hash: self.hash, entry })
    }

    /// The number that its keys were written with.
    pub fn written_as(&self) -> Option<u64> {
        let digits = self.by_actor.len().checked_sub(DIGITS).and_then(|start| self.by_actor.get(start..))?;
        LAST.checked_sub(digits.parse().ok()?)
    }

    fn read(value: Value) -> Option<Self> {
        let Value::Object(columns) = value else { return None };
        let mut columns = columns.into_inner();
        let seq = match columns.remove("id")? {
            Value::RecordId(id) => match id.key {
                RecordIdKey::Number(seq) => u64::try_from(seq).ok()?,
                _ => return None,
            },
            _ => return None,
        };
        // A column that somebody took away is an empty text: the row is shown, and its hash does not fit.
        let mut text = |name: &str| match columns.remove(name) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        Some(Self {
            seq,
            prev: text("prev"),
            hash: text("hash"),
            by_actor: text("by_actor"),
            by_action: text("by_action"),
            by_target: text("by_target"),
            doc: text("doc"),
        })
    }
}

/// The hash of a row.
pub fn hash(prev: &str, seq: u64, doc: &str) -> String {
    let digest = Sha256::new().chain_update(prev).chain_update(format!("\n{seq}\n")).chain_update(doc).finalize();
    hex::encode(digest)
}

/// What a row is found by: who, what, to what.
pub fn words(entry: &AuditEntry) -> [&str; 3] {
    [&entry.actor_name, entry.action.as_str(), &entry.target]
}

/// What the keys of a word begin with.
pub fn prefix(word: &str) -> String {
    format!("{word}{SEPARATOR}")
}

/// The key of a word and a number.
pub fn key(word: &str, seq: u64) -> String {
    format!("{word}{SEPARATOR}{:0DIGITS$}", LAST.saturating_sub(seq))
}

/// What comes after all keys of a word.
pub fn end(word: &str) -> String {
    format!("{word}\u{20}")
}

impl Store {
    /// The rows of a query that selects whole ones.
    pub(super) async fn audit_rows(&self, text: &str, variables: crate::query::Variables) -> Result<Vec<Row>> {
        let values = self.values("read the audit trail", text, variables).await?;
        let rows = values.into_iter().map(|value| {
            Row::read(value).ok_or_else(|| StoreError::Malformed {
                table: "audit_entry",
                row: "its columns are not the ones expected".to_owned(),
                source: "it has no number".into(),
            })
        });
        rows.collect()
    }

    /// The rows with these numbers and those between, oldest first. The database reads all of a range, whatever the limit.
    pub(super) async fn audit_range(&self, first: u64, last: u64) -> Result<Vec<Row>> {
        if first > last {
            return Ok(Vec::new());
        }
        self.audit_rows(&format!("SELECT * FROM audit_entry:{first}..={last}"), crate::query::Variables::new()).await
    }
}
