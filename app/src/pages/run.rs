//! A run as it happens: its steps, what they write, what they ask.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use domain::{BlockType, Run, RunEvent, RunId, RunMode, RunState, Step, StepState, Timestamp};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use serde_json::Value;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, MessageEvent};

use super::use_param;
use crate::api::runs::{ControlRun, RunPage as Shown, get_run};
use crate::components::console::Console;
use crate::components::icon::Icon;
use crate::components::notice::{ErrorPage, Outcome};
use crate::components::pill::{RunPill, StepPill, step_look};
use crate::components::run_controls::{Question, RunControls, Watched, asks};
use crate::components::time::{When, browser_now, elapsed};
use crate::state::timeline::{Progress, Timeline, writes};

/// Events that arrive within this time are drawn together.
const FRAME: Duration = Duration::from_millis(16);
/// After this time a stream that the server refused is asked for again.
const AGAIN: Duration = Duration::from_secs(3);

/// `/runs/:id`.
#[component]
pub fn RunPage() -> impl IntoView {
    let id = use_param::<RunId>("id");
    let params = use_params_map();
    let page = Resource::new_blocking(
        move || params.with(|params| params.get("id")),
        move |_| {
            let id = untrack(id);
            async move { get_run(id?).await }
        },
    );
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(page) => view! { <Show page=page/> }.into_any(),
                    Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Show(page: Shown) -> impl IntoView {
    let Shown { run, steps, tails, may_control, .. } = page;
    let timeline = RwSignal::new(Timeline::new(run.clone(), steps, tails));
    let watched = Watched {
        timeline,
        now: RwSignal::new(None),
        control: ServerAction::<ControlRun>::new(),
        follow: RwSignal::new(0),
        may_control,
    };
    let online = RwSignal::new(true);
    watch(run.id, timeline, online);
    tick(watched);
    // What the server answers to a request is as good as an event, and often sooner.
    let answer = watched.control.value();
    Effect::new(move || {
        if let Some(Ok(run)) = answer.get() {
            timeline.update(|timeline| timeline.apply(RunEvent::Run(Box::new(run))));
        }
    });
    let announcement = Memo::new(move |_| timeline.with(Timeline::announcement));
    let ordinals = Memo::new(move |_| timeline.with(Timeline::ordinals));
    view! {
        <Title text=format!("Run #{} · {}", run.number, run.runbook_title)/>
        <Head watched=watched run=run.clone()/>
        <Outcome action=watched.control/>
        <div class="visually-hidden" role="status" aria-live="polite">{announcement}</div>
        <div class="cols cols--run">
            <nav class="card steps" aria-label="Steps">
                <ol>
                    <For each=move || ordinals.get() key=|ordinal| *ordinal children=move |ordinal| link(watched, ordinal)/>
                </ol>
            </nav>
            <section aria-label="Steps in detail">
                <For
                    each=move || ordinals.get() key=|ordinal| *ordinal
                    children=move |ordinal| view! { <StepCard watched=watched ordinal=ordinal/> }
                />
            </section>
            <Info run=run/>
        </div>
        {move || (!online.get()).then(|| view! {
            <div class="offline" role="status"><Icon icon=icondata_lu::LuWifiOff/>"Reconnecting…"</div>
        })}
    }
}

#[component]
fn Head(watched: Watched, run: Run) -> impl IntoView {
    let Watched { timeline, now, .. } = watched;
    let state = Memo::new(move |_| timeline.with(|timeline| timeline.run().state));
    let times = Memo::new(move |_| timeline.with(|timeline| (timeline.run().started_at, timeline.run().ended_at)));
    // What a waiting run asks stands in the card of the step that asks.
    let error = Memo::new(move |_| {
        timeline.with(|timeline| timeline.run().error.clone().filter(|_| timeline.run().state != RunState::Waiting))
    });
    let progress = Memo::new(move |_| timeline.with(Timeline::progress));
    let standing = move || {
        let Progress { at, of, .. } = progress.get();
        let (started, ended) = times.get();
        let span = span(started, ended, now.get()).map(|span| format!(" · {span}")).unwrap_or_default();
        format!("step {at} of {of}{span}")
    };
    let bar = move || match state.get() {
        RunState::Succeeded => "bar bar--ok",
        RunState::Failed => "bar bar--bad",
        _ => "bar",
    };
    view! {
        <header class="head">
            <div class="row">
                <div>
                    <nav class="crumbs" aria-label="Breadcrumb">
                        <ol>
                            <li><a href="/runbooks">"Runbooks"</a></li>
                            <li>
                                <a href=format!("/runbooks/{}", run.runbook_id)>{run.runbook_title.clone()}</a>
                                {format!(" · version {}", run.version)}
                            </li>
                            <li aria-current="page">{format!("Run #{}", run.number)}</li>
                        </ol>
                    </nav>
                    <div class="row">
                        <h1>{format!("Run #{}", run.number)}</h1>
                        {move || view! { <RunPill state=state.get()/> }}
                        <span class="muted num">{standing}</span>
                    </div>
                </div>
                <span class="spacer"></span>
                <RunControls watched=watched/>
            </div>
            {move || error.get().map(|error| {
                let class = if state.get() == RunState::Failed { "small-text bad-t" } else { "small-text muted" };
                view! { <p class=class>{error}</p> }
            })}
            <progress
                class=bar aria-label="Progress" max=move || progress.get().of.max(1).to_string()
                value=move || progress.get().done.to_string()
            ></progress>
        </header>
    }
}

/// A step in the list on the left.
fn link(watched: Watched, ordinal: u32) -> impl IntoView {
    let Watched { timeline, now, .. } = watched;
    let step = Memo::new(move |_| timeline.with(|timeline| timeline.latest(ordinal).cloned()));
    let current = Memo::new(move |_| timeline.with(|timeline| timeline.current().is_some_and(|step| step.ordinal == ordinal)));
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
                {icon}<span>{name}<span class="visually-hidden">{state}</span></span><time>{time}</time>
            </a>
        </li>
    }
}

