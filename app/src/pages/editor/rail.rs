//! The column beside the blocks: what can be added, what is to be mended, what the runbook asks, its tags, what this version changes.

use domain::Fault;
use leptos::prelude::*;

use super::saving::Saving;
use crate::components::block_editor::common::focus_soon;
use crate::components::block_editor::{EditorState, Kinds};
use crate::components::icon::Icon;
use crate::components::parameter_editor::{ParameterEditor, TagEditor};
use crate::state::draft::ListAt;

/// The column beside the blocks.
#[component]
pub(super) fn Rail(
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
                    on:input=move |event| state.edit(|draft| draft.message = event_target_value(&event))/>
            </label>
        </section>
    }
}

/// What a fault is about and says, and the element that mends it.
pub(super) fn describe(state: EditorState, fault: &Fault) -> (String, String) {
    let (block, id) = state.place_of(fault);
    let what = block.unwrap_or_else(|| fault.path.trim_start_matches("$.").to_owned());
    (format!("{what}: {}", fault.message), id)
}
