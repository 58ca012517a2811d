//! Runs on their way into the store: their numbers, and many starts in one commit.
//!
//! Numbers have no gaps, so every start writes the one counter, and two at a time would conflict. Here one is written at a time,
//! with all that came meanwhile: the more people ask at once, the fewer commits there are for each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{AccountId, AuditEntry, Run, RunbookId, Step};
use serde_json::{Value, json};
use tokio::sync::{Mutex as AsyncMutex, oneshot};

use crate::query::{Outcome, Variables, micros, optional_time, sort_key, to_doc, variables};
use crate::{Result, Store, StoreError, audit};

/// How many starts are one commit at most.
const MOST_AT_ONCE: usize = 64;
/// How often the counter is read again after another process has used it.
const ATTEMPTS: u32 = 40;
const OPERATION: &str = "start a run";

/// Which request a run is started by, where a repetition of it must not start another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// What names the request among those of the account: no secret, at most 64 characters.
    pub key: String,
    /// What is asked for: the same text for the same request.
    pub request: String,
}

/// What became of a request to start a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Started {
    /// It is stored.
    New(Run),
    /// The same request has started this run before; nothing was written.
    Before(Run),
    /// The key has named another request before; nothing was written.
    OtherRequest,
}

/// Refuses a repeated request, and notes a new one.
const ONCE: &str = "
    LET $known = (SELECT run, request FROM ONLY type::record('idempotency', [$account, $idempotency]));
    IF $known != NONE { THROW 'guard:repeated ' + $known.request + ' ' + $known.run };
    CREATE type::record('idempotency', [$account, $idempotency]) SET run = $once, request = $request, created_at = $asked_at
      RETURN NONE;";

/// The starts of this process.
#[derive(Default)]
pub struct Starts {
    waiting: Mutex<Vec<Start>>,
    /// The last number given, as far as it is known. Held while starts are written.
    last_number: Arc<AsyncMutex<Option<u64>>>,
}

/// One run as it is to be written, but for its number.
struct Start {
    runbook: RunbookId,
    run: Value,
    steps: Vec<Value>,
    audit: Value,
    answer: oneshot::Sender<Result<u64>>,
}

impl Store {
    /// Stores a run with its steps and gives it its number; a worker may take it up at once.
    ///
    /// # Errors
    /// The database's.
    pub async fn start_run(
        &self,
        run: Run,
        steps: &[Step],
        sealed_parameters: Option<&[u8]>,
        idempotency: Option<&Idempotency>,
        audit: &AuditEntry,
    ) -> Result<Started> {
        let (answer, number) = oneshot::channel();
        let start = Start {
            runbook: run.runbook_id,
            run: run_row(&run, sealed_parameters)?,
            steps: step_rows(&run, steps)?,
            audit: audit::row(audit)?,
            answer,
        };
        if let Some(idempotency) = idempotency {
            return self.start_once(run, start, idempotency).await;
        }
        Ok(Started::New(Run { number: self.start_beside_others(start, number).await?, ..run }))
    }

    /// Writes it alone: what refuses it must refuse no other.
    async fn start_once(&self, run: Run, start: Start, idempotency: &Idempotency) -> Result<Started> {
        let failed = |why: &str| StoreError::Query { operation: OPERATION, source: why.into() };
        let mut last_number = Arc::clone(&self.starts().last_number).lock_owned().await;
        let (number, outcome) = self.write(&[start], Some((run.started_by_id, idempotency)), &mut last_number).await?;
        drop(last_number);
        let Outcome::Refused(word) = outcome else { return Ok(Started::New(Run { number, ..run })) };
        let Some((request, before)) = word.strip_prefix("repeated ").and_then(|word| word.split_once(' ')) else {
            return Err(failed("a run has this id"));
        };
        if request != idempotency.request {
            return Ok(Started::OtherRequest);
        }
        let before = before.parse().map_err(|_| failed("the run of a repeated request has no id"))?;
        Ok(Started::Before(self.run(before).await?.ok_or_else(|| failed("it is not there"))?))
    }

    /// Writes it with all others that wait: whoever comes first does it for those behind.
    async fn start_beside_others(&self, start: Start, mut number: oneshot::Receiver<Result<u64>>) -> Result<u64> {
        let gone = || StoreError::InDoubt { operation: OPERATION, source: "nobody wrote it".into() };
        self.starts().waiting.lock().unwrap_or_else(PoisonError::into_inner).push(start);
        loop {
            let mut last_number = Arc::clone(&self.starts().last_number).lock_owned().await;
            match number.try_recv() {
                Ok(answer) => return answer,
                Err(oneshot::error::TryRecvError::Closed) => return Err(gone()),
                Err(oneshot::error::TryRecvError::Empty) => {}
            }
            let store = self.clone();
            // Not in this task: who asked may go away, and others wait for the same commit.
            let writing = tokio::spawn(async move {
                let starts = store.next_starts();
                let written = store.write(&starts, None, &mut last_number).await;
                answer(starts, written);
            });
            writing.await.map_err(|panicked| StoreError::InDoubt { operation: OPERATION, source: panicked.into() })?;
        }
    }

