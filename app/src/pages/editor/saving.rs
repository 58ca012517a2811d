//! Saving: what the server is told, and what it answered.

use domain::{Problem, Runbook, RunbookId};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::keep::Keeper;
use crate::api::runbooks::{create_runbook, get_runbook, update_runbook};
use crate::components::block_editor::EditorState;
use crate::components::block_editor::common::focus_soon;
use crate::state::draft::Draft;

/// What saving needs to know.
#[derive(Clone, Copy)]
pub(super) struct Saving {
    pub(super) state: EditorState,
    pub(super) id: Option<RunbookId>,
    /// The version that the draft is based on.
    pub(super) base: RwSignal<Option<u32>>,
    pub(super) keeper: Keeper,
    pub(super) busy: RwSignal<bool>,
    pub(super) refused: RwSignal<Option<Problem>>,
    /// The other's version, where one came in between.
    pub(super) theirs: RwSignal<Option<Runbook>>,
    pub(super) saved: RwSignal<Option<RunbookId>>,
}

impl Saving {
    /// Nothing is saved yet.
    pub(super) fn new(state: EditorState) -> Self {
        Self {
            state,
            id: state.id,
            base: state.base,
            keeper: Keeper::new(state),
            busy: RwSignal::new(false),
            refused: RwSignal::new(None),
            theirs: RwSignal::new(None),
            saved: RwSignal::new(None),
        }
    }

    pub(super) fn save(self) {
        if self.busy.get_untracked() {
            return;
        }
        self.state.settle();
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
                    self.keeper.forget();
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

    pub(super) fn load_theirs(self, runbook: &Runbook) {
        self.theirs.set(None);
        self.base.set(Some(runbook.version));
        self.become_draft(Draft::from(runbook));
        self.state.saved.set(self.state.draft.get_untracked());
    }

    pub(super) fn save_over(self, version: u32) {
        self.theirs.set(None);
        self.base.set(Some(version));
        self.save();
    }

    pub(super) fn become_draft(self, draft: Draft) {
        self.state.removed.set(None);
        self.state.reshape(|current| current.replace(draft));
    }

    /// Back to what the server has.
    pub(super) fn discard(self) {
        self.become_draft(self.state.saved.get_untracked());
        self.state.tried.set(false);
        self.keeper.forget();
    }
}
