//! A runbook as a document, and the form that runs it.

use std::sync::Arc;

use domain::{Block, Permission, Runbook, RunbookId};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use wasm_bindgen::JsCast;

use super::use_param;
use crate::api::preflight::{Found, found_for_form};
use crate::api::runbooks::{RunbookPage as Shown, get_runbook};
use crate::api::session::Me;
use crate::components::block_view::{BlockView, Html};
use crate::components::icon::Icon;
use crate::components::notice::ErrorPage;
use crate::components::page_head::{RunbookHead, RunbookTab};
use crate::components::run_form::{CheckButton, Checked, FORM, RunForm, Running};
use crate::components::time::When;
use crate::lazy::fetch_run_page;
use crate::state::where_to;
use crate::use_me;

/// `/runbooks/:id`.
#[component]
pub fn RunbookPage() -> impl IntoView {
    let id = use_param::<RunbookId>("id");
    let params = use_params_map();
    let page = Resource::new_blocking(
        move || params.with(|params| params.get("id")),
        move |_| {
            let id = untrack(id);
            async move { get_runbook(id?).await }
        },
    );
    let found = Resource::new_blocking(|| (), |()| found_for_form());
    let me = use_me();
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                let me = me.await.ok().flatten();
                let found = found.await;
                match page.await {
                    Ok(page) => view! { <Show page=page me=me found=found/> }.into_any(),
                    Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Show(page: Shown, me: Option<Me>, found: Option<Found>) -> impl IntoView {
    let runbook = page.runbook.clone();
    let may_run = me.as_ref().is_some_and(|me| me.may(Permission::Execute)) && !runbook.blocks.is_empty();
    let running = Running::new(runbook.id, found);
    let selected = RwSignal::new(Vec::new());
    let blocks = StoredValue::new(runbook.blocks.clone());
    view! {
        <RunbookHead runbook=runbook.clone() tab=RunbookTab::Runbook me=me/>
        <div class="cols cols--doc" on:change=move |_| selected.set(ids_of_selected())>
            <div>
                {may_run.then(|| view! { <Checked running/> })}
                <Document page=page run_form=may_run.then_some(FORM)/>
                {may_run.then(|| view! { <SelectedBar selected=selected blocks=blocks running/> })}
            </div>
            // Whoever comes near the form may be about to start a run: its page is fetched meanwhile.
            <aside on:pointerenter=|_| fetch_run_page() on:focusin=|_| fetch_run_page()>
                {may_run.then(|| view! { <RunForm runbook=runbook.clone() running/> })}
                <Details runbook=runbook/>
            </aside>
        </div>
    }
}

/// The description and the blocks of one version.
#[component]
pub fn Document(
    /// The version.
    page: Shown,
    /// The id of the form that runs blocks, where they can be run.
    run_form: Option<&'static str>,
) -> impl IntoView {
    let html: Html = Arc::new(page.html.into_iter().collect());
    let runbook = page.runbook;
    let empty = runbook.blocks.is_empty();
    let places = where_to::places_from_each(&runbook.blocks);
    let blocks = runbook.blocks.into_iter().zip(places);
    let blocks =
        blocks.map(|(block, places)| view! { <BlockView block=block html=html.clone() run_form=run_form places_from=places/> });
    view! {
        <div class="doc">
            {(!runbook.description.is_empty()).then(|| view! { <p class="doc__lead">{runbook.description}</p> })}
            {blocks.collect_view()}
            {empty.then(|| view! {
                <div class="empty empty--small"><Icon icon=icondata_lu::LuFileText class="icon--big"/><h2>"No blocks yet"</h2><p>"Edit this runbook to add instructions and commands."</p></div>
            })}
        </div>
    }
}

#[component]
fn SelectedBar(selected: RwSignal<Vec<String>>, blocks: StoredValue<Vec<Block>>, running: Running) -> impl IntoView {
    let count = move || selected.with(Vec::len);
    // Nothing is chosen, or without a script nobody knows what: it names all that could be meant.
    let places = Memo::new(move |_| {
        blocks.with_value(|blocks| {
            selected.with(
                |ids| if ids.is_empty() { where_to::places_of_all(blocks) } else { where_to::places_of_chosen(blocks, ids) },
            )
        })
    });
    let text = move || match count() {
        0 => "Tick blocks to run only those".to_owned(),
        1 => "1 block selected".to_owned(),
        many => format!("{many} blocks selected"),
    };
    view! {
        <div class="select-run" class:select-run--on=move || count() != 0>
            <b role="status">{text}</b>
            <span class="spacer"></span>
            <CheckButton running label="Check selected" only=true class="small"/>
            <button class="btn small primary btn--long" form=FORM name="only" value="true" title=move || places.with(|places| where_to::whole(places))>
                <span>{move || places.with(|places| where_to::on("Run selected", places))}</span>
            </button>
        </div>
    }
}

#[component]
fn Details(runbook: Runbook) -> impl IntoView {
    view! {
        <section class="card info" aria-label="Details">
            <dl>
                <dt>"Version"</dt><dd class="num">{runbook.version}</dd>
                <dt>"Changed"</dt><dd><When at=runbook.updated_at/>" by "{runbook.updated_by}</dd>
                <dt>"Created"</dt><dd><When at=runbook.created_at/>" by "{runbook.created_by}</dd>
                {runbook.last_run.map(|last| view! {
                    <dt>"Last run"</dt><dd><a class="link" href=format!("/runs/{}", last.id)>{last.state.as_str()}</a>", "<When at=last.at/></dd>
                })}
                {(!runbook.tags.is_empty()).then(|| view! {
                    <dt>"Tags"</dt>
                    <dd class="tags">{runbook.tags.into_iter().map(|tag| view! { <a class="tag" href=format!("/runbooks?tag={tag}")>{tag.clone()}</a> }).collect_view()}</dd>
                })}
            </dl>
        </section>
    }
}

/// The ids of the blocks that are ticked.
fn ids_of_selected() -> Vec<String> {
    let Ok(boxes) = document().query_selector_all(".doc__pick input") else { return Vec::new() };
    (0..boxes.length())
        .filter_map(|index| boxes.get(index)?.dyn_into::<web_sys::HtmlInputElement>().ok())
        .filter(web_sys::HtmlInputElement::checked)
        .map(|ticked| ticked.value())
        .collect()
}
