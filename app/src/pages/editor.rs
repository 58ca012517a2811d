//! The editor: makes a runbook, or a new version of one.

mod heading;
mod keep;
mod notices;
mod rail;
mod saving;

use domain::{Problem, Runbook, RunbookId};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_params_map};

use self::heading::Heading;
use self::notices::Notices;
use self::rail::Rail;
use self::saving::Saving;
use crate::api::credentials::list_credentials;
use crate::api::hosts::list_hosts;
use crate::api::runbooks::get_runbook;
use crate::components::block_editor::host::OfferedPlaces;
use crate::components::block_editor::preview::follow;
use crate::components::block_editor::{EditorState, block_list};
use crate::state::draft::{Draft, ListAt};

/// The page at `/runbooks/new` and `/runbooks/:id/edit`.
#[component]
pub fn EditorPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id")));
    let page = Resource::new(
        move || id.get(),
        |id| async move {
            let Some(id) = id else { return Ok(None) };
            match id.parse::<RunbookId>() {
                Ok(id) => get_runbook(id).await.map(|page| Some(page.runbook)).map_err(|error| error.0),
                Err(error) => Err(Problem::new(404, "not_found", error.to_string())),
            }
        },
    );
    view! {
        <Suspense fallback=|| view! { <p class="page muted">"Loading the editor…"</p> }>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(runbook) => view! { <Editor runbook/> }.into_any(),
                    Err(problem) => view! {
                        <Title text="Editor"/>
                        <div class="errorpage">
                            <h1>{problem.title()}</h1>
                            <p>{problem.detail.clone()}</p>
                            <div class="errorpage__actions"><a class="btn" href="/runbooks">"All runbooks"</a></div>
                        </div>
                    }
                    .into_any(),
                }
            })}
        </Suspense>
    }
}

/// The editor of a runbook that was read, or of a new one.
#[component]
fn Editor(
    /// The newest version; none for a new runbook.
    runbook: Option<Runbook>,
) -> impl IntoView {
    let id = runbook.as_ref().map(|runbook| runbook.id);
    let draft = runbook.as_ref().map(Draft::from).unwrap_or_default();
    let state = EditorState::new(id, runbook.as_ref().map(|runbook| runbook.version), draft);
    let saving = Saving::new(state);
    let dirty = Memo::new(move |_| state.draft.with(|draft| state.saved.with(|saved| !draft.is_same(saved))));
    // Controls wait until somebody listens: nothing typed before that would be kept.
    let ready = RwSignal::new(false);
    let offer = RwSignal::new(None::<Draft>);

    Effect::new(move |_| {
        offer.set(keep::load(id).filter(|kept| state.saved.with_untracked(|saved| !kept.is_same(saved))));
        ready.set(true);
        spawn_local(async move {
            if let Ok(credentials) = list_credentials().await {
                state.credentials.set(credentials);
            }
        });
        spawn_local(async move {
            if let Ok(hosts) = list_hosts().await {
                state.hosts.set(hosts);
            }
        });
        let keys = window_event_listener(leptos::ev::keydown, move |event| {
            if (event.ctrl_key() || event.meta_key()) && event.key().eq_ignore_ascii_case("s") {
                event.prevent_default();
                saving.save();
            }
        });
        // The page is put aside or left: what was typed a moment ago is kept too.
        let away =
            ["pagehide", "visibilitychange"].map(|event| window_event_listener_untyped(event, move |_| saving.keeper.now()));
        on_cleanup(move || {
            keys.remove();
            away.into_iter().for_each(WindowListenerHandle::remove);
            saving.keeper.now();
        });
    });
    follow(state);
    Effect::new(move |_| {
        let changed = dirty.get();
        let saved = saving.saved.get().is_some();
        state.draft.track();
        if changed && !saved {
            saving.keeper.soon();
        }
        // Undone by hand: there is nothing left to offer.
        if !changed && ready.get() && offer.with_untracked(Option::is_none) {
            saving.keeper.forget();
        }
    });
    let navigate = use_navigate();
    Effect::new(move |_| {
        if let Some(id) = saving.saved.get() {
            navigate(&format!("/runbooks/{id}"), NavigateOptions::default());
        }
    });

    let label = move || match saving.base.get() {
        None => "Create runbook".to_owned(),
        Some(version) => format!("Save as version {}", version + 1),
    };
    let title = move || {
        let title = state.draft.with(|draft| draft.title.clone());
        if title.trim().is_empty() { "New runbook".to_owned() } else { title }
    };
    view! {
        <Title text=move || format!("Edit {}", title())/>
        <header class="head">
            // The title is a field; a heading says it to those who go from heading to heading.
            <h1 class="visually-hidden">{title}</h1>
            <div class="row row--wrap">
                <nav class="crumbs" aria-label="Breadcrumb"><ol>
                    <li><a href="/runbooks">"Runbooks"</a></li>
                    <li aria-current="page">{title}</li>
                </ol></nav>
                {move || dirty.get().then(|| view! { <span class="pill warn">"Unsaved, kept in this browser"</span> })}
                <span class="spacer"></span>
                {move || dirty.get().then(|| view! { <button type="button" class="btn" on:click=move |_| saving.discard()>"Discard"</button> })}
                <button type="button" class="btn primary" disabled=move || !ready.get() || saving.busy.get()
                    on:click=move |_| saving.save()>
                    <span>{label}</span><kbd aria-hidden="true">"⌘S"</kbd>
                </button>
            </div>
        </header>
        <p class="visually-hidden" aria-live="polite">{move || state.spoken.get()}</p>
        <fieldset disabled=move || !ready.get()>
            <div class="cols cols--editor">
                <section aria-label="Blocks" class:blocks--many=move || state.has_many()>
                    <Notices saving offer/>
                    <Heading state/>
                    {block_list(state, ListAt::Top)}
                    <OfferedPlaces state/>
                </section>
                <aside class="rail" id="editor-rail" tabindex="-1" aria-label="Add and settings">
                    <Rail saving dirty/>
                </aside>
            </div>
        </fieldset>
    }
}