/// A step with all it shows: what it does, how it went, what it wrote, what it asks.
#[component]
fn StepCard(watched: Watched, ordinal: u32) -> impl IntoView {
    let Watched { timeline, now, .. } = watched;
    let latest = Memo::new(move |_| timeline.with(|timeline| timeline.latest(ordinal).cloned()));
    let attempt = Memo::new(move |_| latest.with(|step| step.as_ref().map(|step| (step.attempt, step.id))));
    let earlier =
        Memo::new(move |_| timeline.with(|timeline| timeline.earlier_attempts(ordinal).into_iter().cloned().collect::<Vec<_>>()));
    let anchor = format!("step-{}", ordinal + 1);
    let heading = format!("{anchor}-name");
    let class = move || {
        latest.with(|step| {
            let Some(step) = step else { return "card step".to_owned() };
            let state = match step.state {
                StepState::Running => " step--running",
                StepState::Failed => " step--failed",
                StepState::Waiting | StepState::Interrupted => " step--ask",
                StepState::Skipped => " step--skipped",
                _ => "",
            };
            format!("card step{state}{}", if step.depth > 0 { " step--nested" } else { "" })
        })
    };
    let head = {
        let heading = heading.clone();
        move || latest.get().map(|step| head(&step, heading.clone()))
    };
    let time = move || {
        latest.with(|step| {
            let step = step.as_ref()?;
            countdown(step, now.get()).or_else(|| span(step.started_at, step.ended_at, now.get()))
        })
    };
    let screen = {
        let anchor = anchor.clone();
        move || {
            let (attempt, id) = attempt.get()?;
            let (kind, name) = latest.with_untracked(|step| step.as_ref().map(|step| (step.kind, step.name.clone())))?;
            let anchor = anchor.clone();
            writes(kind).then(|| view! { <Console watched=watched place=(ordinal, attempt) step=id name=name anchor=anchor/> })
        }
    };
    let question = move || latest.get().filter(asks).map(|step| view! { <Question watched=watched step=step/> });
    let id = anchor.clone();
    view! {
        <article class=class id=id aria-labelledby=heading tabindex="-1">
            <header>{head}<span class="faint num">{time}</span></header>
            {move || latest.get().map(|step| what(&step))}
            {question}
            {screen}
            {move || earlier.get().into_iter().map(|step| earlier_attempt(watched, step, &anchor)).collect_view()}
        </article>
    }
}

