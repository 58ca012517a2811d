//! A step of a run with all it shows.

use std::ops::Range;

use domain::{BlockType, Step, StepState, Timestamp};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::console::Console;
use super::icon::Icon;
use super::markdown::Prose;
use super::notice::sentence;
use super::pill::step_look;
use super::question::{Question, asks};
use super::run_controls::Watched;
use super::time::{When, elapsed};
use crate::api::runs::get_instruction;
use crate::state::timeline::{Timeline, writes};

/// Where a step stands on the page.
#[must_use]
pub fn anchor(ordinal: u32) -> String {
    format!("step-{}", ordinal + 1)
}

/// Where a block on several hosts stands on the page.
#[must_use]
pub fn group_anchor(number: u32) -> String {
    format!("block-{number}")
}

/// A step with all it shows: what it does, how it went, what it wrote, what it asks.
#[component]
pub fn StepCard(
    /// The run.
    watched: Watched,
    /// The step's place in it.
    ordinal: u32,
) -> impl IntoView {
    let Watched { timeline, now, .. } = watched;
    let latest = Memo::new(move |_| timeline.with(|timeline| timeline.latest(ordinal).cloned()));
    let id = anchor(ordinal);
    let heading = format!("{id}-name");
    let class = move || latest.with(|step| step.as_ref().map_or_else(String::new, |step| card_class(step.state, step.depth)));
    let head = {
        let heading = heading.clone();
        move || latest.get().map(|step| head(&step, heading.clone()))
    };
    let time = move || latest.with(|step| time_of(step.as_ref()?, now.get()));
    let is_prose = latest.with_untracked(|step| step.as_ref().is_some_and(|step| step.kind == BlockType::Instruction));
    let prose = is_prose.then(|| view! { <Instruction watched=watched ordinal=ordinal/> });
    let question = move || latest.get().filter(asks).map(|step| view! { <Question watched=watched step=step/> });
    view! {
        <article class=class id=id aria-labelledby=heading tabindex="-1">
            <header>
                {head}
                <span class="step__end">
                    {move || latest.with(|step| step.as_ref().map(outcome))}
                    <span class="faint num">{time}</span>
                </span>
            </header>
            {prose}
            {move || latest.get().map(|step| what(&step))}
            {move || latest.get().map(|step| why(&step))}
            {question}
            <Outputs watched=watched ordinal=ordinal/>
        </article>
    }
}

/// The classes of a card.
pub fn card_class(state: StepState, depth: u32) -> String {
    let state = match state {
        StepState::Running => " step--running",
        StepState::Failed => " step--failed",
        StepState::Waiting | StepState::Interrupted => " step--ask",
        StepState::Skipped => " step--skipped",
        _ => "",
    };
    format!("card step{state}{}", if depth > 0 { " step--nested" } else { "" })
}

/// How long a step took, takes so far, or still takes.
pub fn time_of(step: &Step, now: Option<Timestamp>) -> Option<String> {
    countdown(step, now).or_else(|| span(step.started_at, step.ended_at, now))
}

/// What a step wrote: its latest attempt, then the earlier ones.
#[component]
pub fn Outputs(
    /// The run.
    watched: Watched,
    /// The step's place in it.
    ordinal: u32,
) -> impl IntoView {
    let timeline = watched.timeline;
    let latest = Memo::new(move |_| {
        timeline.with(|timeline| {
            let name =
                |step: &Step| timeline.lane(ordinal).map_or_else(|| step.name.clone(), |host| format!("{} on {host}", step.name));
            timeline.latest(ordinal).map(|step| (step.attempt, step.id, step.kind, name(step)))
        })
    });
    let earlier =
        Memo::new(move |_| timeline.with(|timeline| timeline.earlier_attempts(ordinal).into_iter().cloned().collect::<Vec<_>>()));
    let screen = move || {
        let (attempt, id, kind, name) = latest.get()?;
        let anchor = anchor(ordinal);
        writes(kind).then(|| view! { <Console watched=watched place=(ordinal, attempt) step=id name=name anchor=anchor/> })
    };
    view! {
        {screen}
        {move || earlier.get().into_iter().map(|step| earlier_attempt(watched, step, &anchor(ordinal))).collect_view()}
    }
}

/// The text of an instruction. Once values were put into it the server is asked for it again: only it makes HTML.
#[component]
fn Instruction(watched: Watched, ordinal: u32) -> impl IntoView {
    let source = Memo::new(move |_| {
        watched.timeline.with(|timeline| timeline.latest(ordinal).map(|step| step.what.clone()).unwrap_or_default())
    });
    let made_from = StoredValue::new(source.get_untracked());
    let html = RwSignal::new(
        watched
            .prose
            .with_value(|prose| prose.iter().find(|(of, _)| *of == ordinal).map(|(_, html)| html.clone()).unwrap_or_default()),
    );
    Effect::new(move || {
        let text = source.get();
        if made_from.with_value(|made_from| *made_from == text) {
            return;
        }
        made_from.set_value(text);
        spawn_local(async move {
            if let Ok(new) = get_instruction(watched.id(), ordinal).await {
                html.try_set(new);
            }
        });
    });
    view! { <div class="what"><Prose html=html/></div> }
}

/// The line of a step that says what it is and where it stands.
fn head(step: &Step, heading: String) -> impl IntoView + use<> {
    view! {
        {state_icon(step.state)}
        <h2 id=heading>{step.name.clone()}</h2>
        <span class="tag">{step.kind.as_str()}</span>
        {step.host.clone().map(|host| view! { <span class="tag">{host}</span> })}
        {attempt(step)}
    }
}

