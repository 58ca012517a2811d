//! What a person wants to see first: what asks them something, what goes on, what failed, what they use.

use chrono::TimeDelta;
use domain::{Actor, Overview, Permission, Run, RunState};
use store::Store;

use crate::authorise::authorise;
use crate::runs::may_control;
use crate::{Result, Runbooks, now};

/// How many runs, and how many runbooks, a list of it holds at most.
const RUNS: u32 = 10;
const RUNBOOKS: usize = 8;

/// Home.
#[derive(Clone)]
pub struct Home {
    store: Store,
    runbooks: Runbooks,
}

impl Home {
    pub(crate) fn new(store: Store, runbooks: Runbooks) -> Self {
        Self { store, runbooks }
    }

    /// The overview for this person.
    ///
    /// # Errors
    /// `OutOfScope`; when the store fails.
    pub async fn overview(&self, actor: &Actor) -> Result<Overview> {
        authorise(actor, Permission::Read)?;
        let asking = self.in_states(&[RunState::Waiting, RunState::Interrupted]).await?;
        let (waiting, for_others): (Vec<Run>, Vec<Run>) = asking.into_iter().partition(|run| may_control(actor, run).is_ok());
        let on_their_way = [RunState::Running, RunState::Queued, RunState::Pausing, RunState::Stopping, RunState::Paused];
        let mut going = self.in_states(&on_their_way).await?;
        going.extend(for_others);
        let yesterday = now() - TimeDelta::days(1);
        let mut failed = self.store.runs_in_state(RunState::Failed, RUNS).await?;
        failed.retain(|run| run.ended_at.unwrap_or(run.created_at) >= yesterday);
        let favourites = self.runbooks.favourites_of(actor).await?;
        let mut recent = self.runbooks.recent(actor).await?;
        recent.truncate(RUNBOOKS);
        let by_title = self.runbooks.favourites_by_title(actor).await?;
        Ok(Overview {
            waiting: newest(waiting),
            going: newest(going),
            failed: newest(failed),
            recent: self.runbooks.summaries(&recent, &favourites).await?,
            favourites: self.runbooks.summaries(&by_title, &favourites).await?,
            runbooks: self.runbooks.total().await?,
        })
    }

    async fn in_states(&self, states: &[RunState]) -> Result<Vec<Run>> {
        let mut runs = Vec::new();
        for state in states {
            runs.extend(self.store.runs_in_state(*state, RUNS).await?);
        }
        Ok(runs)
    }
}

fn newest(mut runs: Vec<Run>) -> Vec<Run> {
    runs.sort_by_key(|run| std::cmp::Reverse(run.number));
    runs
}
