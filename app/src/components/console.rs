//! The output of one attempt at a step: a terminal that can only be read.

use std::sync::Arc;
use std::time::Duration;

use domain::{StepId, StepState, Stream};
use leptos::html::Div;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;

use super::icon::Icon;
use super::run_controls::Watched;
use crate::state::number::grouped;
use crate::state::timeline::{Console as Output, Line, Place};

/// This near to the end, in pixels, counts as the end.
const NEAR: i32 = 24;

/// The console of an attempt; nothing as long as it neither runs nor has written.
#[component]
pub fn Console(
    /// The run that is watched.
    watched: Watched,
    /// Which attempt at which step.
    place: Place,
    /// The attempt's id.
    step: StepId,
    /// The step's name.
    name: String,
    /// The beginning of the ids of its lines.
    anchor: String,
) -> impl IntoView {
    let timeline = watched.timeline;
    let running = Memo::new(move |_| {
        timeline.with(|timeline| timeline.latest(place.0).is_some_and(|s| s.attempt == place.1 && s.state == StepState::Running))
    });
    let written = Memo::new(move |_| timeline.with(|timeline| timeline.console(place).is_some()));
    // One value, so that the end of the step does not build the console anew.
    let shown = Memo::new(move |_| running.get() || written.get());
    let name = StoredValue::new(name);
    let anchor = StoredValue::new(anchor);
    move || shown.get().then(|| view! { <Screen watched=watched place=place step=step name=name anchor=anchor running=running/> })
}

/// What a view of the output depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Seen {
    seq: u64,
    total: u64,
    earlier: u64,
    cut: bool,
    tail: bool,
}

impl From<&Output> for Seen {
    fn from(output: &Output) -> Self {
        Self {
            seq: output.last_seq(),
            total: output.total(),
            earlier: output.earlier(),
            cut: output.is_cut(),
            tail: output.is_tail(),
        }
    }
}

#[component]
fn Screen(
    watched: Watched,
    place: Place,
    step: StepId,
    name: StoredValue<String>,
    anchor: StoredValue<String>,
    running: Memo<bool>,
) -> impl IntoView {
    let timeline = watched.timeline;
    let seen = Memo::new(move |_| timeline.with(|timeline| timeline.console(place).map(Seen::from).unwrap_or_default()));
    // Once it had its full height it keeps it: what stands below must not jump when the step ends.
    let tall = Memo::new(move |was: Option<&bool>| was.is_some_and(|was| *was) || running.get());
    let wrap = RwSignal::new(true);
    let errors_only = RwSignal::new(false);
    let following = RwSignal::new(true);
    let screen = NodeRef::<Div>::new();
    let download = {
        let run = timeline.with_untracked(|timeline| timeline.run().id);
        StoredValue::new(format!("/api/v1/executions/{run}/steps/{step}/output"))
    };
    let lines = move || {
        let Seen { tail, cut, .. } = seen.get();
        let only = errors_only.get().then_some(Stream::Stderr);
        timeline.with_untracked(|timeline| {
            let console = timeline.console(place);
            let lines = console.into_iter().flat_map(Output::lines);
            lines
                .filter(|line| only.is_none_or(|only| line.stream == only))
                .map(|line| (Arc::clone(line), tail, cut))
                .collect::<Vec<_>>()
        })
    };
    follow(screen, seen, following, watched.follow);
    let before = StoredValue::new(0);
    let scrolled = move |_| {
        let Some(screen) = screen.get_untracked() else { return };
        let top = screen.scroll_top();
        let at_end = screen.scroll_height() - top - screen.client_height() <= NEAR;
        let went_up = top < before.get_value();
        before.set_value(top);
        // Lines that arrive move the end away; only the person moves up.
        if at_end != following.get_untracked() && (at_end || went_up) {
            following.set(at_end);
        }
    };

    let class = move || {
        let mut class = "console".to_owned();
        for (yes, more) in [
            (tall.get(), " console--live"),
            (!wrap.get(), " console--nowrap"),
            (seen.get().total > 99_999, " console--wide-numbers"),
        ] {
            class.push_str(if yes { more } else { "" });
        }
        class
    };
    let count = move || {
        let Seen { total, cut, .. } = seen.get();
        let lines = match (cut, total) {
            (true, _) => "the last lines".to_owned(),
            (false, 1) => "1 line".to_owned(),
            (false, total) => format!("{} lines", grouped(total)),
        };
        if running.get() && following.get() { format!("{lines} · following") } else { lines }
    };
    let earlier = move || {
        let Seen { earlier, cut, .. } = seen.get();
        (earlier > 0 || cut).then(|| {
            let text = if cut { "Earlier lines".to_owned() } else { format!("{} earlier lines", grouped(earlier)) };
            view! { <div class="console__empty">{text}": "<a class="link" href=download.get_value() rel="external" download>"download"</a></div> }
        })
    };
    let empty = move || {
        let text = match (seen.get().total, errors_only.get(), running.get()) {
            (0, _, true) => Some("Nothing written yet."),
            (0, _, false) => Some("Nothing written."),
            (_, true, _) if lines().is_empty() => Some("Nothing on stderr."),
            _ => None,
        };
        text.map(|text| view! { <div class="console__empty">{text}</div> })
    };
    let about = move |what: &str| name.with_value(|name| format!("{what} of {name}"));
    view! {
        <div class="cbar">
            <span>{count}</span>
            <span class="spacer"></span>
            {move || running.get().then(|| view! {
                <button
                    type="button" class="btn quiet small" aria-pressed=move || following.get().to_string()
                    on:click=move |_| following.update(|following| *following = !*following)
                >"Follow"</button>
            })}
            <button
                type="button" class="btn quiet small" aria-pressed=move || errors_only.get().to_string()
                on:click=move |_| errors_only.update(|only| *only = !*only)
            >"stderr only"</button>
            <button
                type="button" class="btn quiet small" aria-pressed=move || wrap.get().to_string()
                on:click=move |_| wrap.update(|wrap| *wrap = !*wrap)
            >"Wrap"</button>
            <Copy label=about("Copy output") text=move || {
                let only = errors_only.get_untracked().then_some(Stream::Stderr);
                timeline.with_untracked(|timeline| timeline.console(place).map(|console| console.text(only)).unwrap_or_default())
            }/>
            <a
                class="btn quiet small icon" href=download.get_value() rel="external" download
                aria-label=about("Download output") title="Download"
            ><Icon icon=icondata_lu::LuDownload/></a>
        </div>
        <div node_ref=screen on:scroll=scrolled class=class tabindex="0" role="log" aria-live="off" aria-label=about("Output")>
            {earlier}
            {empty}
            <For
                each=lines
                key=|(line, tail, _)| (line.number, line.revision, *tail)
                children=move |(line, _, cut)| row(&line, cut, anchor)
            />
        </div>
    }
}

