//! Deleting the output of runs that ended long ago. The runs and their steps stay.
//!
//! First comes the record: one transaction says in the audit trail which runs it is about, and notes them as under way. Then their
//! output is deleted, piece by piece; after a crash the next call goes on with it.

use domain::{AuditEntry, RunId, Step, Timestamp};
use serde::Deserialize;

use crate::query::{Variables, optional_time, variables};
use crate::{Result, Store, audit};

/// How many pieces of output are deleted in a transaction.
const PIECES: u64 = 1_000;

/// Runs that ended, oldest first, whose output is next to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedRuns {
    /// They.
    pub runs: Vec<RunId>,
    /// Up to where this was done before, as the rows have it.
    since: String,
    /// When the last of them ended, as the rows have it.
    through: String,
}

#[derive(Deserialize)]
struct Progress {
    through: String,
    runs: Vec<RunId>,
}

#[derive(Deserialize)]
struct Ended {
    key: RunId,
    ended_at: String,
}

impl Store {
    /// The runs that ended before the given time and still have their output, oldest first, at most `limit`.
    ///
    /// # Errors
    /// The database's.
    pub async fn output_to_prune(&self, before: Timestamp, limit: u32) -> Result<Option<EndedRuns>> {
        let since = self.output_progress().await?.through;
        let text = "SELECT key, ended_at FROM run WHERE ended_at > $since AND ended_at < $before ORDER BY ended_at LIMIT $limit";
        let variables = variables! { since: since, before: optional_time(Some(before)), limit: limit.max(1) };
        let ended: Vec<Ended> = self.rows("find runs that ended long ago", "run", text, variables).await?;
        let Some(last) = ended.last() else { return Ok(None) };
        let through = last.ended_at.clone();
        Ok(Some(EndedRuns { runs: ended.into_iter().map(|run| run.key).collect(), since, through }))
    }

    /// Deletes the output of these runs. False: another process has taken them.
    ///
    /// # Errors
    /// The database's; what is left of it then is deleted by [`Store::finish_pruning_output`].
    pub async fn prune_output(&self, ended: &EndedRuns, audit: &AuditEntry) -> Result<bool> {
        let statements = format!(
            "IF retention:output.through != $since OR retention:output.runs != [] {{ THROW 'guard:moved' }};
             UPDATE retention:output SET through = $through, runs = $runs RETURN NONE;
             {}",
            audit::CREATE
        );
        let mut variables = variables! { since: ended.since, through: ended.through, runs: ended.runs };
        audit::add(&mut variables, audit)?;
        if !self.transact("prune output", &statements, variables).await?.is_committed() {
            return Ok(false);
        }
        self.finish_pruning_output().await?;
        Ok(true)
    }

    /// Deletes the output of the runs that are noted as under way.
    ///
    /// # Errors
    /// The database's.
    pub async fn finish_pruning_output(&self) -> Result<()> {
        let runs = self.output_progress().await?.runs;
        if runs.is_empty() {
            return Ok(());
        }
        for run in &runs {
            for step in self.steps(*run).await? {
                self.delete_output(*run, &step).await?;
            }
        }
        // Another process may be through with them, and be at the next ones.
        let statements = "IF retention:output.runs != $runs { THROW 'guard:moved' };
             UPDATE retention:output SET runs = [] RETURN NONE;";
        self.transact("end pruning output", statements, variables! { runs: runs }).await?;
        Ok(())
    }

    async fn delete_output(&self, run: RunId, step: &Step) -> Result<()> {
        // The last piece is noted with the step; a worker that was lost may have written some more.
        let mut first = 0;
        while first <= step.last_output {
            let last = first + PIECES - 1;
            self.delete_pieces(run, step, first, last).await?;
            first = last + 1;
        }
        self.delete_pieces(run, step, first, i64::MAX.unsigned_abs()).await
    }

    async fn delete_pieces(&self, run: RunId, step: &Step, first: u64, last: u64) -> Result<()> {
        let statements = "DELETE output:[$key, $ordinal, $attempt, $first]..=[$key, $ordinal, $attempt, $last] RETURN NONE;";
        let variables = variables! { key: run, ordinal: step.ordinal, attempt: step.attempt, first: first, last: last };
        self.transact("delete output", statements, variables).await?;
        Ok(())
    }

    async fn output_progress(&self) -> Result<Progress> {
        let text = "SELECT through, runs FROM retention:output";
        let progress = self.row("read how far output is pruned", "retention", text, Variables::new()).await?;
        Ok(progress.unwrap_or_else(|| Progress { through: String::new(), runs: Vec::new() }))
    }
}
