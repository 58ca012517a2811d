//! Notes on runs, under `[run, note]`.

use domain::{AuditEntry, Note, NoteId, RunId};

use crate::query::{from_doc, to_doc, variables};
use crate::{Result, Store, audit};

impl Store {
    /// Every note on a run, deleted ones too, the first one first.
    ///
    /// # Errors
    /// The database's.
    pub async fn notes(&self, run: RunId) -> Result<Vec<Note>> {
        // An id is hexadecimal digits and hyphens.
        let text = "SELECT VALUE doc FROM note:[$key, '0']..=[$key, 'g']";
        let docs: Vec<String> = self.rows("read notes", "note", text, variables! { key: run }).await?;
        docs.iter().map(|doc| from_doc("note", doc)).collect()
    }

    /// A note.
    ///
    /// # Errors
    /// The database's.
    pub async fn note(&self, run: RunId, id: NoteId) -> Result<Option<Note>> {
        let text = "SELECT VALUE doc FROM type::record('note', [$key, $id])";
        let doc: Option<String> = self.row("read a note", "note", text, variables! { key: run, id: id }).await?;
        doc.map(|doc| from_doc("note", &doc)).transpose()
    }

    /// Writes a note, new or changed.
    ///
    /// # Errors
    /// The database's.
    pub async fn write_note(&self, run: RunId, note: &Note, audit: &AuditEntry) -> Result<()> {
        let statements = format!("UPSERT type::record('note', [$key, $id]) SET doc = $note RETURN NONE;\n{}", audit::CREATE);
        let mut variables = variables! { key: run, id: note.id, note: to_doc("note", note)? };
        audit::add(&mut variables, audit)?;
        self.transact("write a note", &statements, variables).await?;
        Ok(())
    }
}
