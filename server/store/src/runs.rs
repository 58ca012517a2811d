//! Runs and their steps, as people read and control them.

use domain::{AuditEntry, Page, Run, RunId, RunMode, RunState, RunbookId, Step, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::query::{from_doc, from_hex, micros, optional_time, read_optional_time, to_doc, variables};
use crate::runbooks::page;
use crate::{Result, Store, audit};

/// Which runs to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunFilter {
    /// Of this runbook.
    pub runbook: Option<RunbookId>,
    /// In this state.
    pub state: Option<RunState>,
    /// Started by the person of this name.
    pub user: Option<String>,
    /// Asked for at or after.
    pub since: Option<Timestamp>,
    /// Asked for before.
    pub until: Option<Timestamp>,
    /// How many at most; 0 is taken as 1.
    pub limit: u32,
    /// Where to go on: `next` of the page before.
    pub cursor: Option<String>,
}

/// What a control changes beside the state. Error, end and mode are written as given; no mode leaves it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ControlChange {
    /// The event number that the change is based on, and the new one, where no worker has the run.
    pub event: Option<(u64, u64)>,
    /// Steps to write.
    pub steps: Vec<Step>,
    /// Why it failed.
    pub error: Option<String>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Another mode.
    pub mode: Option<RunMode>,
    /// Whether a worker is to take it up now.
    pub wake: bool,
}

/// The statement that writes `$steps`, from [`step_rows`], of the run `$key`.
pub const WRITE_STEPS: &str =
    "FOR $step IN $steps { UPSERT type::record('step', [$key, $step.ordinal, $step.attempt]) SET doc = $step.doc; };";

/// The columns that overrule the document; every query of runs reads these.
pub const COLUMNS: &str = "doc, sort, number, state, mode, started_at, ended_at, error, event, owner, fence";

#[derive(Deserialize)]
pub struct RunRow {
    doc: String,
    sort: String,
    number: u64,
    pub state: RunState,
    mode: RunMode,
    started_at: String,
    ended_at: String,
    error: String,
    event: u64,
    pub owner: String,
    pub fence: u64,
}

impl RunRow {
    pub fn run(&self) -> Result<Run> {
        let run: Run = from_doc("run", &self.doc)?;
        Ok(Run {
            number: self.number,
            state: self.state,
            mode: self.mode,
            started_at: read_optional_time("run", &self.started_at)?,
            ended_at: read_optional_time("run", &self.ended_at)?,
            error: Some(self.error.clone()).filter(|error| !error.is_empty()),
            event: self.event,
            ..run
        })
    }
}

impl Store {
    /// The run.
    ///
    /// # Errors
    /// The database's.
    pub async fn run(&self, id: RunId) -> Result<Option<Run>> {
        let text = format!("SELECT {COLUMNS} FROM type::record('run', $key)");
        let row: Option<RunRow> = self.row("read a run", "run", &text, variables! { key: id.to_string() }).await?;
        row.map(|row| row.run()).transpose()
    }

    /// The run's parameters as the vault sealed them, where it has secret ones.
    ///
    /// # Errors
    /// The database's.
    pub async fn sealed_parameters(&self, id: RunId) -> Result<Option<Vec<u8>>> {
        let text = "SELECT VALUE sealed FROM type::record('run', $key)";
        let sealed: Option<String> = self.row("read parameters", "run", text, variables! { key: id.to_string() }).await?;
        sealed.filter(|sealed| !sealed.is_empty()).map(|sealed| from_hex("run", &sealed)).transpose()
    }

    /// The run's steps, by ordinal and attempt.
    ///
    /// # Errors
    /// The database's.
    pub async fn steps(&self, id: RunId) -> Result<Vec<Step>> {
        let text = "SELECT VALUE doc FROM step:[$key, 0, 0]..=[$key, 4294967295, 4294967295]";
        let docs: Vec<String> = self.rows("read steps", "step", text, variables! { key: id.to_string() }).await?;
        docs.iter().map(|doc| from_doc("step", doc)).collect()
    }

