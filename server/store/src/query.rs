//! One-shot queries: parameters go in as JSON, rows come out through serde.
//!
//! SurrealDB runs transactions on snapshots and lets the first committer win: the loser gets a conflict and nothing of it is
//! written, so it is run again here, a bounded number of times. A guard inside a transaction is a `THROW "guard:<word>"`.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use surrealdb::IndexedResults;
use surrealdb::types::{QueryError, Value as DbValue};

use domain::Timestamp;

use crate::error::is_disk_failure;
use crate::{Result, Store, StoreError, audit};

/// How often a conflicting transaction is run before its conflict is an error.
pub(crate) const ATTEMPTS: u32 = 40;
/// How long a database may take to answer. A server that is gone is waited for by its client, for ever.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a guard throws begins with this.
const GUARD: &str = "guard:";
/// How a transaction begins.
const BEGIN: &str = "BEGIN;";

/// Parameters of a query.
pub type Variables = Map<String, Value>;

/// How a transaction ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it is written.
    Committed,
    /// Nothing of it is: a guard refused, with this word; `exists` for a unique value that is taken.
    Refused(String),
}

impl Outcome {
    pub fn is_committed(&self) -> bool {
        *self == Self::Committed
    }
}

impl Store {
    /// Runs one reading or conditional statement and reads the rows of its answer.
    pub(crate) async fn rows<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        table: &'static str,
        text: &str,
        variables: Variables,
    ) -> Result<Vec<T>> {
        let values = self.values(operation, text, variables).await?;
        values.into_iter().map(|value| from_value(table, value.into_json_value())).collect()
    }

    /// As [`Store::rows`], as the database gives them.
    pub(crate) async fn values(&self, operation: &'static str, text: &str, variables: Variables) -> Result<Vec<DbValue>> {
        let mut results = match self.attempt(operation, text, &variables, PATIENCE).await? {
            Answer::Done(results) => results,
            Answer::Refused(word) => return Err(StoreError::Query { operation, source: word.into() }),
        };
        Ok(match results.take(0).map_err(|error| StoreError::from_database(operation, error))? {
            DbValue::Array(items) => items.into_vec(),
            DbValue::None | DbValue::Null => Vec::new(),
            other => vec![other],
        })
    }

    /// As [`Store::rows`], for at most one row.
    pub(crate) async fn row<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        table: &'static str,
        text: &str,
        variables: Variables,
    ) -> Result<Option<T>> {
        Ok(self.rows(operation, table, text, variables).await?.into_iter().next())
    }

    /// Runs the statements as one transaction.
    pub(crate) async fn transact(&self, operation: &'static str, statements: &str, variables: Variables) -> Result<Outcome> {
        self.transact_within(operation, statements, variables, PATIENCE).await
    }

    /// [`Store::transact`] for what may take long.
    pub(crate) async fn transact_within(
        &self,
        operation: &'static str,
        statements: &str,
        variables: Variables,
        patience: Duration,
    ) -> Result<Outcome> {
        let text = format!("{BEGIN}\n{statements}\nCOMMIT;");
        Ok(match self.attempt(operation, &text, &variables, patience).await? {
            Answer::Done(_) => Outcome::Committed,
            Answer::Refused(word) => Outcome::Refused(word),
        })
    }

    async fn attempt(&self, operation: &'static str, text: &str, variables: &Variables, patience: Duration) -> Result<Answer> {
        let unavailable = |source| StoreError::Unavailable { operation, source };
        // What is asked for is written or not, and an error that came late does not say which.
        let writes = text.starts_with(BEGIN);
        let failed = |source| if writes { StoreError::InDoubt { operation, source } } else { unavailable(source) };
        let appends = variables.contains_key(audit::PARAMETER);
        let mut attempt = 1;
        loop {
            // Whoever gives up while waiting has changed nothing.
            let appending = match appends {
                true => Some(
                    tokio::time::timeout(patience, self.appending())
                        .await
                        .map_err(|late| StoreError::Unavailable { operation, source: late.into() })?,
                ),
                false => None,
            };
            let handle = self.keeper().handle().map_err(unavailable)?;
            let query = handle.database().map_err(unavailable)?.query(text).bind(Value::Object(variables.clone()));
            let answer = tokio::time::timeout(patience, query.into_future()).await.map_err(|late| failed(late.into()))?;
            drop(appending);
            let mut errors: Vec<surrealdb::Error> = match answer {
                Ok(mut results) => {
                    let errors: Vec<_> = results.take_errors().into_iter().collect();
                    if errors.is_empty() {
                        // It may have been written behind what another failed to write, or not at all.
                        if handle.has_failed() {
                            return Err(failed("its disk failed meanwhile".into()));
                        }
                        return Ok(Answer::Done(results));
                    }
                    errors.into_iter().map(|(_, error)| error).collect()
                }
                Err(error) => vec![error],
            };
            if let Some(word) = errors.iter().find_map(refusal) {
                return Ok(Answer::Refused(word));
            }
            if let Some(place) = errors.iter().position(is_disk_failure) {
                self.keeper().fail(&handle, errors[place].message());
                return Err(failed(Box::new(errors.swap_remove(place))));
            }
            if attempt < ATTEMPTS && errors.iter().any(is_conflict) {
                drop(handle);
                tokio::time::sleep(pause_after(attempt)).await;
                attempt += 1;
                continue;
            }
            // What failed says why; the statements around it only say that they were not executed.
            errors.sort_by_key(|error| {
                matches!(error.query_details(), Some(QueryError::NotExecuted | QueryError::Cancelled))
                    || error.message().contains("not executed")
            });
            let Some(error) = errors.into_iter().next() else { continue };
            return Err(StoreError::from_database(operation, error));
        }
    }
}

