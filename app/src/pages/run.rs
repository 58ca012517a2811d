//! A run as it happens: its steps, what they write, what they ask.

use std::time::Duration;

use domain::{Run, RunEvent, RunId, RunMode, RunState, Timestamp};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::use_param;
use crate::api::runs::{ControlRun, RunPage as Shown, get_run};
use crate::components::event_stream::watch;
use crate::components::icon::Icon;
use crate::components::notice::{ErrorPage, Outcome, sentence};
use crate::components::pill::RunPill;
use crate::components::run_controls::{RunControls, StopSays, Watched};
use crate::components::run_info::Info;
use crate::components::run_notes::Writer;
use crate::components::step_card::{StepCard, anchor, span};
use crate::components::step_group::StepGroup;
use crate::components::step_list::StepList;
use crate::components::time::{browser_now, length};
use crate::state::again;
use crate::state::folds::Folds;
use crate::state::timeline::{Block, Timeline};

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
    let Shown { run, steps, tails, prose, notes, usual_millis, may_control, may_run, me } = page;
    let usual = usual_millis.and_then(|millis| i64::try_from(millis).ok());
    let timeline = RwSignal::new(Timeline::new(run.clone(), steps, tails).with_notes(notes));
    let watched = Watched {
        timeline,
        now: RwSignal::new(None),
        control: ServerAction::<ControlRun>::new(),
        follow: RwSignal::new(0),
        opened: RwSignal::new(0),
        folds: RwSignal::new(Folds::default()),
        live: RwSignal::new(false),
        prose: StoredValue::new(prose),
        may_control,
    };
    let online = RwSignal::new(true);
    let others = RwSignal::new(None);
    watch(run.id, timeline, online, others);
    tick(watched);
    remember_folds(watched);
    // What the server answers to a request is as good as an event, and often sooner.
    let answer = watched.control.value();
    Effect::new(move || {
        if let Some(Ok(run)) = answer.get() {
            timeline.update(|timeline| timeline.apply(RunEvent::Run(Box::new(run))));
        }
    });
    let announcement = Memo::new(move |_| timeline.with(Timeline::announcement));
    let title = Memo::new(move |_| timeline.with(Timeline::title));
    let blocks = Memo::new(move |_| timeline.with(Timeline::blocks));
    let card = move |block: Block| {
        if block.has_lanes() {
            view! { <StepGroup watched=watched block=block/> }.into_any()
        } else {
            view! { <StepCard watched=watched ordinal=block.ordinals.start/> }.into_any()
        }
    };
    let writer = Writer { me, may_write: may_run };
    view! {
        <Title text=title/>
        <Head watched=watched run=run.clone() usual=usual may_run=may_run/>
        <Outcome action=watched.control/>
        <div class="visually-hidden" role="status" aria-live="polite">{announcement}</div>
        <div class="cols cols--run">
            <StepList watched=watched/>
            <section aria-label="Steps in detail">
                <AllConsoles watched=watched/>
                <For each=move || blocks.get() key=|block| (block.number, block.ordinals.end) children=card/>
            </section>
            <Info watched=watched run=run usual=usual others=others writer=writer/>
        </div>
        // It is there before its text is, which is read aloud only then.
        <div role="status">
            {move || (!online.get()).then(|| view! {
                <div class="offline"><Icon icon=icondata_lu::LuWifiOff/>"Reconnecting…"</div>
            })}
        </div>
    }
}

/// Opens or closes all consoles, where there are several.
#[component]
fn AllConsoles(watched: Watched) -> impl IntoView {
    let several = Memo::new(move |_| watched.timeline.with(Timeline::may_have_consoles));
    let all = move |open: bool| {
        let failed = watched.timeline.with_untracked(|timeline| {
            timeline.consoles().into_iter().filter(|place| timeline.has_failed(*place)).collect::<Vec<_>>()
        });
        watched.folds.update(|folds| folds.choose_all(open, failed));
    };
    // Without a script each is opened by itself. The place is kept from the beginning, so that nothing moves.
    move || {
        several.get().then(|| view! {
        <div class="steps__all needs-script" role="group" aria-label="All consoles">
            <button type="button" class="btn quiet small" on:click=move |_| all(true)><Icon icon=icondata_lu::LuChevronsUpDown/>"Open all consoles"</button>
            <button type="button" class="btn quiet small" on:click=move |_| all(false)><Icon icon=icondata_lu::LuChevronsDownUp/>"Close all"</button>
        </div>
    })
    }
}

/// Keeps which consoles are folded over a reload of this page, as long as its tab.
fn remember_folds(watched: Watched) {
    let key = format!("folds:{}", watched.id());
    let storage = || window().session_storage().ok().flatten();
    Effect::new(move |began: Option<()>| {
        if began.is_none() {
            watched.live.set(true);
            let kept = storage().and_then(|storage| storage.get_item(&key).ok().flatten());
            if let Some(kept) = kept {
                // What a link to a line has opened meanwhile stays open.
                watched.folds.update(|folds| *folds = folds.clone().over(Folds::of_text(&kept)));
            }
        }
        let text = watched.folds.with(Folds::to_text);
        if let Some(storage) = storage() {
            // Where nothing can be kept they begin anew.
            drop(storage.set_item(&key, &text));
        }
    });
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
    let culprit = Memo::new(move |_| {
        timeline.with(|timeline| {
            let step = timeline.culprit()?;
            let place = timeline.lane(step.ordinal).map(|host| format!(" on {host}")).unwrap_or_default();
            let number = timeline.block_number(step.ordinal)?;
            Some((anchor(step.ordinal), format!("block {number}, “{}”{place}", step.name)))
        })
    });
    let allowed = Memo::new(move |_| timeline.with(Timeline::allowed));
    let guided = Memo::new(move |_| timeline.with(|timeline| timeline.run().mode == RunMode::Guided));
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
        let (started, ended) = times.get();
        let span = span(started, ended, now.get()).map(|span| format!(" · {span}")).unwrap_or_default();
        format!("{}{span}", timeline.with(Timeline::standing))
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
                        {move || allowed.get().map(|allowed| view! { <span class="pill warn">{allowed}</span> })}
                        <span class="muted num">{standing}{left}</span>
                        {move || guided.get().then(|| view! { <span class="tag"><Icon icon=icondata_lu::LuHand/>"Guided"</span> })}
                    </div>
                </div>
                <span class="spacer"></span>
                <RunControls watched=watched/>
                {again}
            </div>
            <StopSays watched=watched/>
            {move || culprit.get().map(|(anchor, name)| view! {
                <p class="small-text muted">"It failed at "<a class="link" href=format!("#{anchor}")>{name}</a></p>
            })}
            {move || error.get().map(|error| {
                let class = if state.get() == RunState::Failed { "small-text bad-t" } else { "small-text muted" };
                view! { <p class=class>{error}</p> }
            })}
            <progress
                class=bar aria-label="Progress" max=move || progress.get().steps.max(1).to_string()
                value=move || progress.get().steps_done.to_string()
            ></progress>
        </header>
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