/// The line of a step that says what it is and where it stands.
fn head(step: &Step, heading: String) -> impl IntoView + use<> {
    let exit = step.exit_code.map(|code| {
        let text = if step.kind == BlockType::Api { format!("status {code}") } else { format!("exit {code}") };
        pill_of(step.state, text)
    });
    let result = step.result.map(|result| pill_of(step.state, if result { "true" } else { "false" }.to_owned()));
    // “exit 0” says all there is to say.
    let state = (step.state != StepState::Succeeded || (exit.is_none() && result.is_none()))
        .then(|| view! { <StepPill state=step.state/> });
    view! {
        {state_icon(step.state)}
        <h2 id=heading>{step.name.clone()}</h2>
        <span class="tag">{step.kind.as_str()}</span>
        {step.host.clone().map(|host| view! { <span class="tag">{host}</span> })}
        {(step.attempt > 1).then(|| view! { <span class="tag">{format!("attempt {}", step.attempt)}</span> })}
        <span class="spacer"></span>
        {state}
        {exit}
        {result}
    }
}

fn pill_of(state: StepState, text: String) -> impl IntoView {
    let (icon, class, _) = step_look(state);
    view! { <span class=format!("pill {class}")><Icon icon=icon/>{text}</span> }
}

/// What a step does, and why it came out as it did.
fn what(step: &Step) -> impl IntoView + use<> {
    let text = step.what.clone();
    let asks_to_run = asks(step) && matches!(step.kind, BlockType::Command | BlockType::Api);
    let body = if text.is_empty() {
        ().into_any()
    } else if step.kind == BlockType::Instruction {
        let paragraphs: Vec<_> =
            text.lines().filter(|line| !line.trim().is_empty()).map(|line| view! { <p>{line.to_owned()}</p> }).collect();
        view! { <div class="what"><div class="prose">{paragraphs}</div></div> }.into_any()
    } else if asks_to_run {
        view! { <div class="ask__box mono">{text}</div> }.into_any()
    } else {
        view! { <div class="what"><code>{text}</code></div> }.into_any()
    };
    let due = step.due_at.filter(|_| !step.state.is_final()).map(|due| view! { <div class="what">"Until "<When at=due/></div> });
    // What a waiting step asks stands beside the buttons.
    let error = step.error.clone().filter(|_| !asks(step)).map(|error| {
        view! { <div class="what"><p class="err"><Icon icon=icondata_lu::LuCircleAlert/><span>{error}</span></p></div> }
    });
    view! { {body}{due}{error} }
}

/// An attempt that was followed by another one.
fn earlier_attempt(watched: Watched, step: Step, anchor: &str) -> impl IntoView + use<> {
    let (icon, ..) = step_look(step.state);
    let exit = step.exit_code.map(|code| format!(" · exit {code}")).unwrap_or_default();
    let summary = format!("Attempt {}: {}{exit}", step.attempt, step.state.as_str());
    let anchor = format!("{anchor}-attempt-{}", step.attempt);
    let name = format!("{}, attempt {}", step.name, step.attempt);
    view! {
        <details>
            <summary class="btn quiet small"><Icon icon=icon/>{summary}</summary>
            {step.error.map(|error| view! { <div class="what">{error}</div> })}
            {writes(step.kind).then(|| view! {
                <Console watched=watched place=(step.ordinal, step.attempt) step=step.id name=name anchor=anchor/>
            })}
        </details>
    }
}

#[component]
fn Info(run: Run) -> impl IntoView {
    let parameters: Vec<_> = run
        .parameters
        .iter()
        .map(|(name, value)| {
            let value = value.as_str().map_or_else(|| Value::to_string(value), str::to_owned);
            view! { <dt class="mono">{name.clone()}</dt><dd class="mono">{value}</dd> }
        })
        .collect();
    view! {
        <aside class="card info" aria-label="About this run">
            <dl>
                <dt>"Started by"</dt><dd>{run.started_by}</dd>
                {run.reason.map(|reason| view! { <dt>"Why"</dt><dd>{reason}</dd> })}
                <dt>"Started"</dt><dd><When at=run.created_at/></dd>
                <dt>"Mode"</dt><dd>{match run.mode { RunMode::Auto => "auto", RunMode::Guided => "guided" }}</dd>
                <dt>"Run"</dt><dd class="mono">{run.id.to_string()}</dd>
            </dl>
            {(!parameters.is_empty()).then(|| view! { <h2>"Parameters"</h2><dl>{parameters}</dl> })}
        </aside>
    }
}