    /// The runs that fit, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_runs(&self, filter: &RunFilter) -> Result<Page<Run>> {
        let limit = filter.limit.max(1);
        // Keys count down: the latest time is the first key. `until` itself is outside, `since` inside.
        let key = |at: Timestamp| format!("{:019}", i64::MAX.saturating_sub(micros(at)));
        let first = filter.until.map(|until| format!("{}~", key(until))).unwrap_or_default();
        let after = filter.cursor.clone().unwrap_or_default().max(first);
        let mut text = format!("SELECT {COLUMNS} FROM run WHERE sort > $after");
        let mut variables = variables! { after: after, limit: limit + 1 };
        match filter.runbook {
            Some(runbook) => {
                text.push_str(" AND runbook = $runbook");
                variables.insert("runbook".to_owned(), runbook.to_string().into());
            }
            None => text.push_str(" AND listed = true"),
        }
        if let Some(state) = filter.state {
            text.push_str(" AND state = $state");
            variables.insert("state".to_owned(), state.as_str().into());
        }
        if let Some(user) = &filter.user {
            text.push_str(" AND started_by = $user");
            variables.insert("user".to_owned(), user.as_str().into());
        }
        text.push_str(" ORDER BY sort LIMIT $limit");
        let mut rows: Vec<RunRow> = self.rows("list runs", "run", &text, variables).await?;
        if let Some(since) = filter.since {
            // Here and not there: a bound on both sides makes the database read far more than the limit.
            let end = format!("{}~", key(since));
            rows.retain(|row| row.sort < end);
        }
        page(rows, limit, |row| row.sort.clone(), RunRow::run)
    }

    /// Takes a run from one state to another for a person. False: it is no longer in `from`.
    ///
    /// A state that needs no worker frees the run of its worker; `wake` calls one, at the time of the audit row.
    ///
    /// # Errors
    /// The database's.
    pub async fn control_run(
        &self,
        id: RunId,
        from: RunState,
        to: RunState,
        change: &ControlChange,
        audit: &AuditEntry,
    ) -> Result<bool> {
        let statements = format!(
            "LET $row = (SELECT state, mode, event, owner, wake_at FROM ONLY type::record('run', $key));
             IF $row = NONE OR $row.state != $from {{ THROW 'guard:moved' }};
             IF $event != 0 AND $row.event != $seen {{ THROW 'guard:moved' }};
             UPDATE type::record('run', $key) SET state = $to, error = $error, ended_at = $ended_at,
               mode = IF $mode = '' {{ $row.mode }} ELSE {{ $mode }},
               event = IF $event = 0 {{ $row.event }} ELSE {{ $event }},
               owner = IF $free {{ '' }} ELSE {{ $row.owner }},
               wake_at = IF $free {{ 0 }} ELSE IF $wake AND $row.owner = '' {{ $now }} ELSE {{ $row.wake_at }};
             {WRITE_STEPS}
             {}",
            audit::CREATE
        );
        let mut variables = variables! {
            key: id.to_string(),
            from: from.as_str(),
            to: to.as_str(),
            error: change.error.as_deref().unwrap_or_default(),
            ended_at: optional_time(change.ended_at),
            mode: change.mode.map_or(Value::from(""), |mode| json!(mode)),
            seen: change.event.map_or(0, |(seen, _)| seen),
            event: change.event.map_or(0, |(_, event)| event),
            free: !to.needs_worker(),
            wake: change.wake,
            now: micros(audit.at),
            steps: step_rows(&change.steps)?,
        };
        audit::add(&mut variables, audit)?;
        Ok(self.transact("control a run", &statements, variables).await?.is_committed())
    }
}

/// The steps as [`WRITE_STEPS`] wants them.
pub fn step_rows(steps: &[Step]) -> Result<Value> {
    let rows = steps.iter().map(|step| {
        let doc = to_doc("step", step)?;
        Ok(json!({ "ordinal": step.ordinal, "attempt": step.attempt, "doc": doc }))
    });
    Ok(Value::Array(rows.collect::<Result<_>>()?))
}
