//! Runbooks: reading, writing, versions.

use domain::{BlockId, Listing, Runbook, RunbookDraft, RunbookHit, RunbookId, Timestamp};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use server_fn::codec::Json;

use super::codec::Text;
#[cfg(feature = "ssr")]
use super::server::{actor, services};
use crate::error::Result;

/// How many runbooks a page of the list shows: two screens, there at once. Whoever looks for one filters.
#[cfg(feature = "ssr")]
const PAGE: u32 = 30;

/// A runbook ready to be shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunbookPage {
    /// The runbook.
    pub runbook: Runbook,
    /// The Markdown of its instructions as clean HTML, by block.
    pub html: Vec<(BlockId, String)>,
    /// The number of the newest version.
    pub latest: u32,
}

/// The versions of a runbook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Versions {
    /// The newest of them.
    pub newest: Runbook,
    /// Every one, the newest first.
    pub lines: Vec<VersionLine>,
}

/// A version in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionLine {
    /// Its number.
    pub version: u32,
    /// What its author says of it.
    pub message: Option<String>,
    /// Who saved it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A page of runbooks, the latest change first, and how many there are.
#[server(prefix = "/rpc", endpoint = "list_runbooks", output = Text)]
pub async fn list_runbooks(
    #[server(default)] q: Option<String>,
    #[server(default)] tag: Option<String>,
    #[server(default)] favourites: bool,
    #[server(default)] cursor: Option<String>,
) -> Result<Listing> {
    let actor = actor().await?;
    let filter = service::RunbookFilter { q: given(q), tag: given(tag), favourites, limit: PAGE, cursor: given(cursor) };
    Ok(services()?.runbooks.listing(&actor, filter).await?)
}

/// The runbooks that somebody may mean, the likeliest first; without a word those they use.
#[server(prefix = "/rpc", endpoint = "search_runbooks", output = Text)]
pub async fn search_runbooks(#[server(default)] q: String) -> Result<Vec<RunbookHit>> {
    let actor = actor().await?;
    Ok(services()?.runbooks.search(&actor, &q).await?)
}

/// Makes a runbook a favourite of the one who asks, or no longer.
#[server(prefix = "/rpc", endpoint = "set_favourite", output = Text)]
pub async fn set_favourite(id: RunbookId, #[server(default)] favourite: bool) -> Result<()> {
    let actor = actor().await?;
    services()?.runbooks.set_favourite(&actor, id, favourite).await?;
    Ok(())
}

/// Makes the sample runbook and opens it.
#[server(prefix = "/rpc", endpoint = "create_sample", output = Text)]
pub async fn create_sample() -> Result<RunbookId> {
    let actor = actor().await?;
    let runbook = services()?.runbooks.create_sample(&actor).await?;
    leptos_axum::redirect(&format!("/runbooks/{}#run", runbook.id));
    Ok(runbook.id)
}

/// Every tag in use and how often.
#[server(prefix = "/rpc", endpoint = "list_tags", output = Text)]
pub async fn list_tags() -> Result<Vec<(String, u64)>> {
    let actor = actor().await?;
    Ok(services()?.runbooks.tags(&actor).await?)
}

/// The titles of the runbooks that were changed last, to choose from; and of `with`, whenever that was changed.
#[server(prefix = "/rpc", endpoint = "list_titles", output = Text)]
pub async fn list_titles(#[server(default)] with: Option<RunbookId>) -> Result<Vec<(RunbookId, String)>> {
    let actor = actor().await?;
    let runbooks = services()?.runbooks;
    let filter = service::RunbookFilter { limit: 100, ..service::RunbookFilter::default() };
    let listed = runbooks.list(&actor, filter).await?.items;
    let mut titles: Vec<_> = listed.into_iter().map(|runbook| (runbook.id, runbook.title)).collect();
    if let Some(with) = with.filter(|with| titles.iter().all(|(id, _)| id != with)) {
        // It may be deleted: its runs are still there.
        let title = runbooks.get(&actor, with).await.map_or_else(|_| "A deleted runbook".to_owned(), |runbook| runbook.title);
        titles.insert(0, (with, title));
    }
    Ok(titles)
}