/// A line.
fn row(line: &Line, cut: bool, anchor: StoredValue<String>) -> impl IntoView + use<> {
    let spans: Vec<_> = line
        .spans
        .iter()
        .map(|span| {
            let class = span.style.class();
            if class.is_empty() {
                span.text.clone().into_any()
            } else {
                view! { <span class=class>{span.text.clone()}</span> }.into_any()
            }
        })
        .collect();
    let number = (!cut).then_some(line.number);
    let id = number.map(|number| anchor.with_value(|anchor| format!("{anchor}-L{number}")));
    let class = (line.stream == Stream::Stderr).then_some("err");
    view! { <p id=id class=class><i>{number}</i><span>{spans}</span></p> }
}

/// Keeps the end in sight until the person scrolls up, and again from when they are back at the end.
fn follow(screen: NodeRef<Div>, seen: Memo<Seen>, following: RwSignal<bool>, asked: RwSignal<u32>) {
    let to_end = move || {
        request_animation_frame(move || {
            if let Some(Some(screen)) = screen.try_get_untracked() {
                screen.set_scroll_top(screen.scroll_height());
            }
        });
    };
    Effect::new(move || {
        seen.track();
        if following.get() {
            to_end();
        }
    });
    Effect::new(move || {
        if asked.get() > 0 {
            following.set(true);
            to_end();
        }
    });
}

/// Copies a text that is made when it is asked for.
#[component]
fn Copy(label: String, text: impl Fn() -> String + 'static) -> impl IntoView {
    let copied = RwSignal::new(false);
    let copy = move |_| {
        // Without https there is no clipboard.
        if !window().is_secure_context() {
            return;
        }
        let writing = window().navigator().clipboard().write_text(&text());
        spawn_local(async move {
            if JsFuture::from(writing).await.is_ok() {
                copied.try_set(true);
                set_timeout(move || _ = copied.try_set(false), Duration::from_secs(2));
            }
        });
    };
    let icon = move || {
        if copied.get() {
            view! { <Icon icon=icondata_lu::LuCheck/> }
        } else {
            view! { <Icon icon=icondata_lu::LuCopy/> }
        }
    };
    let label = move || if copied.get() { "Copied".to_owned() } else { label.clone() };
    view! { <button type="button" class="btn quiet small icon" title="Copy" aria-label=label on:click=copy>{icon}</button> }
}
