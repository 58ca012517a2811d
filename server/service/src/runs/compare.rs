//! Two runs of a runbook side by side: what went differently this time.

use std::time::{Duration, Instant};

use domain::diff::{RunDiff, compare_runs};
use domain::{Actor, Permission, Run, RunId, RunState};
use store::RunFilter;

use super::report::without_colours;
use super::{MISSING, Runs};
use crate::authorise::authorise;
use crate::{Report, Result, ServiceError};

/// How long it is looked for fine differences in large outputs.
const PATIENCE: Duration = Duration::from_secs(1);

impl Runs {
    /// What went differently in the later of two runs; compared with the last good run before it where no other is named.
    ///
    /// # Errors
    /// `NotFound`, also where there was no good run before; `Conflict` for runs of different runbooks.
    pub async fn compare(&self, actor: &Actor, id: RunId, with: Option<RunId>) -> Result<RunDiff> {
        authorise(actor, Permission::Read)?;
        let run = self.store.run(id).await?.ok_or(MISSING)?;
        let other = match with {
            Some(with) => self.store.run(with).await?.ok_or(MISSING)?,
            None => self.last_good(&run).await?.ok_or(ServiceError::NotFound { what: "earlier run that succeeded" })?,
        };
        if other.runbook_id != run.runbook_id {
            return Err(ServiceError::conflict("these are runs of different runbooks; two runs of the same one can be compared"));
        }
        let (old, new) = if other.number < run.number { (other.id, run.id) } else { (run.id, other.id) };
        let (old, new) = (self.plain_report(actor, old).await?, self.plain_report(actor, new).await?);
        // Large outputs are work, and others wait for this thread.
        let comparing = tokio::task::spawn_blocking(move || {
            compare_runs((&old.run, &old.steps), (&new.run, &new.steps), Instant::now().checked_add(PATIENCE))
        });
        comparing.await.map_err(ServiceError::internal)
    }

    /// The newest run of the same runbook that was started before this one and succeeded.
    async fn last_good(&self, run: &Run) -> Result<Option<Run>> {
        let filter = RunFilter {
            runbook: Some(run.runbook_id),
            state: Some(RunState::Succeeded),
            until: Some(run.created_at),
            limit: 1,
            ..RunFilter::default()
        };
        Ok(self.store.list_runs(&filter).await?.items.into_iter().next())
    }

    /// A run with what its steps wrote, as a terminal shows it.
    async fn plain_report(&self, actor: &Actor, id: RunId) -> Result<Report> {
        let Report { run, steps, notes } = self.report(actor, id).await?;
        Ok(Report { run, steps: steps.into_iter().map(|(step, output)| (step, without_colours(&output))).collect(), notes })
    }
}
