//! Opens the database and brings its schema up to date.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::query::{Variables, variables};
use crate::recovery::Keeper;
use crate::start::Starts;
use crate::{Result, StoreError};

/// How long a sign of life may take.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// The database; clones share one session.
///
/// An embedded one whose disk fails or is full refuses everything as [`StoreError::Unavailable`], and is good again by itself
/// soon after there is room.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    keeper: Arc<Keeper>,
    starts: Starts,
    // All changes write the one head of the audit trail: queueing here is cheaper than losing there.
    appending: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens `mem://`, `surrealkv:///absolute/path` or `ws://host:port` and applies what migrations are missing. A server
    /// wants the login of a root user; the embedded engines have none.
    ///
    /// # Errors
    /// [`StoreError::Connect`] where it cannot be opened or reached, or what [migrating](StoreError::SchemaTooNew) meets.
    pub async fn connect(url: &str, login: Option<(String, SecretString)>) -> Result<Self> {
        let opened = Keeper::open(url, login).await;
        let keeper = opened.map_err(|source| StoreError::Connect { url: without_password(url), source })?;
        let appending = tokio::sync::Mutex::new(());
        let store = Self { inner: Arc::new(Inner { keeper, starts: Starts::default(), appending }) };
        store.migrate().await?;
        store.move_old_audit().await?;
        Ok(store)
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// It does not answer within two seconds: who probes for readiness waits no longer.
    pub async fn ping(&self) -> Result<()> {
        let operation = "answer";
        let answer = self.rows::<serde_json::Value>(operation, "counter", "RETURN 1", Variables::new());
        let answered = tokio::time::timeout(SIGN_OF_LIFE, answer).await;
        answered.map_err(|late| StoreError::Unavailable { operation, source: late.into() })?.map(|_| ())
    }

    pub(crate) fn keeper(&self) -> &Keeper {
        &self.inner.keeper
    }

    pub(crate) fn starts(&self) -> &Starts {
        &self.inner.starts
    }

    pub(crate) async fn appending(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inner.appending.lock().await
    }

    /// Reads one of the counters.
    pub(crate) async fn counter(&self, name: &'static str) -> Result<u64> {
        let text = "SELECT VALUE value FROM type::record('counter', $name)";
        Ok(self.row("read a counter", "counter", text, variables! { name: name }).await?.unwrap_or(0))
    }
}

fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}…{}", &url[..scheme + 3], &url[at..]),
        _ => url.to_owned(),
    }
}