enum Answer {
    Done(IndexedResults),
    Refused(String),
}

fn refusal(error: &surrealdb::Error) -> Option<String> {
    let message = error.message();
    if let Some(start) = message.find(GUARD) {
        return Some(message[start + GUARD.len()..].trim_matches(['`', '\'', '"']).to_owned());
    }
    let taken = error.is_already_exists() || (message.contains("index") && message.contains("already contains"));
    taken.then(|| "exists".to_owned())
}

pub(crate) fn is_conflict(error: &surrealdb::Error) -> bool {
    matches!(error.query_details(), Some(QueryError::TransactionConflict))
        || ["can be retried", "Transaction retry required", "Transaction conflict", "Transaction write conflict"]
            .iter()
            .any(|word| error.message().contains(word))
}

/// Between half and all of a wait that grows to 64 ms; the hasher's random key spreads those that collided.
pub(crate) fn pause_after(attempt: u32) -> Duration {
    let longest = 1000_u64 << attempt.min(6);
    Duration::from_micros(longest / 2 + RandomState::new().hash_one(attempt) % (longest / 2))
}

/// Reads a JSON value of a row.
pub fn from_value<T: DeserializeOwned>(table: &'static str, value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|source| StoreError::Malformed {
        table,
        row: "its columns are not the ones expected".to_owned(),
        source: source.into(),
    })
}

/// Reads the document of a row.
pub fn from_doc<T: DeserializeOwned>(table: &'static str, doc: &str) -> Result<T> {
    serde_json::from_str(doc).map_err(|source| StoreError::Malformed {
        table,
        row: "its document is not the one expected".to_owned(),
        source: source.into(),
    })
}

/// Writes the document of a row.
pub fn to_doc<T: Serialize>(table: &'static str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|source| StoreError::Malformed {
        table,
        row: "it cannot be written as JSON".to_owned(),
        source: source.into(),
    })
}

/// Reads bytes that were written as hexadecimal text.
pub fn from_hex(table: &'static str, text: &str) -> Result<Vec<u8>> {
    hex::decode(text).map_err(|source| StoreError::Malformed {
        table,
        row: "its sealed value is not hexadecimal".to_owned(),
        source: source.into(),
    })
}

/// Microseconds since 1970, as times are kept.
pub fn micros(at: Timestamp) -> i64 {
    at.timestamp_micros()
}

/// The reverse of [`micros`].
pub fn time(table: &'static str, micros: i64) -> Result<Timestamp> {
    some_time(micros).ok_or_else(|| StoreError::Malformed {
        table,
        row: "a time of it is missing or too far away".to_owned(),
        source: format!("{micros} µs").into(),
    })
}

/// The reverse of [`micros`] where 0 stands for none.
pub fn some_time(micros: i64) -> Option<Timestamp> {
    Timestamp::from_timestamp_micros(micros).filter(|_| micros != 0)
}

/// A time that may be missing, to the nanosecond, as it is kept beside documents; empty for none.
pub fn optional_time(at: Option<Timestamp>) -> String {
    at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true)).unwrap_or_default()
}

/// The reverse of [`optional_time`].
pub fn read_optional_time(table: &'static str, text: &str) -> Result<Option<Timestamp>> {
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = chrono::DateTime::parse_from_rfc3339(text).map_err(|source| StoreError::Malformed {
        table,
        row: "a time of it is not RFC 3339".to_owned(),
        source: source.into(),
    })?;
    Ok(Some(parsed.to_utc()))
}

/// A text that sorts the newest first: the time counted down, then the id.
pub fn sort_key(at: Timestamp, id: impl std::fmt::Display) -> String {
    format!("{:019}_{id}", i64::MAX.saturating_sub(micros(at)))
}

/// Collects `name: value` pairs as parameters.
macro_rules! variables {
    ($($name:ident: $value:expr),* $(,)?) => {
        $crate::query::Variables::from_iter([$((stringify!($name).to_owned(), ::serde_json::json!($value))),*])
    };
}
pub(crate) use variables;
