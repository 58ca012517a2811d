//! The form of a timer.

use leptos::prelude::*;

use super::EditorState;
use super::common::{MoreSettings, TextField};
use crate::state::draft::Field;

/// How long to wait.
#[component]
pub fn TimerForm(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
) -> impl IntoView {
    view! {
        <div class="grid">
            <TextField state key field=Field::Duration label="Duration" placeholder="5m" hint="Such as 90s, 5m or 1h 30m"/>
        </div>
        <MoreSettings state key/>
    }
}
