//! What all parts of the editor share, and what is done to the draft.
//!
//! A keystroke must cost next to nothing, however long the runbook is. So the draft is changed at once, but what follows from it
//! (faults, whether it is saved, what a block resolves to) is told of only when nobody types for a moment; and where blocks stand is
//! reckoned anew only when one came, went or moved.

use std::collections::HashMap;
use std::time::Duration;

use domain::{BlockPreview, BlockType, CredentialSummary, Fault, HostSummary, RunbookId};
use leptos::prelude::*;

use super::common::{field_id, focus_soon};
use crate::state::draft::{Draft, DraftBlock, Field, ListAt, Mark, NotYet, Spot, To};

/// How long nobody types before what follows is worked out.
const PAUSE: Duration = Duration::from_millis(150);

/// What all parts of the editor share.
#[derive(Clone, Copy)]
pub struct EditorState {
    /// The runbook, where there is one already.
    pub id: Option<RunbookId>,
    /// The version that the draft is based on.
    pub base: RwSignal<Option<u32>>,
    /// The draft as it was when it was last in step with the server.
    pub saved: RwSignal<Draft>,
    /// What is being typed.
    pub draft: RwSignal<Draft>,
    /// Grows when a block came, went, moved or was folded.
    pub(super) shape: RwSignal<u32>,
    /// Where each block stands, by its key.
    pub spots: Memo<HashMap<u64, Spot>>,
    /// What is wrong.
    pub faults: Memo<Vec<Fault>>,
    /// Which blocks cannot be run as they stand, and why.
    pub not_yet: Memo<HashMap<u64, NotYet>>,
    /// What else on the page follows from what stands in a block.
    marks: Memo<HashMap<u64, Mark>>,
    /// What the blocks with templates would do. One signal for each: an answer about one must not wake the cards of all.
    previews: StoredValue<HashMap<u64, ArcRwSignal<Option<BlockPreview>>>>,
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
    pub(super) dragged: RwSignal<Option<u64>>,
    /// The block that has the focus.
    pub(super) active: RwSignal<Option<u64>>,
    /// Something was typed that was not told of yet.
    typing: StoredValue<Option<TimeoutHandle>>,
}

impl EditorState {
    /// The state of an editor that begins with a draft, of the version `base` where it was saved before.
    #[must_use]
    pub fn new(id: Option<RunbookId>, base: Option<u32>, draft: Draft) -> Self {
        let saved = RwSignal::new(draft.clone());
        let (draft, shape) = (RwSignal::new(draft), RwSignal::new(0));
        let spots = move |_: Option<&_>| {
            shape.track();
            draft.with_untracked(Draft::spots)
        };
        Self {
            id,
            base: RwSignal::new(base),
            saved,
            draft,
            shape,
            spots: Memo::new(spots),
            faults: Memo::new(move |_| draft.with(Draft::faults)),
            not_yet: Memo::new(move |_| draft.with(|draft| saved.with(|saved| draft.not_yet(saved)))),
            marks: Memo::new(move |_| draft.with(Draft::marks)),
            previews: StoredValue::new(HashMap::new()),
            tried: RwSignal::new(false),
            spoken: RwSignal::new(String::new()),
            credentials: RwSignal::new(Vec::new()),
            hosts: RwSignal::new(Vec::new()),
            removed: RwSignal::new(None),
            dragged: RwSignal::new(None),
            active: RwSignal::new(None),
            typing: StoredValue::new(None),
        }
    }

    /// Changes the draft, and tells of it when nobody types for a moment.
    pub fn edit(self, change: impl FnOnce(&mut Draft)) {
        self.draft.update_untracked(change);
        if let Some(before) = self.typing.get_value() {
            before.clear();
        }
        self.typing.set_value(set_timeout_with_handle(move || self.tell(), PAUSE).ok());
    }

    /// Tells at once of what was typed; whether there was anything.
    pub fn settle(self) -> bool {
        let typing = self.typing.try_get_value().flatten();
        if let Some(timer) = typing {
            timer.clear();
            self.tell();
        }
        typing.is_some()
    }

    fn tell(self) {
        // It fails where the page is gone: then there is nobody to tell.
        if self.typing.try_set_value(None).is_none() {
            self.draft.notify();
        }
    }

    /// Changes which blocks there are, or where.
    pub fn reshape<T>(self, change: impl FnOnce(&mut Draft) -> T) -> Option<T> {
        let changed = self.draft.try_update(change);
        self.shape.update(|shape| *shape += 1);
        changed
    }

    /// What follows from what stands in a block; followed.
    #[must_use]
    pub fn mark(self, key: u64) -> Mark {
        self.marks.with(|marks| marks.get(&key).cloned().unwrap_or_default())
    }

    /// What a block would do, once the server has said it.
    pub(super) fn preview(self, key: u64) -> ArcRwSignal<Option<BlockPreview>> {
        let found = self.previews.try_update_value(|previews| previews.entry(key).or_default().clone());
        found.unwrap_or_default()
    }

    /// What a field holds now, without following it.
    #[must_use]
    pub fn text(self, key: u64, field: Field) -> String {
        self.draft.with_untracked(|draft| draft.block(key).map(|block| block.get(field).to_owned()).unwrap_or_default())
    }

