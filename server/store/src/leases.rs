//! Leases: which worker has which run. A lease is good while the row names its owner and fence; `wake_at` is when a worker
//! is next needed: at once, at the end of the lease, or (0) not before a person acts.

use domain::{Run, RunId, RunMode, RunState, Step, StepId, StepState, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::query::{Outcome, from_value, micros, optional_time, to_doc, variables};
use crate::runs::{COLUMNS, RunRow};
use crate::{Result, Store, StoreError};

/// The right to drive a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub run: RunId,
    /// The worker process.
    pub owner: String,
    /// Counts the leases of the run; an old one's holder is refused by it.
    pub fence: u64,
}

/// A run that this worker has just got.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The run, already in its new state.
    pub run: Run,
    /// The right to drive it.
    pub lease: Lease,
    /// Whether another worker, or this one before, lost it without handing it back.
    pub taken_over: bool,
}

/// What a worker writes.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The run as it shall be: its state, times, error and event.
    pub run: &'a Run,
    /// In which states the stored run must be.
    pub expect: &'a [RunState],
    /// In which mode it must be, where that matters: none, any.
    pub mode: Option<RunMode>,
    /// The steps that changed.
    pub steps: &'a [Step],
    /// Whether the worker is done with the run for now.
    pub release: bool,
}

/// What became of a [`Progress`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// All of it is written.
    Written,
    /// Nothing is: somebody took the run to this state, or gave it this mode.
    Moved(RunState, RunMode),
    /// Nothing is: the lease is not this worker's any more.
    Lost,
}

#[derive(Deserialize)]
struct Waking {
    key: RunId,
    wake_at: i64,
}

#[derive(Deserialize)]
struct Owned {
    key: RunId,
    state: RunState,
    mode: RunMode,
}

impl Store {
    /// Takes up to `limit` runs that need a worker. Those in `held` the worker has in hand: see [`Store::claim_these`].
    ///
    /// # Errors
    /// The database's.
    pub async fn claim_runs(
        &self,
        owner: &str,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
        held: &[RunId],
    ) -> Result<Vec<Claim>> {
        // One bound and not two: see the schema's 0006.
        let text = "SELECT key, wake_at FROM run WHERE listed = true AND wake_at > 0 ORDER BY wake_at LIMIT $limit";
        let found: Vec<Waking> = self.rows("find runs to take up", "run", text, variables! { limit: limit }).await?;
        let keys: Vec<RunId> = found.into_iter().filter(|run| run.wake_at <= micros(now)).map(|run| run.key).collect();
        self.claim_these(owner, now, lease_until, &keys, held).await
    }

