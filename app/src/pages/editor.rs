//! The editor: makes a runbook, or a new version of one.

use domain::{Fault, Problem, Runbook, RunbookId};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_params_map};

use crate::api::credentials::list_credentials;
use crate::api::hosts::list_hosts;
use crate::api::runbooks::{create_runbook, get_runbook, update_runbook};
use crate::components::area::area_text;
use crate::components::block_editor::common::{FaultLine, focus_soon};
use crate::components::block_editor::{EditorState, Kinds, block_list};
use crate::components::icon::Icon;
use crate::components::parameter_editor::{ParameterEditor, TagEditor};
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

/// What saving needs to know.
#[derive(Clone, Copy)]
struct Saving {
    state: EditorState,
    id: Option<RunbookId>,
    /// The version that the draft is based on.
    base: RwSignal<Option<u32>>,
    /// The draft as it was when it was last in step with the server.
    clean: RwSignal<Draft>,
    busy: RwSignal<bool>,
    refused: RwSignal<Option<Problem>>,
    /// The other's version, where one came in between.
    theirs: RwSignal<Option<Runbook>>,
    saved: RwSignal<Option<RunbookId>>,
}

impl Saving {
    fn save(self) {
        if self.busy.get_untracked() {
            return;
        }
        self.state.tried.set(true);
        self.refused.set(None);
        let draft = match self.state.draft.with_untracked(Draft::check) {
            Ok(draft) => draft,
            Err(faults) => {
                self.state.unfold();
                if let Some(fault) = faults.0.first() {
                    focus_soon(self.state.place_of(fault).1);
                }
                return;
            }
        };
        self.busy.set(true);
        spawn_local(async move {
            let answer = match self.id {
                None => create_runbook(draft).await,
                Some(id) => update_runbook(id, draft, self.base.get_untracked()).await,
            };
            match (answer, self.id) {
                (Ok(runbook), _) => {
                    keep::forget(self.id);
                    self.saved.set(Some(runbook.id));
                }
                (Err(error), Some(id)) if error.0.status == 412 => match get_runbook(id).await {
                    Ok(page) => self.theirs.set(Some(page.runbook)),
                    Err(error) => self.refused.set(Some(error.0)),
                },
                (Err(error), _) => self.refused.set(Some(error.0)),
            }
            self.busy.set(false);
        });
    }

    fn load_theirs(self, runbook: &Runbook) {
        self.theirs.set(None);
        self.base.set(Some(runbook.version));
        self.become_draft(Draft::from(runbook));
        self.clean.set(self.state.draft.get_untracked());
    }

    fn save_over(self, version: u32) {
        self.theirs.set(None);
        self.base.set(Some(version));
        self.save();
    }

    fn become_draft(self, draft: Draft) {
        self.state.removed.set(None);
        self.state.draft.update(|current| current.replace(draft));
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
    let saving = Saving {
        state: EditorState::new(draft.clone()),
        id,
        base: RwSignal::new(runbook.as_ref().map(|runbook| runbook.version)),
        clean: RwSignal::new(draft),
        busy: RwSignal::new(false),
        refused: RwSignal::new(None),
        theirs: RwSignal::new(None),
        saved: RwSignal::new(None),
    };
    let state = saving.state;
    let clean = Memo::new(move |_| saving.clean.with(Draft::to_json));
    let dirty = Memo::new(move |_| state.draft.with(Draft::to_json) != clean.get());
    // Controls wait until somebody listens: nothing typed before that would be kept.
    let ready = RwSignal::new(false);
    let offer = RwSignal::new(None::<Draft>);

    Effect::new(move |_| {
        offer.set(keep::load(id).filter(|kept| kept.to_json() != clean.get_untracked()));
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
        on_cleanup(move || keys.remove());
    });
    Effect::new(move |_| {
        let changed = dirty.get();
        let saved = saving.saved.get().is_some();
        state.draft.with(|draft| {
            if changed && !saved {
                keep::store(id, draft);
            }
        });
        // Undone by hand: there is nothing left to offer.
        if !changed && ready.get() && offer.with_untracked(Option::is_none) {
            keep::forget(id);
        }
    });
    let navigate = use_navigate();
    Effect::new(move |_| {
        if let Some(id) = saving.saved.get() {
            navigate(&format!("/runbooks/{id}"), NavigateOptions::default());
        }
    });

    let discard = move |_| {
        saving.become_draft(saving.clean.get_untracked());
        saving.state.tried.set(false);
        keep::forget(id);
    };
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
            <div class="row row--wrap">
                <nav class="crumbs" aria-label="Breadcrumb"><ol>
                    <li><a href="/runbooks">"Runbooks"</a></li>
                    <li aria-current="page">{title}</li>
                </ol></nav>
                {move || dirty.get().then(|| view! { <span class="pill warn">"Unsaved, kept in this browser"</span> })}
                <span class="spacer"></span>
                {move || dirty.get().then(|| view! { <button type="button" class="btn" on:click=discard>"Discard"</button> })}
                <button type="button" class="btn primary" disabled=move || !ready.get() || saving.busy.get()
                    on:click=move |_| saving.save()>
                    <span>{label}</span><kbd aria-hidden="true">"⌘S"</kbd>
                </button>
            </div>
        </header>
        <p class="visually-hidden" aria-live="polite">{move || state.spoken.get()}</p>
        <fieldset disabled=move || !ready.get()>
            <div class="cols cols--editor">
                <section aria-label="Blocks">
                    <Notices saving offer/>
                    <Heading state/>
                    {block_list(state, ListAt::Top)}
                </section>
                <aside class="rail" id="editor-rail" tabindex="-1" aria-label="Add and settings">
                    <Rail saving dirty/>
                </aside>
            </div>
        </fieldset>
    }
}

