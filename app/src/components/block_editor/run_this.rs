//! Runs one block of the saved version, where the block stands here as it was saved.

use domain::{BlockType, Problem, RunId};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::EditorState;
use crate::api::runs::run_block;
use crate::components::icon::Icon;
use crate::components::notice::sentence;
use crate::state::draft::Draft;
use crate::state::{places, where_to};

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
enum Came {
    /// It is on its way.
    Asked,
    /// It was started.
    Started(RunId),
    /// It was refused, or never asked.
    Refused(String),
}

/// The button in the head of a block, and what came of it.
#[component]
pub fn RunThis(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
    /// Its type.
    kind: BlockType,
) -> impl IntoView {
    let does_something = matches!(kind, BlockType::Command | BlockType::Api | BlockType::Condition);
    let Some(id) = state.id.filter(|_| does_something) else { return ().into_any() };
    let why_not = Memo::new(move |_| state.not_yet.with(|why| why.get(&key).copied()));
    let names = Memo::new(move |_| places::listed(&state.mark(key).host));
    let label = move || {
        let names: Vec<String> = names.get().iter().map(|name| where_to::called(name)).collect();
        if names.is_empty() { "Run this".to_owned() } else { where_to::on("Run", &names) }
    };
    let came = RwSignal::new(None::<Came>);
    // What was said about a block that was changed since says nothing any more.
    Effect::new(move |_| {
        why_not.track();
        came.set(None);
    });
    let run = move |_| {
        state.settle();
        if let Some(why) = why_not.get_untracked() {
            came.set(Some(Came::Refused(why.sentence().to_owned())));
            return;
        }
        let block = state.draft.with_untracked(|draft| draft.block(key).and_then(|block| block.id.parse().ok()));
        let (Some(block), Some(version)) = (block, state.base.get_untracked()) else { return };
        let samples = state.draft.with_untracked(Draft::samples);
        came.set(Some(Came::Asked));
        spawn_local(async move {
            let answer = run_block(id, version, block, samples).await;
            came.try_set(Some(answer.map_or_else(|error| Came::Refused(said(&error.0)), Came::Started)));
        });
    };
    view! {
        <button type="button" class="btn small btn--long" aria-disabled=move || why_not.get().is_some().to_string()
            title=move || why_not.get().map_or("Runs this block alone, as it is saved", |why| why.sentence())
            disabled=move || came.get() == Some(Came::Asked) on:click=run>
            <Icon icon=icondata_lu::LuPlay/><span>{label}</span>
        </button>
        <span class="block__came" role="status">{move || came.get().and_then(|came| match came {
            Came::Asked => None,
            Came::Started(run) => Some(view! {
                <span class="ok-t">"Started. "</span><a class="link" href=format!("/runs/{run}") target="_blank">"Watch it in a new tab"</a>
            }.into_any()),
            Came::Refused(why) => Some(view! { <span class="warn-t">{why}</span> }.into_any()),
        })}</span>
    }
    .into_any()
}

fn said(problem: &Problem) -> String {
    let faults: Vec<String> = problem.errors.iter().map(|fault| sentence(&fault.message)).collect();
    if faults.is_empty() { sentence(&problem.detail) } else { faults.join(" ") }
}
