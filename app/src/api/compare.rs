//! Comparing: versions of a runbook with each other, what is about to be saved with what others saved, and runs.

use domain::diff::{RunDiff, RunbookDiff};
use domain::{RunId, Runbook, RunbookDraft, RunbookId, Timestamp};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use server_fn::codec::Json;

#[cfg(feature = "ssr")]
use super::server::{actor, services};
use crate::error::Result;

/// Two versions side by side, and which others there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The newest version.
    pub runbook: Runbook,
    /// Every version, the newest first.
    pub versions: Vec<VersionLine>,
    /// What is different.
    pub diff: RunbookDiff,
}

/// A version in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionLine {
    /// Its number.
    pub version: u32,
    /// Who saved it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Compares two versions: with the newest where `to` names none, from the one before it where `from` names none.
#[server(prefix = "/rpc", endpoint = "compare_versions")]
pub async fn compare_versions(
    id: RunbookId,
    #[server(default)] from: Option<u32>,
    #[server(default)] to: Option<u32>,
) -> Result<Comparison> {
    use domain::Problem;

    let actor = actor().await?;
    let runbooks = services()?.runbooks;
    let diff = runbooks.diff(&actor, id, from, to).await?;
    let versions = runbooks.versions(&actor, id).await?;
    let line =
        |runbook: &Runbook| VersionLine { version: runbook.version, by: runbook.updated_by.clone(), at: runbook.updated_at };
    let lines = versions.iter().map(line).collect();
    let newest = versions.into_iter().next();
    let runbook = newest.ok_or_else(|| Problem::new(404, "not_found", "there is no such runbook"))?;
    Ok(Comparison { runbook, versions: lines, diff })
}

/// What is different from one version to another.
#[server(prefix = "/rpc", endpoint = "diff_versions")]
pub async fn diff_versions(id: RunbookId, from: u32, to: u32) -> Result<RunbookDiff> {
    let actor = actor().await?;
    Ok(services()?.runbooks.diff(&actor, id, Some(from), Some(to)).await?)
}

/// What saving a draft would change in a version.
#[server(prefix = "/rpc", endpoint = "compare_draft", input = Json)]
pub async fn compare_draft(id: RunbookId, draft: RunbookDraft, version: u32) -> Result<RunbookDiff> {
    let actor = actor().await?;
    Ok(services()?.runbooks.compare_draft(&actor, id, draft, version).await?)
}

/// What went differently in the later of two runs; compared with the last good run before it where `with` names no other.
#[server(prefix = "/rpc", endpoint = "compare_runs")]
pub async fn compare_runs(id: RunId, #[server(default)] with: Option<RunId>) -> Result<RunDiff> {
    let actor = actor().await?;
    Ok(services()?.runs.compare(&actor, id, with).await?)
}
