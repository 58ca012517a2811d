//! What happened that the person should decide about: a draft that was kept, a conflict, a refusal, a deletion.

use leptos::prelude::*;

use super::rail::describe;
use super::saving::Saving;
use crate::components::conflict::TheirChange;
use crate::components::icon::Icon;
use crate::state::draft::Draft;

/// What happened that the person should decide about.
#[component]
pub(super) fn Notices(
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
                if state.draft.with_untracked(|draft| state.saved.with_untracked(|saved| draft.is_same(saved))) {
                    saving.keeper.forget();
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
            let change = saving
                .id
                .zip(saving.base.get_untracked())
                .zip(state.draft.with_untracked(Draft::check).ok())
                .map(|((id, base), draft)| view! { <TheirChange id base theirs=version by=by.clone() draft/> });
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
                    </div>{change}</div>
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
                state.reshape(|draft| draft.put_back(at, index, block.clone()));
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