fn state_icon(state: StepState) -> impl IntoView {
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
fn span(from: Option<Timestamp>, to: Option<Timestamp>, now: Option<Timestamp>) -> Option<String> {
    Some(elapsed(from?, to.or(now)?))
}

/// How long a timer still runs.
fn countdown(step: &Step, now: Option<Timestamp>) -> Option<String> {
    if step.state != StepState::Running {
        return None;
    }
    let left = (step.due_at? - now?).num_seconds().max(0);
    Some(if left < 60 { format!("{left} s left") } else { format!("{} min {} s left", left / 60, left % 60) })
}

/// Keeps the clock while the run goes on.
fn tick(watched: Watched) {
    let Watched { timeline, now, .. } = watched;
    let over = Memo::new(move |_| timeline.with(|timeline| timeline.run().state.is_final()));
    Effect::new(move || {
        if over.get() {
            return;
        }
        let read = move || {
            now.try_set(Timestamp::from_timestamp_millis(browser_now()));
        };
        read();
        if let Ok(timer) = set_interval_with_handle(read, Duration::from_secs(1)) {
            on_cleanup(move || timer.clear());
        }
    });
}

/// An event stream and those who listen to it; closed when dropped.
struct Stream {
    source: EventSource,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _open: Closure<dyn FnMut()>,
    _error: Closure<dyn FnMut()>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.set_onopen(None);
        self.source.set_onerror(None);
        self.source.close();
    }
}

/// Follows the run's events until it is over.
fn watch(id: RunId, timeline: RwSignal<Timeline>, online: RwSignal<bool>) {
    let attempt = RwSignal::new(0_u32);
    let last = StoredValue::new(0_u64);
    Effect::new(move || {
        attempt.track();
        if let Some(stream) = open(id, timeline, online, attempt, last) {
            // Belongs to this effect: gone with the page, or with the next attempt.
            StoredValue::new_local(stream);
        }
    });
}

fn open(
    id: RunId,
    timeline: RwSignal<Timeline>,
    online: RwSignal<bool>,
    attempt: RwSignal<u32>,
    last: StoredValue<u64>,
) -> Option<Stream> {
    let source = EventSource::new(&format!("/api/v1/executions/{id}/events?after={}", last.get_value())).ok()?;
    let over = move || timeline.try_with_untracked(|timeline| timeline.run().state.is_final()).unwrap_or(true);

    let queue = Rc::new(RefCell::new(Vec::<RunEvent>::new()));
    let drawing = Rc::new(Cell::new(false));
    let message = Closure::<dyn FnMut(MessageEvent)>::new({
        let source = source.clone();
        move |event: MessageEvent| {
            if let Ok(number) = event.last_event_id().parse::<u64>() {
                last.try_update_value(|last| *last = number.max(*last));
            }
            let Some(Ok(event)) = event.data().as_string().map(|text| serde_json::from_str(&text)) else { return };
            queue.borrow_mut().push(event);
            if drawing.replace(true) {
                return;
            }
            let (queue, drawing, source) = (Rc::clone(&queue), Rc::clone(&drawing), source.clone());
            set_timeout(
                move || {
                    drawing.set(false);
                    let events = queue.take();
                    timeline.try_update(|timeline| events.into_iter().for_each(|event| timeline.apply(event)));
                    let end = timeline.try_with_untracked(|timeline| timeline.run().event).unwrap_or(0);
                    if over() && last.try_get_value().is_none_or(|last| last >= end) {
                        source.close();
                    }
                },
                FRAME,
            );
        }
    });
    for name in ["run", "step", "output"] {
        source.add_event_listener_with_callback(name, message.as_ref().unchecked_ref()).ok()?;
    }

    let opened = Closure::<dyn FnMut()>::new(move || {
        online.try_set(true);
    });
    source.set_onopen(Some(opened.as_ref().unchecked_ref()));

    let failed = Closure::<dyn FnMut()>::new({
        let source = source.clone();
        move || {
            // The server ends the stream of a run that is over.
            if over() {
                source.close();
                online.try_set(true);
                return;
            }
            online.try_set(false);
            // A refusal ends an event source for good; a lost connection it mends itself.
            if source.ready_state() == EventSource::CLOSED {
                set_timeout(move || _ = attempt.try_update(|attempt| *attempt += 1), AGAIN);
            }
        }
    });
    source.set_onerror(Some(failed.as_ref().unchecked_ref()));
    Some(Stream { source, _message: message, _open: opened, _error: failed })
}