    /// Keeps what was typed.
    pub fn set(self, key: u64, field: Field, text: impl Into<String>) {
        self.edit(|draft| {
            if let Some(block) = draft.block_mut(key) {
                block.set(field, text);
            }
        });
    }

    /// Keeps what was chosen, and tells of it at once: the form may look otherwise from then on.
    pub fn choose(self, key: u64, field: Field, text: impl Into<String>) {
        self.set(key, field, text);
        self.settle();
    }

    /// Adds a block and goes to its name.
    pub fn add(self, at: ListAt, index: usize, kind: BlockType) {
        if let Some(key) = self.reshape(|draft| draft.insert(at, index, kind)).flatten() {
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
        self.reshape(|draft| {
            let keys: Vec<u64> = draft.spots().into_keys().collect();
            for key in keys {
                if let Some(block) = draft.block_mut(key) {
                    block.collapsed = false;
                }
            }
        });
    }

    /// Folds a block, or unfolds it.
    pub(super) fn fold(self, key: u64) {
        self.reshape(|draft| {
            if let Some(block) = draft.block_mut(key) {
                block.collapsed = !block.collapsed;
            }
        });
    }

    /// Tells a screen reader.
    pub(super) fn say(self, text: String) {
        self.spoken.set(text);
    }

    pub(super) fn number(self, key: u64) -> String {
        self.spots.with(|spots| spots.get(&key).map(|spot| spot.number.clone()).unwrap_or_default())
    }

    /// Whether there are so many blocks that those out of sight are left out of the painting.
    pub fn has_many(self) -> bool {
        self.spots.with(|spots| spots.len() > 30)
    }

    /// Moves a block one step: past its neighbour, or at the end of its branch out of it.
    pub(super) fn shift(self, key: u64, up: bool) {
        let none = if up { "It is the first already" } else { "It is the last already" };
        self.move_by_key(key, none, |draft| draft.step_of(key, up));
    }

    /// Moves a block into the condition next to it, or out of its branch.
    pub(super) fn leap(self, key: u64, up: bool) {
        let none = if up { "There is no condition just above it" } else { "There is no condition just below it" };
        self.move_by_key(key, none, |draft| draft.leap_of(key, up));
    }

    fn move_by_key(self, key: u64, none: &str, to: impl FnOnce(&Draft) -> Option<To>) {
        let Some(to) = self.draft.with_untracked(to) else { return self.say(none.to_owned()) };
        // Moving an element takes the focus from what is in it: it is given back.
        let focused = document().active_element().map(|element| element.id()).filter(|id| !id.is_empty());
        self.move_to(key, to);
        if let Some(id) = focused {
            focus_soon(id);
        }
    }

    /// Moves a block, and says where it is then; says nothing where it stays.
    fn move_to(self, key: u64, to: To) {
        if self.draft.with_untracked(|draft| draft.can_move(key, to))
            && self.reshape(|draft| draft.move_to(key, to)) == Some(true)
        {
            self.say(self.spots.with_untracked(|spots| where_it_is(spots, key)));
        }
    }

    /// Whether what is dragged would move by being dropped there.
    pub(super) fn takes(self, place: impl FnOnce(&Draft, u64) -> Option<To>) -> bool {
        let dragged = self.dragged.get_untracked();
        dragged.is_some_and(|key| self.draft.with_untracked(|draft| place(draft, key).is_some_and(|to| draft.can_move(key, to))))
    }

    /// Puts what is dragged there.
    pub(super) fn drop_at(self, place: impl FnOnce(&Draft, u64) -> Option<To>) {
        let Some(key) = self.dragged.get_untracked() else { return };
        self.dragged.set(None);
        if let Some(to) = self.draft.with_untracked(|draft| place(draft, key)) {
            self.move_to(key, to);
        }
    }

    pub(super) fn duplicate(self, key: u64) {
        if let Some(copy) = self.reshape(|draft| draft.duplicate(key)).flatten() {
            self.say("Copied".to_owned());
            focus_soon(field_id(copy, Field::Name));
        }
    }

    pub(super) fn delete(self, key: u64) {
        if let Some(removed) = self.reshape(|draft| draft.remove(key)).flatten() {
            self.say(format!("Deleted {}", removed.2.title()));
            self.removed.set(Some(removed));
            focus_soon("undo-delete".to_owned());
        }
    }
}

/// `Moved to place 2 of 3`, in a branch with the branch.
fn where_it_is(spots: &HashMap<u64, Spot>, key: u64) -> String {
    let Some(spot) = spots.get(&key) else { return String::new() };
    let number = |of: u64| spots.get(&of).map(|spot| spot.number.as_str()).unwrap_or_default();
    let branch = match spot.list {
        ListAt::Top => String::new(),
        ListAt::Then(of) => format!(" in “Then” of block {}", number(of)),
        ListAt::Otherwise(of) => format!(" in “Otherwise” of block {}", number(of)),
    };
    format!("Moved to place {} of {}{branch}", spot.index + 1, spot.len)
}
