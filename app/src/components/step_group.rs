//! A block on several hosts: what they have in common once, then each host with its state, its time and its console.

use domain::{Step, StepState};
use leptos::prelude::*;

use super::question::{Question, asks};
use super::run_controls::Watched;
use super::step_card::{
    Outputs, anchor, attempt, card_class, group_anchor, outcome, pill_of, state_icon, time_of, together_span, what, why,
};
use crate::state::timeline::{Block, Timeline, counted};

/// A block with its hosts.
#[component]
pub fn StepGroup(
    /// The run.
    watched: Watched,
    /// The block.
    block: Block,
) -> impl IntoView {
    let Watched { timeline, now, .. } = watched;
    let Block { number, ordinals } = block;
    let id = group_anchor(number);
    let heading = format!("{id}-name");
    let labelled = heading.clone();
    let of = ordinals.clone();
    let steps = Memo::new(move |_| timeline.with(|timeline| steps(timeline, of.clone().collect())));
    let of = ordinals.clone();
    let state = Memo::new(move |_| timeline.with(|timeline| timeline.state_of(of.clone())));
    let depth = steps.with_untracked(|steps| steps.first().map_or(0, |step| step.depth));
    let (name, kind) = steps.with_untracked(|steps| steps.first().map(|step| (step.name.clone(), step.kind))).unzip();
    // What would run may differ from host to host, where a value does.
    let common = Memo::new(move |_| steps.with(|steps| same_text(steps).cloned()));
    let question = Memo::new(move |_| steps.with(|steps| steps.iter().find(|step| asks_for_all(step)).cloned()));
    let time = {
        let of = ordinals.clone();
        move || timeline.with(|timeline| together_span(timeline, of.clone(), now.get()))
    };
    let hosts = counted(ordinals.len(), "host");
    let lanes: Vec<_> = ordinals.map(|ordinal| view! { <Lane watched=watched ordinal=ordinal common=common/> }).collect();
    view! {
        <article class=move || format!("{} step--hosts", card_class(state.get(), depth)) id=id aria-labelledby=labelled tabindex="-1">
            <header>
                {move || state_icon(state.get())}
                <h2 id=heading>{name}</h2>
                <span class="tag">{kind.map(|kind| kind.as_str())}</span>
                <span class="tag">{hosts}</span>
                <span class="step__end">
                    {move || steps.with(|steps| pill_of(state.get(), tally(steps)))}
                    <span class="faint num">{time}</span>
                </span>
            </header>
            {move || common.get().map(|step| what(&step))}
            {move || question.get().map(|step| view! { <Question watched=watched step=step/> })}
            {lanes}
        </article>
    }
}

/// One of the hosts.
#[component]
fn Lane(watched: Watched, ordinal: u32, common: Memo<Option<Step>>) -> impl IntoView {
    let Watched { timeline, now, .. } = watched;
    let latest = Memo::new(move |_| timeline.with(|timeline| timeline.latest(ordinal).cloned()));
    let named =
        latest.with_untracked(|step| step.as_ref().map(|step| (step.name.clone(), step.host.clone().unwrap_or_default())));
    let (name, host) = named.unwrap_or_default();
    let label = format!("{name} on {host}");
    let class = move || match latest.with(|step| step.as_ref().map(|step| step.state)) {
        Some(StepState::Failed) => "lane lane--failed",
        Some(StepState::Waiting | StepState::Interrupted) => "lane lane--ask",
        _ => "lane",
    };
    let text = move || if common.with(Option::is_none) { latest.get().map(|step| what(&step)) } else { None };
    let question = move || {
        let step = latest.get().filter(|step| asks(step) && !asks_for_all(step))?;
        Some(view! { <Question watched=watched step=step/> })
    };
    view! {
        <article class=class id=anchor(ordinal) aria-label=label tabindex="-1">
            <header>
                {move || latest.with(|step| step.as_ref().map(|step| state_icon(step.state)))}
                <h3>{host}</h3>
                {move || latest.with(|step| step.as_ref().map(attempt))}
                <span class="step__end">
                    {move || latest.with(|step| step.as_ref().map(outcome))}
                    <span class="faint num">{move || latest.with(|step| time_of(step.as_ref()?, now.get()))}</span>
                </span>
            </header>
            {text}
            {move || latest.get().map(|step| why(&step))}
            {question}
            <Outputs watched=watched ordinal=ordinal/>
        </article>
    }
}

