//! The runs that Home shows: those in one state, those of one person. Each list reads no more than it shows.

use domain::{Run, RunState, RunbookId};
use serde::Deserialize;

use crate::query::variables;
use crate::runs::{COLUMNS, RunRow};
use crate::{Result, Store};

#[derive(Deserialize)]
struct Count {
    count: u64,
}

impl Store {
    /// The newest runs in this state.
    ///
    /// # Errors
    /// The database's.
    pub async fn runs_in_state(&self, state: RunState, limit: u32) -> Result<Vec<Run>> {
        let text = format!("SELECT {COLUMNS} FROM run WHERE state = $state AND sort > '' ORDER BY sort LIMIT $limit");
        let variables = variables! { state: state.as_str(), limit: limit };
        let rows: Vec<RunRow> = self.rows("list runs in a state", "run", &text, variables).await?;
        rows.iter().map(RunRow::run).collect()
    }

    /// How many runs are in this state.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_runs_in_state(&self, state: RunState) -> Result<u64> {
        let text = "SELECT count() FROM run WHERE state = $state GROUP ALL";
        let count: Option<Count> = self.row("count runs in a state", "run", text, variables! { state: state.as_str() }).await?;
        Ok(count.map_or(0, |count| count.count))
    }

    /// The runbooks of the last runs that the person of this name started, the latest run first; one may come several times.
    ///
    /// # Errors
    /// The database's.
    pub async fn runbooks_run_by(&self, user: &str, runs: u32) -> Result<Vec<RunbookId>> {
        let text = "SELECT VALUE runbook FROM run WHERE started_by = $user AND sort > '' ORDER BY sort LIMIT $runs";
        self.rows("list what a person ran", "run", text, variables! { user: user, runs: runs }).await
    }

    /// The workers that hold a run now.
    ///
    /// # Errors
    /// The database's.
    pub async fn workers(&self) -> Result<Vec<String>> {
        let text = "SELECT VALUE owner FROM run WHERE owner > ''";
        let mut owners: Vec<String> = self.rows("list workers", "run", text, variables! {}).await?;
        owners.sort();
        owners.dedup();
        Ok(owners)
    }
}
