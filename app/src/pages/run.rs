//! A run as it happens: its steps, what they write, what they ask.

use std::time::Duration;

use domain::{ControlAction, Run, RunEvent, RunId, RunMode, RunState, Timestamp};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use serde_json::Value;
use wasm_bindgen_futures::JsFuture;

use super::use_param;
use crate::api::runs::{ControlRun, RunPage as Shown, get_report, get_run};
use crate::components::event_stream::watch;
use crate::components::icon::Icon;
use crate::components::notice::{ErrorPage, Outcome, sentence};
use crate::components::pill::RunPill;
use crate::components::run_controls::{RunControls, Watched};
use crate::components::step_card::{StepCard, span};
use crate::components::step_list::StepList;
use crate::components::time::{When, browser_now, length};
use crate::state::again;
use crate::state::timeline::{Progress, Timeline};

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
    let Shown { run, steps, tails, prose, usual_millis, may_control, may_run } = page;
    let usual = usual_millis.and_then(|millis| i64::try_from(millis).ok());
    let timeline = RwSignal::new(Timeline::new(run.clone(), steps, tails));
    let watched = Watched {
        timeline,
        now: RwSignal::new(None),
        control: ServerAction::<ControlRun>::new(),
        follow: RwSignal::new(0),
        opened: RwSignal::new(0),
        prose: StoredValue::new(prose),
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
        <Head watched=watched run=run.clone() usual=usual may_run=may_run/>
        <Outcome action=watched.control/>
        <div class="visually-hidden" role="status" aria-live="polite">{announcement}</div>
        <div class="cols cols--run">
            <StepList watched=watched/>
            <section aria-label="Steps in detail">
                <For
                    each=move || ordinals.get() key=|ordinal| *ordinal
                    children=move |ordinal| view! { <StepCard watched=watched ordinal=ordinal/> }
                />
            </section>
            <Info watched=watched run=run usual=usual/>
        </div>
        {move || (!online.get()).then(|| view! {
            <div class="offline" role="status"><Icon icon=icondata_lu::LuWifiOff/>"Reconnecting…"</div>
        })}
    }
}

#[component]
fn Head(watched: Watched, run: Run, usual: Option<i64>, may_run: bool) -> impl IntoView {
    let Watched { timeline, now, .. } = watched;
    let state = Memo::new(move |_| timeline.with(|timeline| timeline.run().state));
    let times = Memo::new(move |_| timeline.with(|timeline| (timeline.run().started_at, timeline.run().ended_at)));
    // What a run asks, and why it was interrupted or failed, stands in the card of the step that it is about.
    let error = Memo::new(move |_| {
        let asks = |state| matches!(state, RunState::Waiting | RunState::Interrupted);
        timeline.with(|timeline| {
            let error = timeline.run().error.clone().filter(|_| !asks(timeline.run().state) && timeline.culprit().is_none());
            error.map(|error| sentence(&error))
        })
    });
    let culprit =
        Memo::new(move |_| timeline.with(|timeline| timeline.culprit().map(|step| (step.ordinal + 1, step.name.clone()))));
    let left = move || {
        let (usual, started, now) = (usual?, times.get().0?, now.get()?);
        let left = usual - (now - started).num_milliseconds();
        (state.get() == RunState::Running && left >= 1_000).then(|| format!(" · about {} left", length(left.max(10_000))))
    };
    let again = {
        let run = run.clone();
        move || {
            (may_run && state.get().is_final()).then(|| {
                view! {
                    <a class="btn" href=again::link(&run) title="The latest version, with the same answers; you look before it starts">
                        <Icon icon=icondata_lu::LuRotateCcw/>"Run again"
                    </a>
                }
            })
        }
    };
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
                        <h1 id="run-title" tabindex="-1">{format!("Run #{}", run.number)}</h1>
                        {move || view! { <RunPill state=state.get()/> }}
                        <span class="muted num">{standing}{left}</span>
                    </div>
                </div>
                <span class="spacer"></span>
                <RunControls watched=watched/>
                {again}
            </div>
            {move || culprit.get().map(|(number, name)| view! {
                <p class="small-text muted">"It failed at "<a class="link" href=format!("#step-{number}")>{format!("step {number}, “{name}”")}</a></p>
            })}
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

#[component]
fn Info(watched: Watched, run: Run, usual: Option<i64>) -> impl IntoView {
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
                {usual.map(|usual| view! { <dt>"Usually"</dt><dd class="num" title="The middle one of the last runs that succeeded">{length(usual)}</dd> })}
                <dt>"Mode"</dt><dd><Mode watched=watched/></dd>
                <dt>"Run"</dt><dd class="mono">{run.id.to_string()}</dd>
            </dl>
            {(!parameters.is_empty()).then(|| view! { <h2>"Parameters"</h2><dl>{parameters}</dl> })}
            <div class="info__body"><a class="link" href=format!("/runs/{}/compare", run.id)>"Compare with the last good run"</a></div>
            <h2>"Report"</h2>
            <Report id=run.id number=run.number/>
        </aside>
    }
}

/// Whether the run asks before it acts, and the way to change that while it goes on.
#[component]
fn Mode(watched: Watched) -> impl IntoView {
    let mode = Memo::new(move |_| watched.timeline.with(|timeline| timeline.run().mode));
    let over = Memo::new(move |_| watched.timeline.with(|timeline| timeline.run().state.is_final()));
    let change = move || {
        let (action, label) = match mode.get() {
            RunMode::Auto => (ControlAction::Guided, "Ask me before each command"),
            RunMode::Guided => (ControlAction::Auto, "Go on by itself"),
        };
        (watched.may_control && !over.get()).then(|| {
            view! {
                <ActionForm action=watched.control>
                    <input type="hidden" name="id" value=watched.id().to_string()/>
                    <button class="btn small quiet" name="action" value=action.as_str()>{label}</button>
                </ActionForm>
            }
        })
    };
    view! {
        {move || match mode.get() {
            RunMode::Auto => view! { "auto"<div class="faint small-text">"Goes on by itself"</div> }.into_any(),
            RunMode::Guided => view! { "guided"<div class="faint small-text">"Asks before each command and API call"</div> }.into_any(),
        }}
        {change}
    }
}

/// What to paste into a ticket, or to keep.
#[component]
fn Report(id: RunId, number: u64) -> impl IntoView {
    let copied = RwSignal::new(None::<&'static str>);
    let copy = move |_| {
        // Without https there is no clipboard.
        if !window().is_secure_context() {
            copied.set(Some("The browser allows it over https only: download it"));
            return;
        }
        spawn_local(async move {
            let said = match get_report(id).await {
                Err(_) => "It could not be fetched",
                Ok(text) => {
                    let written = JsFuture::from(window().navigator().clipboard().write_text(&text)).await;
                    if written.is_ok() { "Copied" } else { "The browser does not allow it: download it" }
                }
            };
            copied.try_set(Some(said));
        });
    };
    let address = format!("/api/v1/executions/{id}/report");
    view! {
        <div class="info__body">
            <div class="row row--wrap">
                <button type="button" class="btn small" on:click=copy><Icon icon=icondata_lu::LuCopy/>"Copy"</button>
                <a class="btn small" href=format!("{address}?format=markdown") rel="external" download=format!("run-{number}.md")>
                    <Icon icon=icondata_lu::LuDownload/>"Markdown"
                </a>
                <a class="btn small quiet" href=format!("{address}?format=json") rel="external" download=format!("run-{number}.json")>"JSON"</a>
            </div>
            <p class="faint small-text" role="status">{copied}</p>
        </div>
    }
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