fn steps(timeline: &Timeline, ordinals: Vec<u32>) -> Vec<Step> {
    ordinals.into_iter().filter_map(|ordinal| timeline.latest(ordinal)).cloned().collect()
}

/// A question that is asked before anything began stands for all hosts on which the same would run.
fn asks_for_all(step: &Step) -> bool {
    step.state == StepState::Waiting && step.started_at.is_none()
}

/// The step whose text is that of all of them: the one that asks, where one does.
fn same_text(steps: &[Step]) -> Option<&Step> {
    let first = steps.iter().find(|step| asks_for_all(step)).or_else(|| steps.first())?;
    steps.iter().all(|step| step.what == first.what || step.state == StepState::Pending).then_some(first)
}

/// How many hosts are done, and what went wrong: `2 of 3 done, 1 failed`.
fn tally(steps: &[Step]) -> String {
    let count = |wanted: fn(&Step) -> bool| steps.iter().filter(|step| wanted(step)).count();
    let failed = count(|step| step.state == StepState::Failed);
    let asks = count(asks);
    let not_started = count(Step::was_not_started);
    let skipped = count(|step| step.state == StepState::Skipped) - count(Step::was_not_reached);
    let done = count(|step| step.state.is_final()) - not_started - skipped;
    let parts = [(failed, "failed"), (not_started, "not started"), (skipped, "skipped"), (asks, "asks")];
    let mut text = if not_started == steps.len() || skipped == steps.len() {
        String::new()
    } else {
        format!("{done} of {} done", steps.len())
    };
    for (count, word) in parts.into_iter().filter(|(count, _)| *count > 0) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&format!("{count} {word}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use domain::{BlockId, BlockType, StepId};

    use super::*;

    fn step(state: StepState, error: Option<&str>) -> Step {
        Step {
            id: StepId::new(),
            block_id: BlockId::new(),
            name: "Restart".to_owned(),
            kind: BlockType::Command,
            ordinal: 0,
            depth: 0,
            attempt: 1,
            state,
            what: "true".to_owned(),
            host: Some("web-1".to_owned()),
            exit_code: None,
            result: None,
            started_at: None,
            ended_at: None,
            due_at: None,
            error: error.map(str::to_owned),
            answer: None,
            event: 1,
            last_output: 0,
        }
    }

    #[test]
    fn a_block_tells_how_its_hosts_are() {
        use StepState::{Pending, Skipped, Succeeded, Waiting};
        let tell = |steps: &[(StepState, Option<&str>)]| {
            tally(&steps.iter().map(|(state, error)| step(*state, *error)).collect::<Vec<_>>())
        };
        assert_eq!(tell(&[(Succeeded, None), (Pending, None)]), "1 of 2 done");
        assert_eq!(tell(&[(Succeeded, None), (Waiting, None)]), "1 of 2 done, 1 asks");
        assert_eq!(tell(&[(Succeeded, None), (Skipped, Some("run stopped"))]), "1 of 2 done, 1 not started");
        assert_eq!(tell(&[(Skipped, Some("not selected")); 2]), "2 skipped");
    }

    #[test]
    fn a_text_stands_once_where_it_is_the_same_for_all() {
        let other = Step { what: "false".to_owned(), ..step(StepState::Running, None) };
        assert!(same_text(&[step(StepState::Succeeded, None), step(StepState::Running, None)]).is_some());
        assert!(same_text(&[step(StepState::Succeeded, None), other]).is_none());
    }
}