    /// Those that have waited longest and are still wanted.
    fn next_starts(&self) -> Vec<Start> {
        let mut waiting = self.starts().waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|start| !start.answer.is_closed());
        let count = waiting.len().min(MOST_AT_ONCE);
        waiting.drain(..count).collect()
    }

    /// Writes them in one commit; the number of the first, those of the others follow it.
    async fn write(
        &self,
        starts: &[Start],
        once: Option<(AccountId, &Idempotency)>,
        last_number: &mut Option<u64>,
    ) -> Result<(u64, Outcome)> {
        for _ in 0..ATTEMPTS {
            // Unknown again, should this fail.
            let before = match last_number.take() {
                Some(number) => number,
                None => self.counter("run").await?,
            };
            let after = before + starts.len() as u64;
            let (statements, variables) = transaction(starts, once, before, after);
            match self.transact(OPERATION, &statements, variables).await? {
                Outcome::Refused(word) if word == "counter" => {}
                outcome => {
                    *last_number = Some(if outcome.is_committed() { after } else { before });
                    return Ok((before + 1, outcome));
                }
            }
        }
        Err(StoreError::Query { operation: OPERATION, source: "others always took the next number first".into() })
    }
}

fn transaction(starts: &[Start], once: Option<(AccountId, &Idempotency)>, before: u64, after: u64) -> (String, Variables) {
    let mut statements = String::new();
    let numbered = (before + 1..).zip(starts).map(|(number, start)| {
        let mut run = start.run.clone();
        run["number"] = number.into();
        run
    });
    let mut variables = variables! {
        before: before,
        after: after,
        runs: numbered.collect::<Vec<_>>(),
        steps: starts.iter().flat_map(|start| start.steps.iter().cloned()).collect::<Vec<_>>(),
        audit: starts.iter().map(|start| start.audit.clone()).collect::<Vec<_>>(),
    };
    if let (Some((account, Idempotency { key, request })), [start]) = (once, starts) {
        statements.push_str(ONCE);
        let (run, asked_at) = (&start.run["key"], &start.run["created_at"]);
        variables.extend(variables! { account: account, idempotency: key, request: request, once: run, asked_at: asked_at });
    }
    statements.push_str(
        "UPDATE counter:run SET value = IF value = $before { $after } ELSE { THROW 'guard:counter' } RETURN NONE;
         INSERT INTO run $runs RETURN NONE;",
    );
    statements.push_str(&audit::create_all());
    if starts.iter().any(|start| !start.steps.is_empty()) {
        statements.push_str("INSERT INTO step $steps RETURN NONE;");
    }
    let newest: BTreeMap<RunbookId, &Value> = starts.iter().map(|start| (start.runbook, &start.run["key"])).collect();
    for (place, (runbook, run)) in newest.into_iter().enumerate() {
        statements.push_str(&format!(
            "UPDATE type::record('runbook', $runbook{place}) SET last_run = type::record('run', $last{place}) RETURN NONE;"
        ));
        variables.insert(format!("runbook{place}"), runbook.to_string().into());
        variables.insert(format!("last{place}"), run.clone());
    }
    (statements, variables)
}

/// Tells each what became of it.
fn answer(starts: Vec<Start>, written: Result<(u64, Outcome)>) {
    let first = match written {
        Ok((first, Outcome::Committed)) => Ok(first),
        Ok((_, Outcome::Refused(word))) => Err(StoreError::Query { operation: OPERATION, source: word.into() }),
        Err(error) => Err(error),
    };
    for (number, start) in (0..).zip(starts) {
        let answer = match &first {
            Ok(first) => Ok(first + number),
            Err(error) => Err(error.for_another()),
        };
        // Who went away meanwhile finds the run in the list.
        let _ = start.answer.send(answer);
    }
}

fn run_row(run: &Run, sealed_parameters: Option<&[u8]>) -> Result<Value> {
    let (key, sort) = (run.id.to_string(), sort_key(run.created_at, run.id));
    Ok(json!({
        "id": key,
        "key": key,
        "runbook": run.runbook_id.to_string(),
        "started_by": run.started_by,
        "created_at": micros(run.created_at),
        "state": run.state.as_str(),
        "mode": run.mode,
        "started_at": optional_time(run.started_at),
        "ended_at": optional_time(run.ended_at),
        "error": run.error.as_deref().unwrap_or_default(),
        "event": run.event,
        "doc": to_doc("run", run)?,
        "sealed": sealed_parameters.map(hex::encode).unwrap_or_default(),
        "sort_runbook": format!("{}_{sort}", run.runbook_id),
        "sort": sort,
        "owner": "",
        "fence": 0,
        "wake_at": micros(run.created_at),
    }))
}

fn step_rows(run: &Run, steps: &[Step]) -> Result<Vec<Value>> {
    let key = run.id.to_string();
    let row = |step: &Step| Ok(json!({ "id": [key, step.ordinal, step.attempt], "doc": to_doc("step", step)? }));
    steps.iter().map(row).collect()
}
