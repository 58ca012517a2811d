//! The card of a block: its head with what can be done with it, and the form of its type.

use domain::{BlockType, Fault};
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use super::common::{field_id, kind_icon};
use super::run_this::RunThis;
use super::{AddHere, EditorState, api, command, condition, instruction, timer};
use crate::components::icon::Icon;
use crate::state::draft::{Draft, Field};

/// Where a card stands: the button before it needs its list and place.
fn add_before(state: EditorState, key: u64) -> impl IntoView {
    let spot = Memo::new(move |_| state.spots.with(|spots| spots.get(&key).map(|spot| (spot.list, spot.index))));
    let list = Memo::new(move |_| spot.get().filter(|(_, index)| *index > 0).map(|(list, _)| list));
    move || {
        let index = Signal::derive(move || spot.get().map(|(_, index)| index).unwrap_or_default());
        list.get().map(|at| view! { <AddHere state at index/> })
    }
}

/// The card of one block, and the button before it.
pub(super) fn block_card(state: EditorState, key: u64, kind: BlockType) -> AnyView {
    let collapsed = Memo::new(move |_| {
        state.shape.track();
        state.draft.with_untracked(|draft| draft.block(key).is_some_and(|block| block.collapsed))
    });
    let number = Memo::new(move |_| state.number(key));
    let invalid = Memo::new(move |_| {
        if !state.tried.get() {
            return false;
        }
        let path = state.spots.with(|spots| spots.get(&key).map(|spot| spot.path.clone()).unwrap_or_default());
        let below = |fault: &Fault| fault.path.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.'));
        state.faults.with(|faults| faults.iter().any(below))
    });
    let over = RwSignal::new(false);
    let here = move |draft: &Draft, dragged: u64| draft.dropped_onto(dragged, key);
    let on_key = move |event: KeyboardEvent| {
        let up = match event.key().as_str() {
            "ArrowUp" => true,
            "ArrowDown" => false,
            _ => return,
        };
        if event.alt_key() {
            event.prevent_default();
            event.stop_propagation();
            if event.shift_key() { state.leap(key, up) } else { state.shift(key, up) }
        }
    };
    view! {
        {add_before(state, key)}
        <div class="block" id=format!("block-{key}") tabindex="-1" role="group"
            aria-label=move || format!("Block {}: {}", number.get(), kind.label())
            class:block--active=move || state.active.get() == Some(key)
            class:block--invalid=move || invalid.get()
            class:block--collapsed=move || collapsed.get()
            class:block--dragging=move || state.dragged.get() == Some(key)
            class:drop-target=move || over.get()
            on:keydown=on_key
            on:focusin=move |event| { event.stop_propagation(); state.active.set(Some(key)); }
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
            <button type="button" class="grip" id=format!("grip-{key}") draggable="true"
                aria-label=move || format!("Move block {}", number.get()) title="Drag, or Alt ↑ and Alt ↓; with Shift into a condition and out of it"
                on:dragstart=move |event| { event.stop_propagation(); state.dragged.set(Some(key)); }
                on:dragend=move |_| state.dragged.set(None)>
                <Icon icon=icondata_lu::LuGripVertical/><span>{move || number.get()}</span>
            </button>
            <div class="card">
                <header>
                    <span class="tag"><Icon icon=kind_icon(kind)/>{kind.as_str()}</span>
                    <input id=field_id(key, Field::Name) aria-label="Name" placeholder="Name" autocomplete="off"
                        value=state.text(key, Field::Name)
                        on:input=move |event| state.set(key, Field::Name, event_target_value(&event))/>
                    <RunThis state key kind/>
                    <BlockActions state key collapsed/>
                </header>
                <div class="block__body">{form(state, key, kind)}</div>
            </div>
        </div>
    }
    .into_any()
}

fn form(state: EditorState, key: u64, kind: BlockType) -> AnyView {
    match kind {
        BlockType::Instruction => view! { <instruction::InstructionForm state key/> }.into_any(),
        BlockType::Command => view! { <command::CommandForm state key/> }.into_any(),
        BlockType::Api => view! { <api::ApiForm state key/> }.into_any(),
        BlockType::Condition => view! { <condition::ConditionForm state key/> }.into_any(),
        BlockType::Timer => view! { <timer::TimerForm state key/> }.into_any(),
    }
}

/// What can be done with a block as a whole.
#[component]
fn BlockActions(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
    /// Whether only its head is shown.
    collapsed: Memo<bool>,
) -> impl IntoView {
    let icon = move |folded: bool| if folded { icondata_lu::LuChevronRight } else { icondata_lu::LuChevronDown };
    view! {
        <button type="button" class="btn quiet small icon" id=format!("up-{key}") aria-label="Move up"
            on:click=move |_| state.shift(key, true)><Icon icon=icondata_lu::LuArrowUp/></button>
        <button type="button" class="btn quiet small icon" id=format!("down-{key}") aria-label="Move down"
            on:click=move |_| state.shift(key, false)><Icon icon=icondata_lu::LuArrowDown/></button>
        <button type="button" class="btn quiet small icon" aria-label="Duplicate"
            on:click=move |_| state.duplicate(key)><Icon icon=icondata_lu::LuCopy/></button>
        <button type="button" class="btn quiet small icon" aria-label="Delete"
            on:click=move |_| state.delete(key)><Icon icon=icondata_lu::LuTrash2/></button>
        <button type="button" class="btn quiet small icon" aria-label=move || if collapsed.get() { "Unfold" } else { "Fold" }
            aria-expanded=move || (!collapsed.get()).to_string() on:click=move |_| state.fold(key)>
            {move || view! { <Icon icon=icon(collapsed.get())/> }}
        </button>
    }
}
