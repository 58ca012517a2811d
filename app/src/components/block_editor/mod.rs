//! The list of blocks in the editor: cards that are added, moved, copied, deleted and edited in place.

pub mod api;
pub mod command;
pub mod common;
pub mod condition;
pub mod host;
pub mod instruction;
pub mod timer;

use std::collections::HashMap;

use domain::{BlockType, CredentialSummary, Fault, HostSummary};
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use self::common::{field_id, focus_soon, kind_icon};
use crate::components::icon::Icon;
use crate::state::draft::{Draft, DraftBlock, Field, ListAt, Spot};

/// What all parts of the editor share.
#[derive(Clone, Copy)]
pub struct EditorState {
    /// What is being typed.
    pub draft: RwSignal<Draft>,
    /// Where each block stands, by its key.
    pub spots: Memo<HashMap<u64, Spot>>,
    /// What is wrong.
    pub faults: Memo<Vec<Fault>>,
    /// Saving was tried, so every fault is shown.
    pub tried: RwSignal<bool>,
    /// What a screen reader is told.
    pub spoken: RwSignal<String>,
    /// The stored credentials, once they are known.
    pub credentials: RwSignal<Vec<CredentialSummary>>,
    /// The hosts, once they are known.
    pub hosts: RwSignal<Vec<HostSummary>>,
    /// The block that was deleted last, to bring it back.
    pub removed: RwSignal<Option<(ListAt, usize, DraftBlock)>>,
    /// The block that is being dragged.
    dragged: RwSignal<Option<u64>>,
    /// The block that has the focus.
    active: RwSignal<Option<u64>>,
}

impl EditorState {
    /// The state of an editor that begins with a draft.
    #[must_use]
    pub fn new(draft: Draft) -> Self {
        let draft = RwSignal::new(draft);
        Self {
            draft,
            spots: Memo::new(move |_| draft.with(Draft::spots)),
            faults: Memo::new(move |_| draft.with(Draft::faults)),
            tried: RwSignal::new(false),
            spoken: RwSignal::new(String::new()),
            credentials: RwSignal::new(Vec::new()),
            hosts: RwSignal::new(Vec::new()),
            removed: RwSignal::new(None),
            dragged: RwSignal::new(None),
            active: RwSignal::new(None),
        }
    }

    /// What a field holds now, without following it.
    #[must_use]
    pub fn text(self, key: u64, field: Field) -> String {
        self.draft.with_untracked(|draft| draft.block(key).map(|block| block.get(field).to_owned()).unwrap_or_default())
    }

    /// Keeps what was typed.
    pub fn set(self, key: u64, field: Field, text: impl Into<String>) {
        self.draft.update(|draft| {
            if let Some(block) = draft.block_mut(key) {
                block.set(field, text);
            }
        });
    }

    /// Adds a block and goes to its name.
    pub fn add(self, at: ListAt, index: usize, kind: BlockType) {
        if let Some(key) = self.draft.try_update(|draft| draft.insert(at, index, kind)).flatten() {
            self.say(format!("{} added", kind.label()));
            focus_soon(field_id(key, Field::Name));
        }
    }

    /// The block and control that a fault is about: the number and title of the block, and the id of the element.
    #[must_use]
    pub fn place_of(self, fault: &Fault) -> (Option<String>, String) {
        let owner = self.spots.with(|spots| {
            let at = |path: &str| fault.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            let owner = spots.iter().filter(|(_, spot)| at(&spot.path)).max_by_key(|(_, spot)| spot.path.len());
            owner.map(|(key, spot)| (*key, spot.number.clone(), fault.path[spot.path.len()..].to_owned()))
        });
        let Some((key, number, rest)) = owner else {
            let id = if fault.path.starts_with("$.title") { "editor-title" } else { "editor-rail" };
            return (None, id.to_owned());
        };
        let rest = rest.trim_start_matches('.');
        let within =
            |field: &&Field| rest.strip_prefix(field.path()).is_some_and(|more| more.is_empty() || more.starts_with(['.', '[']));
        let id = Field::ALL.iter().find(within).map_or_else(|| format!("block-{key}"), |field| field_id(key, *field));
        let title = self.draft.with(|draft| draft.block(key).map(DraftBlock::title).unwrap_or_default());
        (Some(format!("{number} {title}")), id)
    }

    /// Unfolds every block, so that whatever is gone to is visible.
    pub fn unfold(self) {
        self.draft.update(|draft| {
            let keys: Vec<u64> = draft.spots().into_keys().collect();
            for key in keys {
                if let Some(block) = draft.block_mut(key) {
                    block.collapsed = false;
                }
            }
        });
    }

    /// Tells a screen reader.
    fn say(self, text: String) {
        self.spoken.set(text);
    }

    fn number(self, key: u64) -> String {
        self.spots.with(|spots| spots.get(&key).map(|spot| spot.number.clone()).unwrap_or_default())
    }

