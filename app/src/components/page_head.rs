//! The heads of pages.

use domain::document::{Format, file_name};
use domain::{Permission, Runbook, RunbookId};
use leptos::prelude::*;
use leptos_meta::Title;

use super::confirm::Confirm;
use super::icon::Icon;
use crate::api::runbooks::{DeleteRunbook, DuplicateRunbook};
use crate::api::session::Me;

/// The head of an ordinary page: its title, a number, its actions.
#[component]
pub fn PageHead(
    /// The title, of the page and of the window.
    title: &'static str,
    /// How many there are.
    #[prop(optional, into)]
    count: Option<String>,
    /// Its actions.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <Title text=title/>
        <div class="page__head">
            <h1>{title}</h1>
            {count.map(|count| view! { <span class="faint num">{count}</span> })}
            <span class="spacer"></span>
            {children.map(|children| children())}
        </div>
    }
}

/// The tabs of a runbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunbookTab {
    /// The document.
    Runbook,
    /// Its versions.
    Versions,
}

/// The head of a runbook's pages: title, actions, tabs.
#[component]
pub fn RunbookHead(
    /// The runbook in the version that is shown.
    runbook: Runbook,
    /// Which page.
    tab: RunbookTab,
    /// Who looks.
    me: Option<Me>,
) -> impl IntoView {
    let id = runbook.id;
    let duplicate = ServerAction::<DuplicateRunbook>::new();
    let delete = ServerAction::<DeleteRunbook>::new();
    let may_write = me.as_ref().is_some_and(|me| me.may(Permission::Write));
    let may_run = me.as_ref().is_some_and(|me| me.may(Permission::Execute));
    let current = move |this: RunbookTab| (tab == this).then_some("page");
    let title = runbook.title;
    view! {
        <Title text=title.clone()/>
        <header class="head">
            <div class="row">
                <div>
                    <nav class="crumbs" aria-label="Breadcrumb">
                        <ol><li><a href="/runbooks">"Runbooks"</a></li><li aria-current="page">{title.clone()}</li></ol>
                    </nav>
                    <div class="row">
                        <h1>{title.clone()}</h1>
                        <span class="muted num">{format!("v{}", runbook.version)}</span>
                    </div>
                </div>
                <span class="spacer"></span>
                <ExportMenu id=id title=title.clone()/>
                {may_write.then(|| view! {
                    <a class="btn" href=format!("/runbooks/{id}/edit")><Icon icon=icondata_lu::LuPencil/>"Edit"</a>
                    <ActionForm action=duplicate>
                        <input type="hidden" name="id" value=id.to_string()/>
                        <button class="btn"><Icon icon=icondata_lu::LuCopy/>"Duplicate"</button>
                    </ActionForm>
                    <Confirm of=id.to_string() label="Delete…" class="danger" consequence="Its runs and versions stay readable; nobody can start it again.">
                        <ActionForm action=delete>
                            <input type="hidden" name="id" value=id.to_string()/>
                            <button class="btn danger primary small">{format!("Delete “{title}”")}</button>
                        </ActionForm>
                    </Confirm>
                })}
                {(may_run && tab == RunbookTab::Runbook).then(|| view! {
                    <a class="btn primary" href="#run"><Icon icon=icondata_lu::LuPlay/>"Run…"</a>
                })}
            </div>
            <nav class="tabs" aria-label="Runbook">
                <a href=format!("/runbooks/{id}") aria-current=current(RunbookTab::Runbook)>"Runbook"</a>
                <a href=format!("/runbooks/{id}/versions") aria-current=current(RunbookTab::Versions)>"Versions"</a>
                <a href=format!("/history?runbook={id}")>"Runs"</a>
            </nav>
        </header>
        <super::notice::Outcome action=duplicate/>
        <super::notice::Outcome action=delete/>
    }
}

/// The runbook as a file to keep or to pass on: plain links.
#[component]
fn ExportMenu(id: RunbookId, title: String) -> impl IntoView {
    let links = Format::ALL.into_iter().map(move |format| {
        let what = match format {
            Format::Yaml | Format::Json => "all of it, to import again",
            Format::Markdown => "a page to read",
        };
        view! {
            <a href=format!("/api/v1/runbooks/{id}/export?format={format}") rel="external" download=file_name(&title, format)>
                <Icon icon=icondata_lu::LuDownload/><span>{format.label()}<small class="faint menu__what">{what}</small></span>
            </a>
        }
    });
    view! {
        // Of one name with the questions beside it, so that opening one closes the other.
        <details class="menu" name="confirm">
            <summary class="btn"><Icon icon=icondata_lu::LuDownload/>"Export"</summary>
            <div class="menu__list">{links.collect_view()}</div>
        </details>
    }
}
