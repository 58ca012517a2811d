//! Title and description of the runbook.

use leptos::prelude::*;

use crate::components::area::area_text;
use crate::components::block_editor::EditorState;
use crate::components::block_editor::common::FaultLine;

/// Title and description.
#[component]
pub(super) fn Heading(
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
            on:input=move |event| state.edit(|draft| draft.title = event_target_value(&event))/>
        <FaultLine id="editor-title-error" messages=title/>
        <textarea class="desc" rows="1" aria-label="Description" placeholder="What it is for, in a sentence or two"
            prop:value=move || state.draft.with(|draft| draft.description.clone()) aria-describedby="editor-description-error"
            on:input=move |event| state.edit(|draft| draft.description = event_target_value(&event))>
            {area_text(first.description)}
        </textarea>
        <FaultLine id="editor-description-error" messages=description/>
    }
}