    fn shift(self, key: u64, up: bool) {
        // Moving an element takes the focus from what is in it: it is given back.
        let focused = document().active_element().map(|element| element.id()).filter(|id| !id.is_empty());
        let step = |draft: &mut Draft| if up { draft.move_up(key) } else { draft.move_down(key) };
        let moved = self.draft.try_update(step).unwrap_or_default();
        let number = self.spots.with_untracked(|spots| spots.get(&key).map(|spot| (spot.number.clone(), spot.len)));
        if let Some((number, len)) = number {
            let end = if up { "first" } else { "last" };
            self.say(if moved { format!("Moved to place {number} of {len}") } else { format!("It is the {end} already") });
        }
        if let Some(id) = focused {
            focus_soon(id);
        }
    }

    fn duplicate(self, key: u64) {
        if let Some(copy) = self.draft.try_update(|draft| draft.duplicate(key)).flatten() {
            self.say("Copied".to_owned());
            focus_soon(field_id(copy, Field::Name));
        }
    }

    fn delete(self, key: u64) {
        if let Some(removed) = self.draft.try_update(|draft| draft.remove(key)).flatten() {
            self.say(format!("Deleted {}", removed.2.title()));
            self.removed.set(Some(removed));
            focus_soon("undo-delete".to_owned());
        }
    }

    fn drop_before(self, before: u64) {
        if let Some(key) = self.dragged.get_untracked() {
            self.dragged.set(None);
            if self.draft.try_update(|draft| draft.move_before(key, before)).unwrap_or_default() {
                let number = self.spots.with_untracked(|spots| spots.get(&key).map(|spot| spot.number.clone()));
                self.say(format!("Moved to place {}", number.unwrap_or_default()));
            }
        }
    }
}

/// A list of blocks, with a place to add one before each and at the end.
pub fn block_list(state: EditorState, at: ListAt) -> AnyView {
    let keys = Memo::new(move |_| {
        state.draft.with(|draft| draft.list(at).iter().map(|block| (block.key, block.kind)).collect::<Vec<_>>())
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

/// A button between two blocks that offers the types.
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
    view! {
        <div class="add" class:add--open=move || open.get()>
            <button type="button" class="btn small icon" aria-label="Add a block here"
                aria-expanded=move || open.get().to_string() on:click=move |_| open.update(|open| *open = !*open)>
                <Icon icon=icondata_lu::LuPlus/>
            </button>
            {move || open.get().then(|| view! { <Kinds choose/> })}
        </div>
    }
}

/// Where a card stands: the button before it needs its list and place.
fn add_before(state: EditorState, key: u64) -> impl IntoView {
    let spot = Memo::new(move |_| state.spots.with(|spots| spots.get(&key).map(|spot| (spot.list, spot.index))));
    let list = Memo::new(move |_| spot.get().filter(|(_, index)| *index > 0).map(|(list, _)| list));
    move || {
        let index = Signal::derive(move || spot.get().map(|(_, index)| index).unwrap_or_default());
        list.get().map(|at| view! { <AddHere state at index/> })
    }
}

fn block_card(state: EditorState, key: u64, kind: BlockType) -> AnyView {
    let collapsed = Memo::new(move |_| state.draft.with(|draft| draft.block(key).is_some_and(|block| block.collapsed)));
    let number = Memo::new(move |_| state.number(key));
    let invalid = Memo::new(move |_| {
        let path = state.spots.with(|spots| spots.get(&key).map(|spot| spot.path.clone()).unwrap_or_default());
        let below = |fault: &Fault| fault.path.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.'));
        state.tried.get() && state.faults.with(|faults| faults.iter().any(below))
    });
    let over = RwSignal::new(false);
    let on_key = move |event: KeyboardEvent| {
        let up = match event.key().as_str() {
            "ArrowUp" => true,
            "ArrowDown" => false,
            _ => return,
        };
        if event.alt_key() {
            event.prevent_default();
            event.stop_propagation();
            state.shift(key, up);
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
                if state.dragged.get_untracked().is_some() {
                    event.prevent_default();
                    event.stop_propagation();
                    over.set(true);
                }
            }
            on:dragleave=move |_| over.set(false)
            on:drop=move |event| {
                event.prevent_default();
                event.stop_propagation();
                over.set(false);
                state.drop_before(key);
            }>
            <button type="button" class="grip" id=format!("grip-{key}") draggable="true"
                aria-label=move || format!("Move block {}", number.get()) title="Drag, or Alt ↑ and Alt ↓"
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
    let fold = move |_| {
        state.draft.update(|draft| {
            if let Some(block) = draft.block_mut(key) {
                block.collapsed = !block.collapsed;
            }
        });
    };
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
            aria-expanded=move || (!collapsed.get()).to_string() on:click=fold>
            {move || view! { <Icon icon=icon(collapsed.get())/> }}
        </button>
    }
}
