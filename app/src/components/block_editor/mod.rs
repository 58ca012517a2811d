//! Blocks as they are edited: a list of cards, each with the form of its type, added, moved, copied, deleted and edited in place.

pub mod api;
mod card;
pub mod command;
pub mod common;
pub mod condition;
pub mod host;
pub mod instruction;
pub mod preview;
mod run_this;
mod state;
pub mod timer;

use domain::BlockType;
use leptos::prelude::*;

use self::card::block_card;
use self::common::kind_icon;
pub use self::state::EditorState;
use crate::components::icon::Icon;
use crate::state::draft::{Draft, ListAt};

/// A list of blocks, with a place to add one before each and at the end.
pub fn block_list(state: EditorState, at: ListAt) -> AnyView {
    let keys = Memo::new(move |_| {
        state.shape.track();
        state.draft.with_untracked(|draft| draft.list(at).iter().map(|block| (block.key, block.kind)).collect::<Vec<_>>())
    });
    view! {
        <For each=move || keys.get() key=|(key, _)| *key let((key, kind))>
            {block_card(state, key, kind)}
        </For>
        <AddHere state at index=Signal::derive(move || keys.with(Vec::len))/>
    }
    .into_any()
}

/// The types of blocks, each a button.
#[component]
pub fn Kinds(
    /// What to do with the type that was chosen.
    #[prop(into)]
    choose: Callback<BlockType>,
) -> impl IntoView {
    let kinds = BlockType::ALL.map(|kind| {
        view! {
            <button type="button" on:click=move |_| choose.run(kind)><Icon icon=kind_icon(kind)/>{kind.label()}</button>
        }
    });
    view! { <div class="kinds">{kinds.into_iter().collect_view()}</div> }
}

/// A button between two blocks that offers the types; a dragged block is dropped here too.
#[component]
fn AddHere(
    /// The editor.
    state: EditorState,
    /// The list.
    at: ListAt,
    /// The place of the new block.
    #[prop(into)]
    index: Signal<usize>,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let choose = move |kind| {
        open.set(false);
        state.add(at, index.get_untracked(), kind);
    };
    let over = RwSignal::new(false);
    let here = move |_: &Draft, _: u64| Some((at, index.get_untracked()));
    view! {
        <div class="add" class:add--open=move || open.get() class:drop-target=move || over.get()
            on:dragover=move |event| {
                event.stop_propagation();
                if state.takes(here) {
                    event.prevent_default();
                    over.set(true);
                }
            }
            on:dragleave=move |_| over.set(false)
            on:drop=move |event| {
                event.prevent_default();
                event.stop_propagation();
                over.set(false);
                state.drop_at(here);
            }>
            <button type="button" class="btn small icon" aria-label="Add a block here"
                aria-expanded=move || open.get().to_string() on:click=move |_| open.update(|open| *open = !*open)>
                <Icon icon=icondata_lu::LuPlus/>
            </button>
            {move || open.get().then(|| view! { <Kinds choose/> })}
        </div>
    }
}