/// Title and description.
#[component]
fn Heading(
    /// The editor.
    state: EditorState,
) -> impl IntoView {
    let messages = move |path: &'static str| {
        Memo::new(move |_| {
            let shown = state.tried.get();
            state.faults.with(|faults| {
                faults.iter().filter(|fault| shown && fault.path == path).map(|fault| fault.message.clone()).collect::<Vec<_>>()
            })
        })
    };
    let (title, description) = (messages("$.title"), messages("$.description"));
    let first = state.draft.get_untracked();
    view! {
        <input class="title" id="editor-title" aria-label="Title" placeholder="Title" autocomplete="off" value=first.title
            prop:value=move || state.draft.with(|draft| draft.title.clone())
            aria-invalid=move || title.with(|messages| !messages.is_empty()).then_some("true") aria-describedby="editor-title-error"
            on:input=move |event| state.draft.update(|draft| draft.title = event_target_value(&event))/>
        <FaultLine id="editor-title-error" messages=title/>
        <textarea class="desc" rows="1" aria-label="Description" placeholder="What it is for, in a sentence or two"
            prop:value=move || state.draft.with(|draft| draft.description.clone()) aria-describedby="editor-description-error"
            on:input=move |event| state.draft.update(|draft| draft.description = event_target_value(&event))>
            {area_text(first.description)}
        </textarea>
        <FaultLine id="editor-description-error" messages=description/>
    }
}

/// What happened that the person should decide about.
#[component]
fn Notices(
    /// What saving knows.
    saving: Saving,
    /// A draft that was kept in this browser.
    offer: RwSignal<Option<Draft>>,
) -> impl IntoView {
    let state = saving.state;
    let kept = move || {
        offer.get().map(|kept| {
            let restore = move |_| {
                saving.become_draft(kept.clone());
                offer.set(None);
            };
            let forget = move |_| {
                offer.set(None);
                if state.draft.with_untracked(Draft::to_json) == saving.clean.with_untracked(Draft::to_json) {
                    keep::forget(saving.id);
                }
            };
            view! {
                <div class="notice info" role="status">
                    <Icon icon=icondata_lu::LuInfo/>
                    <div><p>"This browser kept changes that were not saved."</p><div class="row">
                        <button type="button" class="btn small primary" on:click=restore>"Restore the draft"</button>
                        <button type="button" class="btn small" on:click=forget>"Forget it"</button>
                    </div></div>
                </div>
            }
        })
    };
    let conflict = move || {
        saving.theirs.get().map(|theirs| {
            let version = theirs.version;
            let by = theirs.updated_by.clone();
            view! {
                <div class="notice warn" role="alert">
                    <Icon icon=icondata_lu::LuTriangleAlert/>
                    <div><p>{format!("{by} saved version {version} while you were editing. Nothing of yours is lost.")}</p>
                    <div class="row">
                        <button type="button" class="btn small" on:click=move |_| saving.load_theirs(&theirs)>
                            {format!("Load version {version}")}
                        </button>
                        <button type="button" class="btn small primary" on:click=move |_| saving.save_over(version)>
                            "Save mine over it"
                        </button>
                    </div></div>
                </div>
            }
        })
    };
    let refused = move || {
        saving.refused.get().map(|problem| {
            let faults = problem.errors.iter().map(|fault| view! { <li>{describe(state, fault).0}</li> }).collect_view();
            view! {
                <div class="notice bad" role="alert">
                    <Icon icon=icondata_lu::LuCircleX/>
                    <div><p><b>"Not saved. "</b>{problem.detail.clone()}</p><ul>{faults}</ul></div>
                </div>
            }
        })
    };
    let removed = move || {
        state.removed.get().map(|(at, index, block)| {
            let title = block.title();
            let undo = move |_| {
                state.draft.update(|draft| {
                    draft.put_back(at, index, block.clone());
                });
                state.removed.set(None);
            };
            view! {
                <div class="notice info" role="status">
                    <Icon icon=icondata_lu::LuTrash2/>
                    <div class="row">{format!("Deleted {title}")}
                        <button type="button" class="btn small" id="undo-delete" on:click=undo>"Undo"</button>
                        <button type="button" class="btn small quiet icon" aria-label="Dismiss"
                            on:click=move |_| state.removed.set(None)><Icon icon=icondata_lu::LuX/></button>
                    </div>
                </div>
            }
        })
    };
    view! { {kept}{conflict}{refused}{removed} }
}