/// Which attempt it is, where it is not the first.
pub fn attempt(step: &Step) -> impl IntoView + use<> {
    (step.attempt > 1).then(|| view! { <span class="tag">{format!("attempt {}", step.attempt)}</span> })
}

/// How a step came out.
pub fn outcome(step: &Step) -> impl IntoView + use<> {
    let exit = step.exit_code.map(|code| {
        let text = if step.kind == BlockType::Api { format!("status {code}") } else { format!("exit {code}") };
        pill_of(step.state, text)
    });
    let result = step.result.map(|result| pill_of(step.state, if result { "true" } else { "false" }.to_owned()));
    // “exit 0” says all there is to say.
    let state = (step.state != StepState::Succeeded || (exit.is_none() && result.is_none()))
        .then(|| pill_of(step.state, state_word(step).to_owned()));
    view! {
        {state}
        {exit}
        {result}
    }
}

/// A state as a word. Of a run that ended before there is a difference between what was passed over and what was not reached.
pub fn state_word(step: &Step) -> &'static str {
    let (.., word) = step_look(step.state);
    match step.state {
        StepState::Stopped | StepState::Skipped if step.was_not_started() => "Not started",
        _ => word,
    }
}

/// A sign and a word in the colour of a state.
pub fn pill_of(state: StepState, text: String) -> impl IntoView {
    let (icon, class, _) = step_look(state);
    let spin = if state == StepState::Running { "spin" } else { "" };
    view! { <span class=format!("pill {class}")><Icon icon=icon class=spin/>{text}</span> }
}

/// What a step does.
pub fn what(step: &Step) -> impl IntoView + use<> {
    let text = step.what.clone();
    let asks_to_run = asks(step) && matches!(step.kind, BlockType::Command | BlockType::Api);
    // Instructions are shown as prose.
    if text.is_empty() || step.kind == BlockType::Instruction {
        ().into_any()
    } else if asks_to_run {
        view! { <div class="ask__box mono">{text}</div> }.into_any()
    } else {
        view! { <div class="what"><code>{text}</code></div> }.into_any()
    }
}

/// Until when it waits, and why it came out as it did.
pub fn why(step: &Step) -> impl IntoView + use<> {
    let due = step.due_at.filter(|_| !step.state.is_final()).map(|due| view! { <div class="what">"Until "<When at=due/></div> });
    // What a waiting step asks stands beside the buttons.
    // “Exit 1.” is said above.
    let said = step.exit_code.map(|code| format!("exit {code}"));
    let error = step.error.clone().filter(|error| !asks(step) && said.as_ref() != Some(error)).map(|error| {
        let error = sentence(&error);
        // “Skipped by ann” is no error, nor is a stop of which nothing is left.
        let is_error = match step.state {
            StepState::Succeeded | StepState::Skipped => false,
            StepState::Stopped => error.contains("unconfirmed"),
            _ => true,
        };
        if !is_error {
            return view! { <div class="what"><p>{error}</p></div> }.into_any();
        }
        view! { <div class="what"><p class="err"><Icon icon=icondata_lu::LuCircleAlert/><span>{error}</span></p></div> }
            .into_any()
    });
    view! { {due}{error} }
}

/// An attempt that was followed by another one.
fn earlier_attempt(watched: Watched, step: Step, anchor: &str) -> impl IntoView + use<> {
    let (icon, ..) = step_look(step.state);
    let exit = step.exit_code.map(|code| format!(" · exit {code}")).unwrap_or_default();
    let summary = format!("Attempt {}: {}{exit}", step.attempt, step.state.as_str());
    let anchor = format!("{anchor}-attempt-{}", step.attempt);
    let name = format!("{}, attempt {}", step.name, step.attempt);
    view! {
        <details on:toggle=move |_| watched.opened.update(|opened| *opened += 1)>
            <summary class="btn quiet small"><Icon icon=icon/>{summary}</summary>
            {step.error.map(|error| view! { <div class="what">{error}</div> })}
            {writes(step.kind).then(|| view! {
                <Console watched=watched place=(step.ordinal, step.attempt) step=step.id name=name anchor=anchor/>
            })}
        </details>
    }
}

/// The sign of a state, in its colour.
pub fn state_icon(state: StepState) -> impl IntoView {
    let (icon, ..) = step_look(state);
    let class = match state {
        StepState::Pending | StepState::Skipped | StepState::Stopped => "idle-t",
        StepState::Running => "run-t spin",
        StepState::Waiting | StepState::Interrupted => "warn-t",
        StepState::Succeeded => "ok-t",
        StepState::Failed => "bad-t",
    };
    view! { <Icon icon=icon class=class/> }
}

/// How long something took, or takes so far where the clock is known.
pub fn span(from: Option<Timestamp>, to: Option<Timestamp>, now: Option<Timestamp>) -> Option<String> {
    Some(elapsed(from?, to.or(now)?))
}

/// How long several steps took together, from the first beginning to the last end.
pub fn together_span(timeline: &Timeline, ordinals: Range<u32>, now: Option<Timestamp>) -> Option<String> {
    let steps: Vec<_> = ordinals.filter_map(|ordinal| timeline.latest(ordinal)).collect();
    let from = steps.iter().filter_map(|step| step.started_at).min();
    let over = steps.iter().all(|step| step.state.is_final());
    let to = if over { steps.iter().filter_map(|step| step.ended_at).max() } else { None };
    span(from, to, now)
}

/// How long a timer still runs.
pub fn countdown(step: &Step, now: Option<Timestamp>) -> Option<String> {
    if step.state != StepState::Running {
        return None;
    }
    let left = (step.due_at? - now?).num_seconds().max(0);
    Some(if left < 60 { format!("{left} s left") } else { format!("{} min {} s left", left / 60, left % 60) })
}
