//! The form of an instruction.

use leptos::prelude::*;

use super::EditorState;
use super::common::{AreaField, CheckField, MoreSettings};
use crate::state::draft::Field;

/// Markdown, and whether a person must tick it.
#[component]
pub fn InstructionForm(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
) -> impl IntoView {
    view! {
        <AreaField state key field=Field::Text label="Text" placeholder="What to know or do, in Markdown"/>
        <CheckField state key field=Field::Acknowledge label="Wait until somebody ticks it"/>
        <MoreSettings state key/>
    }
}
