//! Comparing versions of a runbook with each other, and with what somebody is about to save.

use std::time::{Duration, Instant};

use domain::diff::{RunbookDiff, Side, compare};
use domain::{Actor, Permission, Runbook, RunbookDraft, RunbookId};

use super::{MISSING, NO_VERSION, Runbooks};
use crate::authorise::authorise;
use crate::{Result, ServiceError};

/// How long it is looked for fine differences in large texts.
const PATIENCE: Duration = Duration::from_secs(1);

impl Runbooks {
    /// What is different from one version to another: to the newest, and from the one before it, where none is named.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn diff(&self, actor: &Actor, id: RunbookId, from: Option<u32>, to: Option<u32>) -> Result<RunbookDiff> {
        authorise(actor, Permission::Read)?;
        let to = match to {
            Some(version) => self.stored(id, version).await?,
            None => self.store.runbook(id).await?.ok_or(MISSING)?,
        };
        let from = self.stored(id, from.unwrap_or(to.version.saturating_sub(1).max(1))).await?;
        compared((Side::of(&from), from.to_draft()), (Side::of(&to), to.to_draft())).await
    }

    /// What saving a draft would change in a version.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` with every fault of the draft.
    pub async fn compare_draft(&self, actor: &Actor, id: RunbookId, draft: RunbookDraft, version: u32) -> Result<RunbookDiff> {
        authorise(actor, Permission::Read)?;
        let draft = draft.check()?;
        let stored = self.stored(id, version).await?;
        compared((Side::of(&stored), stored.to_draft()), (Side::draft(), draft)).await
    }

    async fn stored(&self, id: RunbookId, version: u32) -> Result<Runbook> {
        self.store.runbook_version(id, version).await?.ok_or(NO_VERSION)
    }
}

async fn compared(from: (Side, RunbookDraft), to: (Side, RunbookDraft)) -> Result<RunbookDiff> {
    // Large texts are work, and others wait for this thread.
    let comparing =
        tokio::task::spawn_blocking(move || compare((from.0, &from.1), (to.0, &to.1), Instant::now().checked_add(PATIENCE)));
    comparing.await.map_err(ServiceError::internal)
}
