//! Runbooks as files: made from documents, and written out as such.

use std::path::Path;

use domain::document::{self, Format};
use domain::{Actor, AuditAction, Permission, Runbook, RunbookId};
use serde_json::json;

use super::{MAX_TITLE, MISSING, Runbooks, clip, entry};
use crate::authorise::authorise;
use crate::{Result, ServiceError, references};

/// The largest document that can be imported, in bytes.
pub const MAX_IMPORT: usize = 16 * 1024 * 1024;

/// A runbook as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedRunbook {
    /// A name for it: letters, digits and dashes of the title, with the extension of its format.
    pub file_name: String,
    /// What it is.
    pub format: Format,
    /// What is in it.
    pub text: String,
}

impl Runbooks {
    /// A new runbook from a document: YAML, JSON or Markdown, whichever it is by its file's name or by what it holds. Of Markdown the
    /// title is the document's, else the file's name.
    ///
    /// # Errors
    /// `Forbidden` to viewers, `TooLarge`, `Invalid`.
    pub async fn import(&self, actor: &Actor, text: &str, file_name: Option<&str>) -> Result<Runbook> {
        self.import_as(actor, Format::of(text, file_name), text, file_name).await
    }

    /// A new runbook from a document that is known to be of a format.
    ///
    /// # Errors
    /// As [`Runbooks::import`].
    pub async fn import_as(&self, actor: &Actor, format: Format, text: &str, file_name: Option<&str>) -> Result<Runbook> {
        authorise(actor, Permission::Write)?;
        if text.len() > MAX_IMPORT {
            return Err(ServiceError::TooLarge);
        }
        let (text, title) = (text.to_owned(), title_from(file_name));
        // A large document is work, and others wait for this thread.
        let reading = tokio::task::spawn_blocking(move || document::read(&text, format, &title)?.check());
        let draft = reading.await.map_err(ServiceError::internal)??;
        let references = references::checked(&self.store, &draft.blocks).await?;
        let detail = json!({ "format": format, "file_name": file_name.map(|name| clip(name, MAX_TITLE)) });
        self.insert(actor, draft, &references, AuditAction::RunbookImported, detail).await
    }

    /// The latest version as a file. That somebody took it away is in the audit trail.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn export(&self, actor: &Actor, id: RunbookId, format: Format) -> Result<ExportedRunbook> {
        authorise(actor, Permission::Read)?;
        let runbook = self.store.runbook(id).await?.ok_or(MISSING)?;
        let text = document::write(&runbook.to_draft(), format);
        self.store.append_audit(&entry(actor, AuditAction::RunbookExported, &runbook, json!({ "format": format }))).await?;
        Ok(ExportedRunbook { file_name: document::file_name(&runbook.title, format), format, text })
    }
}

/// A title from a file's name: `restart-the_api.md` → `restart the api`.
fn title_from(file_name: Option<&str>) -> String {
    let stem = file_name.and_then(|name| Path::new(name).file_stem()).map(|stem| stem.to_string_lossy().into_owned());
    let words = stem.unwrap_or_default().replace(['-', '_'], " ").replace(char::is_control, " ");
    let title = clip(words.trim(), MAX_TITLE);
    if title.is_empty() { "Imported runbook".to_owned() } else { title }
}
