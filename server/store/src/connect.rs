//! Opens the database and brings its schema up to date.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use surrealdb::Surreal;
use surrealdb::engine::any::{self, Any};
use surrealdb::opt::auth::Root;

use crate::query::{Variables, variables};
use crate::{Result, StoreError};

const NAMESPACE: &str = "runbook_studio";
const DATABASE: &str = "main";
/// How long a server may take to answer at start.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a sign of life may take.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// The database; clones share one session.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    database: Surreal<Any>,
    // All starts write the one counter of run numbers: queueing here is cheaper than losing there.
    starting: tokio::sync::Mutex<()>,
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
        let failed = |source| StoreError::Connect { url: without_password(url), source };
        let database = tokio::time::timeout(PATIENCE, open(url, login))
            .await
            .map_err(|source| failed(source.into()))?
            .map_err(|source| failed(Box::new(source)))?;
        let store = Self { inner: Arc::new(Inner { database, starting: tokio::sync::Mutex::new(()) }) };
        store.migrate().await?;
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

    pub(crate) fn database(&self) -> &Surreal<Any> {
        &self.inner.database
    }

    pub(crate) async fn starting(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inner.starting.lock().await
    }

    /// Reads one of the counters.
    pub(crate) async fn counter(&self, name: &'static str) -> Result<u64> {
        let text = "SELECT VALUE value FROM type::record('counter', $name)";
        Ok(self.row("read a counter", "counter", text, variables! { name: name }).await?.unwrap_or(0))
    }
}

async fn open(url: &str, login: Option<(String, SecretString)>) -> std::result::Result<Surreal<Any>, surrealdb::Error> {
    // Durable before it is acknowledged, whatever the engine's own default becomes.
    let url = match url {
        _ if url.starts_with("surrealkv:") && !url.contains("sync=") => {
            format!("{url}{}sync=every", if url.contains('?') { '&' } else { '?' })
        }
        _ => url.to_owned(),
    };
    let database = any::connect(url).await?;
    if let Some((username, password)) = login {
        database.signin(Root { username, password: password.expose_secret().to_owned() }).await?;
    }
    database.query(format!("DEFINE NAMESPACE IF NOT EXISTS {NAMESPACE}")).await?.check()?;
    database.use_ns(NAMESPACE).await?;
    database.query(format!("DEFINE DATABASE IF NOT EXISTS {DATABASE}")).await?.check()?;
    database.use_ns(NAMESPACE).use_db(DATABASE).await?;
    Ok(database)
}

fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}…{}", &url[..scheme + 3], &url[at..]),
        _ => url.to_owned(),
    }
}
