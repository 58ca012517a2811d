//! What lists and searches need to know of every runbook, read once and then only what changed.

use std::collections::HashMap;
use std::fmt::Write;

use domain::runbook::LastRun;
use domain::{Runbook, RunbookId, RunbookSummary, Timestamp};
use serde::Deserialize;

use crate::query::{Variables, from_doc, variables};
use crate::runbooks::{COLUMNS, Row};
use crate::{Result, Store};

/// How much of a description a list shows, in characters.
const SUMMARY: usize = 160;

/// A runbook as searches see it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// Its id.
    #[serde(rename = "key")]
    pub id: RunbookId,
    /// Its title.
    pub title: String,
    /// Title, description and tags in lower case; empty once it is deleted.
    pub search: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Where it stands in a list, the newest change first; empty once it is deleted.
    pub sort: String,
    /// The number of its last change among all changes of runbooks.
    pub changed: u64,
}

/// What a list reads of a version: not what it is made of.
#[derive(Deserialize)]
struct Doc {
    id: RunbookId,
    title: String,
    description: String,
    tags: Vec<String>,
    version: u32,
    updated_by: String,
    updated_at: Timestamp,
}

impl Store {
    /// The runbooks that changed after the change of this number, deleted ones included; 0 for all there ever were.
    ///
    /// # Errors
    /// The database's.
    pub async fn runbooks_changed_after(&self, known: u64) -> Result<Vec<Listed>> {
        let text = "SELECT key, title, search, tags, sort, changed FROM runbook WHERE changed > $known";
        self.rows("read what changed of the runbooks", "runbook", text, variables! { known: known }).await
    }

    /// The latest versions of these runbooks, in this order, without those that are gone.
    ///
    /// # Errors
    /// The database's.
    pub async fn runbooks_by_id(&self, ids: &[RunbookId]) -> Result<Vec<Runbook>> {
        let found = self.rows_by_id(ids).await?.iter().map(Row::runbook).collect::<Result<Vec<_>>>()?;
        Ok(in_order(ids, found, |runbook| runbook.id))
    }

    /// The same as lists show them; whose favourites they are is not known here.
    ///
    /// # Errors
    /// The database's.
    pub async fn runbook_summaries(&self, ids: &[RunbookId]) -> Result<Vec<RunbookSummary>> {
        let found = self.rows_by_id(ids).await?.iter().map(summary).collect::<Result<Vec<_>>>()?;
        Ok(in_order(ids, found, |runbook| runbook.id))
    }

    async fn rows_by_id(&self, ids: &[RunbookId]) -> Result<Vec<Row>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (mut text, mut variables) = (format!("SELECT {COLUMNS} FROM"), Variables::new());
        for (place, id) in ids.iter().enumerate() {
            let separator = if place == 0 { "" } else { "," };
            let _ = write!(text, "{separator} type::record('runbook', $id{place})");
            variables.insert(format!("id{place}"), id.to_string().into());
        }
        text.push_str(" WHERE deleted_at = 0");
        self.rows("read runbooks", "runbook", &text, variables).await
    }
}

fn summary(row: &Row) -> Result<RunbookSummary> {
    let doc: Doc = from_doc("runbook", &row.doc)?;
    let last_run: Option<LastRun> = row.last_run()?;
    Ok(RunbookSummary {
        id: doc.id,
        title: doc.title,
        description: beginning(&doc.description),
        tags: doc.tags,
        version: doc.version,
        updated_by: doc.updated_by,
        updated_at: doc.updated_at,
        last_run,
        favourite: false,
    })
}

/// What was found, in the order in which it was asked for.
fn in_order<T>(ids: &[RunbookId], mut found: Vec<T>, id: impl Fn(&T) -> RunbookId) -> Vec<T> {
    let places: HashMap<RunbookId, usize> = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    found.sort_by_key(|item| places.get(&id(item)).copied());
    found
}

/// The beginning of a description.
fn beginning(text: &str) -> String {
    let mut characters = text.chars();
    let mut short: String = characters.by_ref().take(SUMMARY).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}
