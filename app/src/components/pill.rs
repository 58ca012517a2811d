//! States: icon, word and colour, always together.

use domain::{BlockType, RunState, StepState};
use icondata_core::Icon as IconData;
use leptos::prelude::*;

use super::icon::Icon;

/// Where a run stands.
#[component]
pub fn RunPill(
    /// The state.
    state: RunState,
) -> impl IntoView {
    let (icon, class, word) = run_look(state);
    view! { <span class=format!("pill {class}")><Icon icon=icon class=spin(icon)/>{word}</span> }
}

/// Where a step stands.
#[component]
pub fn StepPill(
    /// The state.
    state: StepState,
) -> impl IntoView {
    let (icon, class, word) = step_look(state);
    view! { <span class=format!("pill {class}")><Icon icon=icon class=spin(icon)/>{word}</span> }
}

/// A run's state as icon, class and word.
#[must_use]
pub fn run_look(state: RunState) -> (IconData, &'static str, &'static str) {
    match state {
        RunState::Queued => (icondata_lu::LuHourglass, "idle", "Queued"),
        RunState::Running => (icondata_lu::LuLoaderCircle, "run", "Running"),
        RunState::Pausing => (icondata_lu::LuLoaderCircle, "warn", "Pausing"),
        RunState::Paused => (icondata_lu::LuPause, "warn", "Paused"),
        RunState::Waiting => (icondata_lu::LuHand, "warn", "Waiting for you"),
        RunState::Stopping => (icondata_lu::LuLoaderCircle, "bad", "Stopping"),
        RunState::Stopped => (icondata_lu::LuSquare, "idle", "Stopped"),
        RunState::Succeeded => (icondata_lu::LuCheck, "ok", "Succeeded"),
        RunState::Failed => (icondata_lu::LuX, "bad", "Failed"),
        RunState::Interrupted => (icondata_lu::LuUnplug, "warn", "Interrupted"),
    }
}

/// A step's state as icon, class and word.
#[must_use]
pub fn step_look(state: StepState) -> (IconData, &'static str, &'static str) {
    match state {
        StepState::Pending => (icondata_lu::LuCircleDashed, "idle", "Pending"),
        StepState::Running => (icondata_lu::LuLoaderCircle, "run", "Running"),
        StepState::Waiting => (icondata_lu::LuHand, "warn", "Waiting for you"),
        StepState::Succeeded => (icondata_lu::LuCheck, "ok", "Succeeded"),
        StepState::Failed => (icondata_lu::LuX, "bad", "Failed"),
        StepState::Stopped => (icondata_lu::LuSquare, "idle", "Stopped"),
        StepState::Interrupted => (icondata_lu::LuUnplug, "warn", "Interrupted"),
        StepState::Skipped => (icondata_lu::LuSkipForward, "idle", "Skipped"),
    }
}

/// A block's type as icon.
#[must_use]
pub fn block_icon(kind: BlockType) -> IconData {
    match kind {
        BlockType::Instruction => icondata_lu::LuFileText,
        BlockType::Command => icondata_lu::LuTerminal,
        BlockType::Api => icondata_lu::LuGlobe,
        BlockType::Condition => icondata_lu::LuGitBranch,
        BlockType::Timer => icondata_lu::LuTimer,
    }
}

fn spin(icon: IconData) -> &'static str {
    if icon == icondata_lu::LuLoaderCircle { "spin" } else { "" }
}
