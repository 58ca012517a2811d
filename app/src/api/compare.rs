//! Comparing: versions of a runbook with each other, what is about to be saved with what others saved, and runs.

use domain::diff::{RunDiff, RunbookDiff};
use domain::{RunId, RunbookDraft, RunbookId};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use server_fn::codec::Json;

use super::codec::Text;
use super::runbooks::Versions;
#[cfg(feature = "ssr")]
use super::server::{actor, services};
use crate::error::Result;

/// Two versions side by side, and which others there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Every version.
    pub versions: Versions,
    /// What is different.
    pub diff: RunbookDiff,
}

/// Compares two versions: with the newest where `to` names none, from the one before it where `from` names none.
#[server(prefix = "/rpc", endpoint = "compare_versions", output = Text)]
pub async fn compare_versions(
    id: RunbookId,
    #[server(default)] from: Option<u32>,
    #[server(default)] to: Option<u32>,
) -> Result<Comparison> {
    let actor = actor().await?;
    let diff = services()?.runbooks.diff(&actor, id, from, to).await?;
    Ok(Comparison { versions: super::runbooks::versions(id).await?, diff })
}

/// What is different from one version to another.
#[server(prefix = "/rpc", endpoint = "diff_versions", output = Text)]
pub async fn diff_versions(id: RunbookId, from: u32, to: u32) -> Result<RunbookDiff> {
    let actor = actor().await?;
    Ok(services()?.runbooks.diff(&actor, id, Some(from), Some(to)).await?)
}

/// What saving a draft would change in a version.
#[server(prefix = "/rpc", endpoint = "compare_draft", output = Text, input = Json)]
pub async fn compare_draft(id: RunbookId, draft: RunbookDraft, version: u32) -> Result<RunbookDiff> {
    let actor = actor().await?;
    Ok(services()?.runbooks.compare_draft(&actor, id, draft, version).await?)
}

/// What went differently in the later of two runs; compared with the last good run before it where `with` names no other.
#[server(prefix = "/rpc", endpoint = "compare_runs", output = Text)]
pub async fn compare_runs(id: RunId, #[server(default)] with: Option<RunId>) -> Result<RunDiff> {
    let actor = actor().await?;
    Ok(services()?.runs.compare(&actor, id, with).await?)
}
