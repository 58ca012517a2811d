//! What there is to know about a run: who started it, who watches, how long it usually takes, its parameters, its report.

use domain::{ControlAction, Run, RunId, RunMode};
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::Value;

use super::clipboard::copy;
use super::icon::Icon;
use super::run_controls::Watched;
use super::run_notes::{Notes, Writer};
use super::run_timeline::RunTimeline;
use super::time::{When, length};
use crate::api::runs::get_report;

/// The column about a run.
#[component]
pub fn Info(
    /// The run.
    watched: Watched,
    /// It, as it was when the page was made.
    run: Run,
    /// How many milliseconds such a run usually takes.
    usual: Option<i64>,
    /// The others who watch it; `None` until the page is told.
    others: RwSignal<Option<Vec<String>>>,
    /// Whether the person who looks writes notes, and who they are.
    writer: Writer,
) -> impl IntoView {
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
                <Watchers watched=watched others=others/>
                <dt>"Mode"</dt><dd><Mode watched=watched/></dd>
                <dt>"Run"</dt><dd class="mono">{run.id.to_string()}</dd>
            </dl>
            {(!parameters.is_empty()).then(|| view! { <h2>"Parameters"</h2><dl>{parameters}</dl> })}
            <RunTimeline watched=watched usual=usual/>
            <Notes watched=watched writer=writer/>
            {usual.map(|_| view! {
                <div class="info__body"><a class="link" href=format!("/runs/{}/compare", run.id)>"Compare with the last good run"</a></div>
            })}
            <h2>"Report"</h2>
            <Report id=run.id number=run.number/>
        </aside>
    }
}

/// Who else has this run open, as far as this server knows. Over, it has nobody's stream.
#[component]
fn Watchers(watched: Watched, others: RwSignal<Option<Vec<String>>>) -> impl IntoView {
    let over = Memo::new(move |_| watched.timeline.with(|timeline| timeline.run().state.is_final()));
    let people = move || {
        match others.get() {
        None => view! { <span class="faint">"…"</span> }.into_any(),
        Some(names) if names.is_empty() => view! { <span class="faint">"only you"</span> }.into_any(),
        Some(names) => names
            .into_iter()
            .map(|name| view! { <span class="watcher"><span class="avatar" aria-hidden="true">{initials(&name)}</span>{name.clone()}</span> })
            .collect_view()
            .into_any(),
    }
    };
    move || (!over.get()).then(|| view! { <dt>"Watching"</dt><dd class="watchers">{people}</dd> })
}

/// The first letters of a name.
fn initials(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).take(2).collect()
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
    let fetch_and_copy = move |_| {
        spawn_local(async move {
            let said = match get_report(id).await {
                Err(_) => "It could not be fetched",
                Ok(text) if copy(&text).await => "Copied",
                Ok(_) => "The browser does not allow it: download it",
            };
            copied.try_set(Some(said));
        });
    };
    let address = format!("/api/v1/executions/{id}/report");
    view! {
        <div class="info__body">
            <div class="row row--wrap">
                <button type="button" class="btn small needs-script" on:click=fetch_and_copy><Icon icon=icondata_lu::LuCopy/>"Copy"</button>
                <a class="btn small" href=format!("{address}?format=markdown") rel="external" download=format!("run-{number}.md")>
                    <Icon icon=icondata_lu::LuDownload/>"Markdown"
                </a>
                <a class="btn small quiet" href=format!("{address}?format=json") rel="external" download=format!("run-{number}.json")>"JSON"</a>
            </div>
            <p class="faint small-text" role="status">{copied}</p>
        </div>
    }
}
