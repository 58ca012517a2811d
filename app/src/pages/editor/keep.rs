//! The draft in the browser's own storage, one for each runbook and one for a new one: a reload loses nothing.

use std::time::Duration;

use leptos::prelude::*;

pub(super) use self::storage::load;
use crate::components::block_editor::EditorState;

/// How long a draft stays as it is before it is kept: writing it out takes longer than a keystroke may.
const PAUSE: Duration = Duration::from_millis(500);

/// Keeps the draft of an editor.
#[derive(Clone, Copy)]
pub(super) struct Keeper {
    state: EditorState,
    due: StoredValue<Option<TimeoutHandle>>,
}

impl Keeper {
    pub(super) fn new(state: EditorState) -> Self {
        Self { state, due: StoredValue::new(None) }
    }

    /// Keeps it when it has not changed for a moment.
    pub(super) fn soon(self) {
        self.is_due();
        self.due.set_value(set_timeout_with_handle(move || self.now(), PAUSE).ok());
    }

    /// Keeps it now, if it was to be kept: the page goes away.
    pub(super) fn now(self) {
        if self.is_due() | self.state.settle() {
            self.state.draft.try_with_untracked(|draft| storage::store(self.state.id, draft));
        }
    }

    /// Keeps it no longer.
    pub(super) fn forget(self) {
        self.is_due();
        storage::forget(self.state.id);
    }

    /// Whether it was to be kept soon; from then on it is not.
    fn is_due(self) -> bool {
        let due = self.due.try_update_value(Option::take).flatten();
        if let Some(timer) = &due {
            timer.clear();
        }
        due.is_some()
    }
}

#[cfg(feature = "hydrate")]
mod storage {
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
mod storage {
    use domain::RunbookId;

    use crate::state::draft::Draft;

    pub const fn load(_id: Option<RunbookId>) -> Option<Draft> {
        None
    }

    pub const fn store(_id: Option<RunbookId>, _draft: &Draft) {}

    pub const fn forget(_id: Option<RunbookId>) {}
}
