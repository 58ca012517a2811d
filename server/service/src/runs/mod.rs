//! Runs: starting, reading, controlling and watching them. What happens in between is the engine's.

mod compare;
mod control;
mod notes;
mod output;
mod preflight;
mod report;
mod start;
mod targets;
mod watch;

use domain::{Actor, Page, Permission, Run, RunId, Step};
use engine::EngineHandle;
use store::{RunFilter, Store};
use vault::Vault;

pub use self::control::{MAX_COMMENT, may_control};
pub use self::output::TAIL_BYTES;
pub use self::report::Report;
pub use self::start::{MASK, MAX_REASON, MAX_REQUEST_KEY, StartRun};
use crate::authorise::authorise;
use crate::{LocalCommands, Result, ServiceError, page_size};

const MISSING: ServiceError = ServiceError::NotFound { what: "run" };

/// Starting, reading, controlling and watching runs.
#[derive(Clone)]
pub struct Runs {
    store: Store,
    vault: Vault,
    engine: EngineHandle,
    local: LocalCommands,
}

impl Runs {
    pub(crate) fn new(store: Store, vault: Vault, engine: EngineHandle, local: LocalCommands) -> Self {
        Self { store, vault, engine, local }
    }

    /// A run and all attempts at its steps, by place and attempt.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, actor: &Actor, id: RunId) -> Result<(Run, Vec<Step>)> {
        authorise(actor, Permission::Read)?;
        let run = self.store.run(id).await?.ok_or(MISSING)?;
        let steps = self.store.steps(id).await?;
        Ok((run, steps))
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, actor: &Actor, mut filter: RunFilter) -> Result<Page<Run>> {
        authorise(actor, Permission::Read)?;
        filter.limit = page_size(filter.limit);
        Ok(self.store.list_runs(&filter).await?)
    }
}
