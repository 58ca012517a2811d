//! Starts the engine, and what others hold of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::host::HostCheck;
use domain::{Block, Host, Role, Run, RunEvent, RunId};
use runner::Runner;
use secrecy::SecretString;
use store::{Store, StoreError};
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vault::Vault;

use crate::claim;
use crate::config::EngineConfig;
use crate::executors::egress::AddressCheck;
use crate::held::Control;
use crate::hosts::Hosts;
use crate::hub::Hub;
use crate::secrets::Secrets;

/// Executes runs.
#[derive(Debug)]
pub struct Engine;

/// A cheap handle to a running engine.
#[derive(Clone)]
pub struct EngineHandle {
    shared: Arc<Shared>,
}

/// What all tasks of the engine share.
pub(crate) struct Shared {
    pub(crate) config: EngineConfig,
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) runner: Runner,
    pub(crate) hub: Hub,
    pub(crate) http: crate::executors::api::Http,
    /// Runs may be waiting to be taken up.
    pub(crate) wake: Notify,
    /// Runs that were queued here just now.
    pub(crate) queued: Mutex<Vec<RunId>>,
    /// Whether there may be others: the store is to be looked through.
    pub(crate) look: AtomicBool,
    /// Somebody asked something of a run that we hold.
    pub(crate) nudge: Notify,
    /// A lease is to be renewed now.
    pub(crate) renew: Notify,
    /// Nothing more is taken up; runs go back at their next step boundary.
    pub(crate) closing: CancellationToken,
    /// The grace is over: steps that still run are ended.
    pub(crate) closed: CancellationToken,
    /// All tasks have ended.
    pub(crate) done: CancellationToken,
    /// The runs we hold.
    pub(crate) held: Mutex<HashMap<RunId, Arc<Control>>>,
    /// How many of them execute rather than wait for a timer.
    pub(crate) busy: AtomicUsize,
}

impl Engine {
    /// Starts claiming and executing. The join handle ends after [`EngineHandle::shutdown`].
    pub fn start(config: EngineConfig, store: Store, vault: Vault, runner: Runner) -> (EngineHandle, JoinHandle<()>) {
        let shared = Shared::new(config, store, vault, runner);
        let task = tokio::spawn(claim::work(Arc::clone(&shared)));
        (EngineHandle { shared }, task)
    }
}

impl EngineHandle {
    /// A run was queued, resumed or answered: look for it now.
    pub fn wake(&self) {
        self.shared.look.store(true, Ordering::Relaxed);
        self.shared.wake.notify_one();
    }

    /// This run was queued: take it up now.
    pub fn wake_for(&self, run: RunId) {
        self.shared.queued().push(run);
        self.shared.wake.notify_one();
    }

    /// The state of a run that a worker may hold was changed by a control: look at it now.
    pub fn nudge(&self, run: RunId) {
        if self.shared.held().contains_key(&run) {
            self.shared.nudge.notify_one();
        }
    }

    /// Tells the viewers of a run that no worker holds.
    pub fn publish(&self, run: RunId, event: RunEvent) {
        self.shared.hub.publish(run, event);
    }

    /// Watches a run from now on; whoever falls behind reads the store.
    #[must_use]
    pub fn subscribe(&self, run: RunId) -> broadcast::Receiver<Arc<RunEvent>> {
        self.shared.hub.subscribe(run)
    }

    /// What somebody wrote about a run with the run's secrets masked, as in its output. `Err` in the inner result: why nobody
    /// knows what would have to be masked, so that the text must not be kept.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn redact(&self, run: &Run, text: &str) -> Result<Result<String, String>, StoreError> {
        let Some(runbook) = self.shared.store.runbook_version(run.runbook_id, run.version).await? else {
            return Ok(Err("the version of the runbook that the run executed is not in the store any more".to_owned()));
        };
        let blocks: Vec<_> = runbook.blocks.iter().flat_map(Block::with_nested).collect();
        let hosts = Hosts::of_run(&self.shared, &self.shared.store.steps(run.id).await?).await?;
        let secrets = Secrets::of_run(&self.shared, run, &blocks, &hosts).await?;
        Ok(secrets.map(|secrets| secrets.redactor().redact(text).into_owned()))
    }

    /// Looks at a host without running anything on it; `secret` is its credential's, where it has one.
    pub async fn check_host(&self, host: &Host, secret: Option<&SecretString>) -> HostCheck {
        crate::hosts::check(host, secret).await
    }

    /// Looks at a host from outside, for at most this long: nobody logs in.
    pub async fn look_at_host(&self, host: &Host, limit: Duration) -> HostCheck {
        crate::hosts::look(host, limit).await
    }

    /// Whether a host's entry and its credential are such that one could log in by them.
    ///
    /// # Errors
    /// A sentence about what is wrong with them.
    pub async fn check_login(&self, host: &Host, secret: &SecretString) -> Result<(), String> {
        crate::hosts::target(host, secret).await.map(|_| ())
    }

    /// Whether an API call to this address would be let out for somebody of this role, as far as that is known before: by what
    /// the address says, and by what its name stands for now, which is looked up for at most this long.
    pub async fn check_address(&self, role: Role, address: &str, limit: Duration) -> AddressCheck {
        self.shared.config.egress.rules(Some(role)).look_ahead(address, limit).await
    }

    /// Takes up nothing more, gives running steps the grace, and hands runs back at a step boundary. A process that outlives
    /// the grace goes on at the runner, for the next engine to find; any other step is ended and its run says so. Returns when
    /// every task has ended.
    pub async fn shutdown(&self, grace: Duration) {
        self.shared.closing.cancel();
        if tokio::time::timeout(grace, self.shared.done.cancelled()).await.is_err() {
            self.shared.closed.cancel();
            self.shared.done.cancelled().await;
        }
    }
}

impl std::fmt::Debug for EngineHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineHandle").field("owner", &self.shared.config.owner).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(config: EngineConfig, store: Store, vault: Vault, runner: Runner) -> Arc<Self> {
        Arc::new(Self {
            config,
            store,
            vault,
            runner,
            hub: Hub::default(),
            http: crate::executors::api::Http::default(),
            wake: Notify::new(),
            queued: Mutex::default(),
            look: AtomicBool::new(true),
            nudge: Notify::new(),
            renew: Notify::new(),
            closing: CancellationToken::new(),
            closed: CancellationToken::new(),
            done: CancellationToken::new(),
            held: Mutex::default(),
            busy: AtomicUsize::new(0),
        })
    }

    pub(crate) fn held(&self) -> std::sync::MutexGuard<'_, HashMap<RunId, Arc<Control>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn queued(&self) -> std::sync::MutexGuard<'_, Vec<RunId>> {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many more runs may be taken up now.
    pub(crate) fn room(&self) -> usize {
        self.config.max_runs.saturating_sub(self.busy.load(Ordering::Relaxed))
    }
}