/// What a fault is about and says, and the element that mends it.
fn describe(state: EditorState, fault: &Fault) -> (String, String) {
    let (block, id) = state.place_of(fault);
    let what = block.unwrap_or_else(|| fault.path.trim_start_matches("$.").to_owned());
    (format!("{what}: {}", fault.message), id)
}

/// The column beside the blocks.
#[component]
fn Rail(
    /// What saving knows.
    saving: Saving,
    /// Whether anything was changed.
    dirty: Memo<bool>,
) -> impl IntoView {
    let state = saving.state;
    let choose = move |kind| {
        let end = state.draft.with_untracked(|draft| draft.blocks.len());
        state.add(ListAt::Top, end, kind);
    };
    let mend = move || {
        let faults = state.faults.get();
        ((dirty.get() || state.tried.get()) && !faults.is_empty()).then(|| {
            let count = faults.len();
            let things = if count == 1 { "thing" } else { "things" };
            let links = faults.iter().map(|fault| {
                let (text, id) = describe(state, fault);
                let href = format!("#{id}");
                let go = move |event: leptos::ev::MouseEvent| {
                    event.prevent_default();
                    state.tried.set(true);
                    state.unfold();
                    focus_soon(id.clone());
                };
                view! { <a class="err" href=href on:click=go><Icon icon=icondata_lu::LuX/><span>{text}</span></a> }
            });
            view! {
                <section class="card" aria-label="To mend">
                    <h2>{format!("{count} {things} to mend before saving")}</h2>
                    {links.collect_view()}
                </section>
            }
        })
    };
    view! {
        <section class="card" aria-label="Add a block">
            <h2>"Add a block"</h2>
            <Kinds choose/>
            <p class="faint small-text">"Move a block by its handle, or with "<kbd>"Alt ↑"</kbd>" "<kbd>"Alt ↓"</kbd>"."</p>
        </section>
        {mend}
        <ParameterEditor state/>
        <TagEditor state/>
        <section class="card" aria-label="This version">
            <h2>"This version"</h2>
            <label class="field">"What changes (optional)"
                <input autocomplete="off" prop:value=move || state.draft.with(|draft| draft.message.clone())
                    on:input=move |event| state.draft.update(|draft| draft.message = event_target_value(&event))/>
            </label>
        </section>
    }
}

/// The draft in the browser's own storage, one for each runbook and one for a new one.
#[cfg(feature = "hydrate")]
mod keep {
    use domain::RunbookId;
    use gloo_storage::{LocalStorage, Storage};

    use crate::state::draft::Draft;

    fn name(id: Option<RunbookId>) -> String {
        format!("runbook-studio.draft.{}", id.map_or_else(|| "new".to_owned(), |id| id.to_string()))
    }

    /// What was kept.
    pub fn load(id: Option<RunbookId>) -> Option<Draft> {
        LocalStorage::get(name(id)).ok()
    }

    /// Keeps it; a full or forbidden storage only means that a reload loses it.
    pub fn store(id: Option<RunbookId>, draft: &Draft) {
        drop(LocalStorage::set(name(id), draft));
    }

    /// Keeps it no longer.
    pub fn forget(id: Option<RunbookId>) {
        LocalStorage::delete(name(id));
    }
}

/// The server has no such storage; none of this is reached there.
#[cfg(not(feature = "hydrate"))]
mod keep {
    use domain::RunbookId;

    use crate::state::draft::Draft;

    pub const fn load(_id: Option<RunbookId>) -> Option<Draft> {
        None
    }

    pub const fn store(_id: Option<RunbookId>, _draft: &Draft) {}

    pub const fn forget(_id: Option<RunbookId>) {}
}
