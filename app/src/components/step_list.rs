//! The list of a run's steps: where each stands, and the way to it.

use leptos::prelude::*;

use super::run_controls::{Watched, asks};
use super::step_card::{countdown, span, state_icon};
use crate::state::timeline::Timeline;

/// The steps of a run, the current one marked.
#[component]
pub fn StepList(
    /// The run.
    watched: Watched,
) -> impl IntoView {
    let ordinals = Memo::new(move |_| watched.timeline.with(Timeline::ordinals));
    let current = Memo::new(move |_| watched.timeline.with(|timeline| timeline.current().map(|step| step.ordinal)));
    view! {
        <nav class="card steps" aria-label="Steps">
            <ol>
                <For each=move || ordinals.get() key=|ordinal| *ordinal children=move |ordinal| link(watched, ordinal, current)/>
            </ol>
        </nav>
    }
}

fn link(watched: Watched, ordinal: u32, current: Memo<Option<u32>>) -> impl IntoView {
    let Watched { timeline, now, .. } = watched;
    let step = Memo::new(move |_| timeline.with(|timeline| timeline.latest(ordinal).cloned()));
    let current = Memo::new(move |_| current.get() == Some(ordinal));
    let class = move || {
        let mut class = "step-link".to_owned();
        if current.get() {
            class.push_str(" step-link--on");
        }
        if step.with(|step| step.as_ref().is_some_and(|step| step.depth > 0)) {
            class.push_str(" step-link--nested");
        }
        class
    };
    let icon = move || step.with(|step| step.as_ref().map(|step| state_icon(step.state)));
    let name = move || step.with(|step| step.as_ref().map(|step| step.name.clone()));
    let lane = timeline.with_untracked(|timeline| timeline.lane(ordinal).map(|host| format!(" on {host}")));
    let state = move || step.with(|step| step.as_ref().map(|step| format!(", {}", step.state.as_str())));
    let time = move || {
        step.with(|step| match step {
            Some(step) if asks(step) => Some("asks".to_owned()),
            Some(step) => countdown(step, now.get()).or_else(|| span(step.started_at, step.ended_at, now.get())),
            None => None,
        })
    };
    view! {
        <li>
            <a class=class href=format!("#step-{}", ordinal + 1) aria-current=move || current.get().then_some("step")>
                {icon}<span>{name}<span class="faint">{lane}</span><span class="visually-hidden">{state}</span></span><time>{time}</time>
            </a>
        </li>
    }
}
