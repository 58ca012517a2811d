//! Runbooks: a head row with the latest version, and one row for each version there ever was.

use domain::runbook::LastRun;
use domain::{AuditEntry, Page, RunId, RunState, Runbook, RunbookId, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::query::{from_doc, from_value, micros, sort_key, to_doc, variables};
use crate::{Result, Store, StoreError, audit};

/// The columns of a head row; the newest run's come through its link.
pub const COLUMNS: &str = "doc, sort, last_run.doc AS run_doc, last_run.state AS run_state";

/// Numbers a change of a runbook; the statement that follows notes the number in the row.
const CHANGES: &str = "UPDATE counter:runbook SET value += 1 RETURN NONE;";

#[derive(Deserialize)]
pub struct Row {
    pub doc: String,
    sort: String,
    run_doc: Option<String>,
    run_state: Option<RunState>,
}

/// What is read of the newest run.
#[derive(Deserialize)]
struct RunDoc {
    id: RunId,
    created_at: Timestamp,
    started_by: String,
}

impl Row {
    pub fn runbook(&self) -> Result<Runbook> {
        Ok(Runbook { last_run: self.last_run()?, ..from_doc("runbook", &self.doc)? })
    }

    pub fn last_run(&self) -> Result<Option<LastRun>> {
        let (Some(doc), Some(state)) = (&self.run_doc, self.run_state) else { return Ok(None) };
        let run: RunDoc = from_doc("run", doc)?;
        Ok(Some(LastRun { id: run.id, state, at: run.created_at, by: run.started_by }))
    }
}

impl Store {
    /// Stores a new runbook with its first version.
    ///
    /// # Errors
    /// The database's.
    pub async fn create_runbook(&self, runbook: &Runbook, references: &[String], audit: &AuditEntry) -> Result<()> {
        let head = "CREATE type::record('runbook', $key) SET key = $key, deleted_at = 0, title = $title, version = $version, \
                    doc = $doc, sort = $sort, search = $search, tags = $tags, uses = $uses, changed = counter:runbook.value;";
        let outcome = self.write_version("store a runbook", head, runbook, references, audit).await?;
        if outcome {
            return Ok(());
        }
        Err(StoreError::Query { operation: "store a runbook", source: "a runbook has this id".into() })
    }

    /// Stores a new version. False: the latest one is not `expected_version`, or the runbook is gone.
    ///
    /// # Errors
    /// The database's.
    pub async fn update_runbook(
        &self,
        runbook: &Runbook,
        expected_version: u32,
        references: &[String],
        audit: &AuditEntry,
    ) -> Result<bool> {
        let head = format!(
            "LET $head = (SELECT version, deleted_at FROM ONLY type::record('runbook', $key));
             IF $head = NONE OR $head.deleted_at > 0 OR $head.version != {expected_version} {{ THROW 'guard:moved' }};
             UPDATE type::record('runbook', $key) SET title = $title, version = $version, doc = $doc, sort = $sort, \
             search = $search, tags = $tags, uses = $uses, changed = counter:runbook.value;"
        );
        self.write_version("store a version of a runbook", &head, runbook, references, audit).await
    }

    async fn write_version(
        &self,
        operation: &'static str,
        head: &str,
        runbook: &Runbook,
        references: &[String],
        audit: &AuditEntry,
    ) -> Result<bool> {
        let statements = format!(
            "{CHANGES}
             {head}
             CREATE type::record('runbook_version', [$key, $version]) SET doc = $doc;
             {}",
            audit::CREATE
        );
        // The newest run is not part of a version.
        let doc = to_doc("runbook", &Runbook { last_run: None, ..runbook.clone() })?;
        let search = format!("{}\n{}\n{}", runbook.title, runbook.description, runbook.tags.join("\n")).to_lowercase();
        let mut variables = variables! {
            key: runbook.id.to_string(),
            title: runbook.title,
            version: runbook.version,
            doc: doc,
            sort: sort_key(runbook.updated_at, runbook.id),
            search: search,
            tags: runbook.tags,
            uses: references,
        };
        audit::add(&mut variables, audit)?;
        Ok(self.transact(operation, &statements, variables).await?.is_committed())
    }

    /// Marks a runbook as deleted; its versions stay. False: there is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete_runbook(&self, id: RunbookId, at: Timestamp, audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "LET $head = (SELECT deleted_at FROM ONLY type::record('runbook', $key));
             IF $head = NONE OR $head.deleted_at > 0 {{ THROW 'guard:gone' }};
             {CHANGES}
             UPDATE type::record('runbook', $key) SET deleted_at = $at, sort = '', search = '', tags = [], uses = [], \
             changed = counter:runbook.value;
             DELETE favourite WHERE runbook = $key;
             {}",
            audit::CREATE
        );
        let mut variables = variables! { key: id.to_string(), at: micros(at) };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("delete a runbook", &statements, variables).await?.is_committed())
    }

    /// The latest version, with the newest run; `None` also of a deleted runbook.
    ///
    /// # Errors
    /// The database's.
    pub async fn runbook(&self, id: RunbookId) -> Result<Option<Runbook>> {
        let text = format!("SELECT {COLUMNS} FROM type::record('runbook', $key) WHERE deleted_at = 0");
        let row: Option<Row> = self.row("read a runbook", "runbook", &text, variables! { key: id.to_string() }).await?;
        row.map(|row| row.runbook()).transpose()
    }

    /// One version, also of a deleted runbook.
    ///
    /// # Errors
    /// The database's.
    pub async fn runbook_version(&self, id: RunbookId, version: u32) -> Result<Option<Runbook>> {
        let text = "SELECT VALUE doc FROM type::record('runbook_version', [$key, $version])";
        let variables = variables! { key: id.to_string(), version: version };
        let doc: Option<String> = self.row("read a version of a runbook", "runbook_version", text, variables).await?;
        doc.map(|doc| from_doc("runbook_version", &doc)).transpose()
    }

    /// Every version, newest first; none of a runbook that is unknown or deleted.
    ///
    /// # Errors
    /// The database's.
    pub async fn runbook_versions(&self, id: RunbookId) -> Result<Vec<Runbook>> {
        if self.runbook(id).await?.is_none() {
            return Ok(Vec::new());
        }
        let text = "SELECT VALUE doc FROM runbook_version:[$key, 0]..=[$key, 4294967295]";
        let docs: Vec<String> = self.rows("list versions", "runbook_version", text, variables! { key: id.to_string() }).await?;
        docs.iter().rev().map(|doc| from_doc("runbook_version", doc)).collect()
    }

    /// At most `limit` runbooks (0 is taken as 1), newest change first; `after` is the `next` of the page before, or empty.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_runbooks(&self, after: &str, limit: u32) -> Result<Page<Runbook>> {
        let limit = limit.max(1);
        let text = format!("SELECT {COLUMNS} FROM runbook WHERE deleted_at = 0 AND sort > $after ORDER BY sort LIMIT $limit");
        let variables = variables! { after: after, limit: limit + 1 };
        let rows: Vec<Row> = self.rows("list runbooks", "runbook", &text, variables).await?;
        page(rows, limit, |row| row.sort.clone(), Row::runbook)
    }

    /// The live runbooks that name any of these, by what they were stored with: their ids and titles.
    ///
    /// # Errors
    /// The database's.
    pub async fn runbooks_using(&self, references: &[String]) -> Result<Vec<(RunbookId, String)>> {
        let text = "SELECT key, title FROM runbook WHERE uses CONTAINSANY $references";
        let rows: Vec<Value> =
            self.rows("find runbooks by what they name", "runbook", text, variables! { references: references }).await?;
        let mut found = rows
            .into_iter()
            .map(|mut row| Ok((from_value("runbook", row["key"].take())?, from_value("runbook", row["title"].take())?)))
            .collect::<Result<Vec<(RunbookId, String)>>>()?;
        found.sort_by(|a, b| a.1.cmp(&b.1));
        Ok(found)
    }
}

/// Makes a page of rows that were asked for with one more than the limit.
pub fn page<R, T>(mut rows: Vec<R>, limit: u32, key: impl Fn(&R) -> String, read: impl Fn(&R) -> Result<T>) -> Result<Page<T>> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(key);
    Ok(Page { items: rows.iter().map(read).collect::<Result<_>>()?, next })
}
