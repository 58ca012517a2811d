//! An open database, and how it is closed again so that nothing of it is left.
//!
//! The embedded engine runs on threads of its own: what it leaves behind when it fails to open or to close (tasks, and with
//! them the lock of its folder) goes when they go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use surrealdb::engine::any::{self, Any};
use surrealdb::opt::auth::Root;
use surrealdb::{IndexedResults, Surreal};
use tokio::runtime::{Builder, Runtime};

use crate::error::Source;
use crate::place::Place;
use crate::query::{ATTEMPTS, is_conflict, pause_after};

const NAMESPACE: &str = "runbook_studio";
const DATABASE: &str = "main";
/// How long a database may take to open: a server to answer, the embedded one to read its log.
const PATIENCE: Duration = Duration::from_secs(15);
const PATIENCE_EMBEDDED: Duration = Duration::from_secs(120);
/// How long the embedded engine may take to end its tasks.
const TO_CLOSE: Duration = Duration::from_secs(30);
/// How long the threads of a failed one may take, which has tasks that never end.
const TO_END: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A login as a root user.
pub type Login = Option<(String, SecretString)>;

/// The session of an open database.
pub struct Handle {
    database: Option<Surreal<Any>>,
    engine: Engine,
    failed: AtomicBool,
}

impl Handle {
    /// Opens it.
    pub async fn open(url: &str, login: &Login) -> Result<Self, Source> {
        let Some(place) = Place::of(url) else {
            let database = tokio::time::timeout(PATIENCE, connect(url.to_owned(), login.clone())).await??;
            return Ok(Self::new(database, Engine(None)));
        };
        if !place.has_room_to_open() {
            return Err("there is too little room on its disk".into());
        }
        place.make_ready().await?;
        let has_log = place.log_size()? > 0;
        let handle = Self::start(url, login).await?;
        if !has_log {
            return Ok(handle);
        }
        // A log that was not put away may end in a torn record. The engine sees most of them, but goes on writing to the file
        // that it has just replaced by the repaired one; others it does not see, and writes behind them. What is written there is
        // lost at the next start. Closing makes tables of what was read and removes the log: then there is a new one.
        handle.close().await;
        place.make_ready().await?;
        if place.log_size()? > 0 {
            return Err("its log could not be put away".into());
        }
        Self::start(url, login).await
    }

    async fn start(url: &str, login: &Login) -> Result<Self, Source> {
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("store").enable_all().build()?;
        let mut engine = Engine(Some(runtime));
        let opening = connect(synced(url), login.clone());
        let opened = match &engine.0 {
            Some(runtime) => tokio::time::timeout(PATIENCE_EMBEDDED, runtime.spawn(opening)).await,
            None => return Err("the engine has no threads".into()),
        };
        let failure: Source = match opened {
            Ok(Ok(Ok(database))) => return Ok(Self::new(database, engine)),
            Ok(Ok(Err(error))) => error.into(),
            Ok(Err(panicked)) => panicked.into(),
            Err(late) => late.into(),
        };
        engine.end(Duration::ZERO).await;
        Err(failure)
    }

    fn new(database: Surreal<Any>, engine: Engine) -> Self {
        Self { database: Some(database), engine, failed: AtomicBool::new(false) }
    }

    /// The session.
    pub fn database(&self) -> Result<&Surreal<Any>, Source> {
        self.database.as_ref().ok_or_else(|| "it is closed".into())
    }

    /// Whether its disk has failed: what it was told then may lie behind a torn record, so it is told nothing any more.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Notes that its disk has failed. True: that is news.
    pub fn fail(&self) -> bool {
        !self.failed.swap(true, Ordering::AcqRel)
    }

    /// Closes it, and waits until nothing of it is left.
    pub async fn close(mut self) {
        drop(self.database.take());
        self.engine.end(TO_CLOSE).await;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        drop(self.database.take());
        let Some(runtime) = self.engine.0.take() else { return };
        // Closing takes a while, and nobody who drops may wait.
        let closing = move || {
            let deadline = Instant::now() + TO_CLOSE;
            while runtime.metrics().num_alive_tasks() > 0 && Instant::now() < deadline {
                thread::sleep(LOOK_AGAIN);
            }
            runtime.shutdown_timeout(TO_END);
        };
        // Where there is no thread to be had the closure is dropped, and with it the runtime, at once.
        let _ = thread::Builder::new().name("store-closing".to_owned()).spawn(closing);
    }
}

/// The threads of an embedded engine.
struct Engine(Option<Runtime>);

impl Engine {
    /// Gives its tasks this long to end by themselves, and ends it.
    async fn end(&mut self, patience: Duration) {
        let Some(runtime) = self.0.take() else { return };
        let deadline = Instant::now() + patience;
        while runtime.metrics().num_alive_tasks() > 0 && Instant::now() < deadline {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        // Not to be waited for on a thread that has other tasks.
        let _ = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(TO_END)).await;
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Durable before it is acknowledged, whatever the engine's own default becomes.
fn synced(url: &str) -> String {
    if url.contains("sync=") {
        return url.to_owned();
    }
    format!("{url}{}sync=every", if url.contains('?') { '&' } else { '?' })
}

/// Makes what every process makes that comes to a new database: two at the same time conflict, and one of them asks again.
async fn define(database: &Surreal<Any>, statement: String) -> Result<(), surrealdb::Error> {
    let mut attempt = 0;
    loop {
        match database.query(statement.as_str()).await.and_then(IndexedResults::check) {
            Err(error) if attempt < ATTEMPTS && is_conflict(&error) => {
                tokio::time::sleep(pause_after(attempt)).await;
                attempt += 1;
            }
            done => return done.map(|_| ()),
        }
    }
}

async fn connect(url: String, login: Login) -> Result<Surreal<Any>, surrealdb::Error> {
    let is_embedded = Place::of(&url).is_some();
    let database = any::connect(url).await?;
    if let Some((username, password)) = login {
        database.signin(Root { username, password: password.expose_secret().to_owned() }).await?;
    }
    define(&database, format!("DEFINE NAMESPACE IF NOT EXISTS {NAMESPACE}")).await?;
    database.use_ns(NAMESPACE).await?;
    define(&database, format!("DEFINE DATABASE IF NOT EXISTS {DATABASE}")).await?;
    database.use_ns(NAMESPACE).use_db(DATABASE).await?;
    if is_embedded {
        // Shows that it can write, and makes sure that it has something to make a table of.
        let probe = "DEFINE TABLE IF NOT EXISTS probe SCHEMALESS; UPSERT probe:one SET at = time::now() RETURN NONE";
        database.query(probe).await?.check()?;
    }
    Ok(database)
}