    /// Takes these runs, as far as they still need a worker. One in `held` that is still under the worker's own name is not
    /// taken, however long ago its lease ended: its holder renews it and goes on.
    ///
    /// # Errors
    /// The database's.
    pub async fn claim_these(
        &self,
        owner: &str,
        now: Timestamp,
        lease_until: Timestamp,
        keys: &[RunId],
        held: &[RunId],
    ) -> Result<Vec<Claim>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        // Reads never conflict, so each row is read again by the update itself: who gets a row back has the run. All are one
        // commit: a disk is waited for once.
        let targets: Vec<String> = (0..keys.len()).map(|place| format!("type::record('run', $keys[{place}])")).collect();
        let text = format!(
            "UPDATE {} SET owner = $owner, fence += 1, wake_at = $until,
               state = IF state = 'queued' {{ 'running' }} ELSE {{ state }}
             WHERE wake_at > 0 AND wake_at <= $now AND state IN ['queued', 'running', 'pausing', 'stopping']
               AND (owner != $owner OR key NOT IN $held)
             RETURN {}",
            targets.join(", "),
            COLUMNS.replace("owner", "$before.owner AS owner")
        );
        let held: Vec<&RunId> = held.iter().filter(|run| keys.contains(run)).collect();
        let variables = variables! { keys: keys, held: held, owner: owner, now: micros(now), until: micros(lease_until) };
        let rows: Vec<RunRow> = self.rows("take up runs", "run", &text, variables).await?;
        rows.iter()
            .map(|row| {
                let run = row.run()?;
                let lease = Lease { run: run.id, owner: owner.to_owned(), fence: row.fence };
                Ok(Claim { run, lease, taken_over: !row.owner.is_empty() })
            })
            .collect()
    }

    /// Prolongs these leases in one commit, also such as have ended and were taken by nobody. The answer has the runs whose
    /// lease is good; any other was given back or taken.
    ///
    /// # Errors
    /// The database's.
    pub async fn renew_leases(&self, leases: &[&Lease], lease_until: Timestamp) -> Result<Vec<RunId>> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        let targets: Vec<String> = (0..leases.len()).map(|place| format!("type::record('run', $leases[{place}][0])")).collect();
        let text =
            format!("UPDATE {} SET wake_at = $until WHERE [key, owner, fence] IN $leases RETURN VALUE key", targets.join(", "));
        let leases: Vec<Value> = leases.iter().map(|lease| json!([lease.run, lease.owner, lease.fence])).collect();
        self.rows("renew leases", "run", &text, variables! { leases: leases, until: micros(lease_until) }).await
    }

    /// Ends every lease, so that its run can be taken over now: for a worker that knows all others to be dead.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_leases(&self, now: Timestamp) -> Result<()> {
        let text = "UPDATE (SELECT VALUE id FROM run WHERE listed = true AND wake_at > $now) SET wake_at = $now
                    WHERE owner != '' RETURN NONE";
        let _: Vec<Value> = self.rows("end old leases", "run", text, variables! { now: micros(now) }).await?;
        Ok(())
    }

    /// The state and mode of every run of the worker.
    ///
    /// # Errors
    /// The database's.
    pub async fn owned_states(&self, owner: &str) -> Result<Vec<(RunId, RunState, RunMode)>> {
        let text = "SELECT key, state, mode FROM run WHERE owner = $owner";
        let rows: Vec<Owned> = self.rows("read the runs of a worker", "run", text, variables! { owner: owner }).await?;
        Ok(rows.into_iter().map(|row| (row.key, row.state, row.mode)).collect())
    }

    /// The steps that are under way: begun, by runs that a worker has or is to take up, and not over.
    ///
    /// # Errors
    /// The database's.
    pub async fn steps_under_way(&self) -> Result<Vec<StepId>> {
        let text = "SELECT VALUE key FROM run WHERE listed = true AND wake_at > 0 AND state != 'queued'";
        let runs: Vec<RunId> = self.rows("find the runs under way", "run", text, variables! {}).await?;
        let mut steps = Vec::new();
        for run in runs {
            let of_run = self.steps(run).await?;
            steps.extend(of_run.into_iter().filter(|step| step.state == StepState::Running).map(|step| step.id));
        }
        Ok(steps)
    }

    /// Writes what a worker did, if the lease is still good and nobody took the run to a state or a mode it does not expect.
    ///
    /// # Errors
    /// The database's.
    pub async fn save_progress(&self, lease: &Lease, progress: &Progress<'_>) -> Result<Saved> {
        // The row that is written is also the one that is asked, in the one statement: each costs about as much as the disk.
        let released = if progress.release { ", owner = '', wake_at = 0" } else { "" };
        let mut statements = format!(
            "UPDATE type::record('run', $key) SET
               state = IF owner != $owner OR fence != $fence {{ THROW 'guard:lost' }}
                       ELSE IF state NOT IN $expect OR ($mode != '' AND mode != $mode) {{ THROW 'guard:moved ' + state + ' ' + mode }}
                       ELSE {{ $state }},
               started_at = $started_at, ended_at = $ended_at, error = $error, event = $event{released} RETURN NONE;"
        );
        let run = progress.run;
        let mut variables = variables! {
            key: lease.run,
            owner: lease.owner,
            fence: lease.fence,
            expect: progress.expect,
            mode: progress.mode.map_or(Value::from(""), |mode| json!(mode)),
            state: run.state,
            started_at: optional_time(run.started_at),
            ended_at: optional_time(run.ended_at),
            error: run.error.as_deref().unwrap_or_default(),
            event: run.event,
        };
        for (place, step) in progress.steps.iter().enumerate() {
            // A first attempt has had its row since the start of the run, and an update is the cheaper one.
            let verb = if step.attempt == 1 { "UPDATE" } else { "UPSERT" };
            let (ordinal, attempt) = (step.ordinal, step.attempt);
            statements.push_str(&format!(
                "\n{verb} type::record('step', [$key, {ordinal}, {attempt}]) SET doc = $step{place} RETURN NONE;"
            ));
            variables.insert(format!("step{place}"), to_doc("step", step)?.into());
        }
        let operation = "save the progress of a run";
        match self.transact(operation, &statements, variables).await? {
            Outcome::Committed => Ok(Saved::Written),
            Outcome::Refused(word) if word == "lost" => Ok(Saved::Lost),
            Outcome::Refused(word) => match word.strip_prefix("moved ").and_then(|now| now.split_once(' ')) {
                Some((state, mode)) => {
                    Ok(Saved::Moved(from_value("run", Value::from(state))?, from_value("run", Value::from(mode))?))
                }
                None => Err(StoreError::Query { operation, source: word.into() }),
            },
        }
    }

    /// Gives a run back for another worker to take up at once. False: the lease is lost, and nothing was written.
    ///
    /// # Errors
    /// The database's.
    pub async fn hand_back(&self, lease: &Lease, now: Timestamp) -> Result<bool> {
        let text = "UPDATE type::record('run', $key) SET owner = '', wake_at = $now
                    WHERE owner = $owner AND fence = $fence RETURN VALUE key";
        let variables = variables! { key: lease.run, owner: lease.owner, fence: lease.fence, now: micros(now) };
        let given: Vec<RunId> = self.rows("hand a run back", "run", text, variables).await?;
        Ok(!given.is_empty())
    }
}
