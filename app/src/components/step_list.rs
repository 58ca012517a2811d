//! The list of a run's blocks: where each stands, and the way to it; under a block on several hosts, each of them.

use domain::{Step, StepState};
use leptos::prelude::*;

use super::question::asks;
use super::run_controls::Watched;
use super::step_card::{anchor, countdown, group_anchor, span, state_icon, state_word, together_span};
use crate::state::timeline::{Block, Timeline};

/// The steps of a run, the current one marked.
#[component]
pub fn StepList(
    /// The run.
    watched: Watched,
) -> impl IntoView {
    let blocks = Memo::new(move |_| watched.timeline.with(Timeline::blocks));
    let current = Memo::new(move |_| watched.timeline.with(|timeline| timeline.current().map(|step| step.ordinal)));
    let row = move |block: Block| {
        if block.has_lanes() {
            view! { <Group watched=watched block=block current=current/> }.into_any()
        } else {
            view! { <li><Link watched=watched ordinal=block.ordinals.start current=current/></li> }.into_any()
        }
    };
    view! {
        <nav class="card steps" aria-label="Steps">
            <ol><For each=move || blocks.get() key=|block| (block.number, block.ordinals.end) children=row/></ol>
        </nav>
    }
}

/// A block on several hosts.
#[component]
fn Group(watched: Watched, block: Block, current: Memo<Option<u32>>) -> impl IntoView {
    let Watched { timeline, now, .. } = watched;
    let Block { number, ordinals } = block;
    let state = {
        let ordinals = ordinals.clone();
        Memo::new(move |_| timeline.with(|timeline| timeline.state_of(ordinals.clone())))
    };
    let first = timeline.with_untracked(|timeline| timeline.latest(ordinals.start).map(|step| (step.name.clone(), step.depth)));
    let (name, depth) = first.unwrap_or_default();
    let class = link_class(false, depth);
    let time = {
        let ordinals = ordinals.clone();
        move || timeline.with(|timeline| together_span(timeline, ordinals.clone(), now.get()))
    };
    let lane = move |ordinal| view! { <li><Link watched=watched ordinal=ordinal current=current lane=true/></li> };
    view! {
        <li>
            <a class=class href=format!("#{}", group_anchor(number))>
                {move || state_icon(state.get())}
                <span>{name}<span class="visually-hidden">{move || format!(", {}", state.get().as_str())}</span></span>
                <time>{time}</time>
            </a>
            <ol class="steps__lanes">{ordinals.map(lane).collect_view()}</ol>
        </li>
    }
}

/// The way to a step; of several hosts each is called by its name.
#[component]
fn Link(watched: Watched, ordinal: u32, current: Memo<Option<u32>>, #[prop(optional)] lane: bool) -> impl IntoView {
    let Watched { timeline, now, .. } = watched;
    let step = Memo::new(move |_| timeline.with(|timeline| timeline.latest(ordinal).cloned()));
    let current = Memo::new(move |_| current.get() == Some(ordinal));
    let class = move || link_class(current.get(), step.with(|step| step.as_ref().map_or(0, |step| step.depth)));
    let icon = move || step.with(|step| step.as_ref().map(|step| state_icon(step.state)));
    let called = move |step: &Step| step.host.clone().filter(|_| lane).unwrap_or_else(|| step.name.clone());
    let name = move || step.with(|step| step.as_ref().map(called));
    let state = move || step.with(|step| step.as_ref().map(|step| format!(", {}", state_word(step).to_lowercase())));
    let time = move || {
        step.with(|step| {
            let step = step.as_ref()?;
            if asks(step) {
                return Some("asks".to_owned());
            }
            let exit = step.exit_code.filter(|_| lane && step.state == StepState::Failed).map(|code| format!("exit {code} · "));
            let span = countdown(step, now.get()).or_else(|| span(step.started_at, step.ended_at, now.get()))?;
            Some(format!("{}{span}", exit.unwrap_or_default()))
        })
    };
    view! {
        <a class=class href=format!("#{}", anchor(ordinal)) aria-current=move || current.get().then_some("step")>
            {icon}<span>{name}<span class="visually-hidden">{state}</span></span><time>{time}</time>
        </a>
    }
}

fn link_class(current: bool, depth: u32) -> String {
    let on = if current { " step-link--on" } else { "" };
    let nested = if depth > 0 { " step-link--nested" } else { "" };
    format!("step-link{on}{nested}")
}