/// The latest version.
#[server(prefix = "/rpc", endpoint = "get_runbook", output = Text)]
pub async fn get_runbook(id: RunbookId) -> Result<RunbookPage> {
    let actor = actor().await?;
    let runbook = services()?.runbooks.get(&actor, id).await?;
    Ok(RunbookPage {
        html: crate::components::markdown::server::render_blocks(&runbook.blocks),
        latest: runbook.version,
        runbook,
    })
}

/// One version, old or new.
#[server(prefix = "/rpc", endpoint = "get_version", output = Text)]
pub async fn get_version(id: RunbookId, version: u32) -> Result<RunbookPage> {
    let actor = actor().await?;
    let runbooks = services()?.runbooks;
    let latest = runbooks.get(&actor, id).await?.version;
    let runbook = runbooks.version(&actor, id, version).await?;
    Ok(RunbookPage { html: crate::components::markdown::server::render_blocks(&runbook.blocks), latest, runbook })
}

/// Every version, the newest first.
#[server(prefix = "/rpc", endpoint = "list_versions", output = Text)]
pub async fn list_versions(id: RunbookId) -> Result<Versions> {
    versions(id).await
}

/// The newest version and a line for each: a page need not hold what all of them say.
#[cfg(feature = "ssr")]
pub(super) async fn versions(id: RunbookId) -> Result<Versions> {
    use domain::Problem;

    let actor = actor().await?;
    let versions = services()?.runbooks.versions(&actor, id).await?;
    let line = |runbook: &Runbook| VersionLine {
        version: runbook.version,
        message: runbook.message.clone(),
        by: runbook.updated_by.clone(),
        at: runbook.updated_at,
    };
    let lines = versions.iter().map(line).collect();
    let newest = versions.into_iter().next().ok_or_else(|| Problem::new(404, "not_found", "there is no such runbook"))?;
    Ok(Versions { newest, lines })
}

/// Makes a runbook.
#[server(prefix = "/rpc", endpoint = "create_runbook", output = Text, input = Json)]
pub async fn create_runbook(draft: RunbookDraft) -> Result<Runbook> {
    let actor = actor().await?;
    Ok(services()?.runbooks.create(&actor, draft).await?)
}

/// Makes a new version; `if_match` is the version the change was based on.
#[server(prefix = "/rpc", endpoint = "update_runbook", output = Text, input = Json)]
pub async fn update_runbook(id: RunbookId, draft: RunbookDraft, if_match: Option<u32>) -> Result<Runbook> {
    let actor = actor().await?;
    Ok(services()?.runbooks.update(&actor, id, draft, if_match).await?)
}

/// Deletes a runbook; its runs stay readable.
#[server(prefix = "/rpc", endpoint = "delete_runbook", output = Text)]
pub async fn delete_runbook(id: RunbookId) -> Result<()> {
    let actor = actor().await?;
    services()?.runbooks.delete(&actor, id).await?;
    leptos_axum::redirect("/runbooks");
    Ok(())
}

/// Makes a new version that restores an old one.
#[server(prefix = "/rpc", endpoint = "roll_back", output = Text)]
pub async fn roll_back(id: RunbookId, version: u32) -> Result<Runbook> {
    let actor = actor().await?;
    let runbook = services()?.runbooks.roll_back(&actor, id, version).await?;
    leptos_axum::redirect(&format!("/runbooks/{id}"));
    Ok(runbook)
}

/// Makes a copy and opens it in the editor.
#[server(prefix = "/rpc", endpoint = "duplicate_runbook", output = Text)]
pub async fn duplicate_runbook(id: RunbookId) -> Result<Runbook> {
    let actor = actor().await?;
    let runbook = services()?.runbooks.duplicate(&actor, id).await?;
    leptos_axum::redirect(&format!("/runbooks/{}/edit", runbook.id));
    Ok(runbook)
}

/// Makes a runbook from a document: Markdown, or what was exported as YAML or JSON.
#[server(prefix = "/rpc", endpoint = "import_document", output = Text)]
pub async fn import_document(document: String, #[server(default)] file_name: Option<String>) -> Result<Runbook> {
    let actor = actor().await?;
    let runbook = services()?.runbooks.import(&actor, &document, given(file_name).as_deref()).await?;
    leptos_axum::redirect(&format!("/runbooks/{}", runbook.id));
    Ok(runbook)
}

/// A form sends an empty text where nothing was given.
#[cfg(feature = "ssr")]
pub(super) fn given(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}
