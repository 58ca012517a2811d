//! The output of one attempt at a step: a terminal that can only be read. Only the lines in sight are in the page, however many there are.

mod bar;
mod finder;
mod screen;

use domain::{StepId, StepState, Stream};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use self::bar::{Bar, Parts};
use self::finder::Finder;
use self::screen::Shown;
use super::icon::Icon;
use super::run_controls::Watched;
use crate::state::find::{Find, pieces};
use crate::state::lines::Line;
use crate::state::number::grouped;
use crate::state::timeline::Place;

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
    let open = Memo::new(move |_| watched.is_open(place));
    let shown = Shown::new(watched, place, open);
    let Shown { wrap, errors_only, following, linked, find, seen, drawn, .. } = shown;
    let finding = RwSignal::new(false);
    let download = {
        let run = timeline.with_untracked(|timeline| timeline.run().id);
        StoredValue::new(format!("/api/v1/executions/{run}/steps/{step}/output"))
    };
    shown.keep_up(watched);
    let hash = use_location().hash;
    Effect::new(move || {
        let named = |hash: &String| {
            anchor.with_value(|anchor| hash.trim_start_matches('#').strip_prefix(anchor)?.strip_prefix("-line-")?.parse().ok())
        };
        let number = hash.with(named);
        if let Some(number) = number {
            watched.fold(place, true);
            shown.show_linked(number);
        }
    });
    // What was folded has to be measured when it is opened.
    Effect::new(move || {
        if open.get() {
            request_animation_frame(move || _ = watched.opened.try_update(|opened| *opened += 1));
        }
    });
    let word = Memo::new(move |_| find.with(|find| find.word().to_owned()));
    let hit = Memo::new(move |_| find.with(|find| find.current().map(|(number, _)| number)));
    let lines = move || {
        let (lines, only) = (drawn.get().window.lines, errors_only.get());
        let (tail, cut, word) = (seen.get().tail, seen.get().cut, word.get());
        let lines = timeline
            .with_untracked(|timeline| timeline.console(place).map(|console| console.lines(only, lines)).unwrap_or_default());
        lines.into_iter().map(|line| (line, tail, cut, word.clone())).collect::<Vec<_>>()
    };
    let class = move || {
        let mut class = "console".to_owned();
        for (yes, more) in [(!wrap.get(), " console--nowrap"), (seen.get().total > 99_999, " console--wide-numbers")] {
            class.push_str(if yes { more } else { "" });
        }
        class
    };
    let earlier = move || {
        // Without a script only the last lines are there.
        let above = if drawn.get().measured { 0 } else { drawn.get().window.lines.start as u64 };
        let (earlier, cut) = (seen.get().earlier + above, seen.get().cut);
        (earlier > 0 || cut).then(|| {
            let text = if cut { "Earlier lines".to_owned() } else { format!("{} earlier lines", grouped(earlier)) };
            view! { <div class="console__empty">{text}": "<a class="link" href=download.get_value() rel="external" download>"download"</a></div> }
        })
    };
    let empty = move || {
        let text = match (seen.get().total, errors_only.get(), running.get()) {
            (0, _, true) => Some("Nothing written yet."),
            (0, _, false) => Some("Nothing written."),
            (_, true, _) if drawn.get().window.lines.is_empty() => Some("Nothing on stderr."),
            _ => None,
        };
        text.map(|text| view! { <div class="console__empty">{text}</div> })
    };
    let about = move |what: &str| name.with_value(|name| format!("{what} of {name}"));
    view! {
        <div class=move || if open.get() { "output" } else { "output output--folded" }>
            <Bar watched=watched shown=shown parts=Parts { place, open, running, finding, name, anchor, download, hit }/>
            {move || finding.get().then(|| view! { <Finder shown=shown finding=finding name=name/> })}
            <div class="console-frame">
                <div
                    node_ref=shown.screen on:scroll=move |_| shown.scrolled() class=class tabindex="0"
                    on:wheel=move |_| shown.touched() on:touchmove=move |_| shown.touched()
                    on:pointerdown=move |_| shown.touched() on:keydown=move |_| shown.touched()
                    role="log" aria-live="off" aria-label=about("Output")
                >
                    {earlier}
                    {empty}
                    <div node_ref=shown.list>
                        <For
                            each=lines
                            key=|(line, tail, _, word)| (line.number, line.revision, *tail, word.clone())
                            children=move |(line, _, cut, word)| row(&line, cut, &word, anchor, hit, linked)
                        />
                    </div>
                    <p node_ref=shown.probe class="console__probe" aria-hidden="true"><i></i><span><span>{"0".repeat(100)}</span></span></p>
                </div>
                {move || (drawn.get().measured && !following.get()).then(|| view! {
                    <button type="button" class="btn small console__end" on:click=move |_| following.set(true)>
                        <Icon icon=icondata_lu::LuArrowDown/>"Jump to the end"
                    </button>
                })}
            </div>
        </div>
    }
}

/// A line.
fn row(
    line: &Line,
    cut: bool,
    word: &str,
    anchor: StoredValue<String>,
    hit: Memo<Option<u64>>,
    linked: RwSignal<Option<u64>>,
) -> impl IntoView + use<> {
    let spans: Vec<_> = line
        .spans
        .iter()
        .map(|span| {
            let class = span.style.class();
            let text = marked(&span.text, word);
            if class.is_empty() { text } else { view! { <span class=class>{text}</span> }.into_any() }
        })
        .collect();
    let number = line.number;
    let id = (!cut).then(|| anchor.with_value(|anchor| format!("{anchor}-line-{number}")));
    // Not a stop of the Tab key: there may be a million of them. “Copy a link” does the same by key.
    let link = id.as_ref().map(|id| view! { <a href=format!("#{id}") tabindex="-1">{number}</a> });
    let error = line.stream == Stream::Stderr;
    let class = move || {
        let on = !cut && linked.get() == Some(number);
        match (error, hit.get() == Some(number), on) {
            (false, false, false) => "",
            (true, false, false) => "err",
            (false, true, _) => "hit",
            (true, true, _) => "err hit",
            (false, false, true) => "on",
            (true, false, true) => "err on",
        }
    };
    view! { <p id=id class=class><i>{link}</i><span>{spans}</span></p> }
}

/// A text with the word that is looked for marked.
fn marked(text: &str, word: &str) -> AnyView {
    let pieces = pieces(text, word);
    if pieces.len() < 2 {
        return text.to_owned().into_any();
    }
    let mark = |(index, piece): (usize, &str)| {
        let piece = piece.to_owned();
        if index % 2 == 0 { piece.into_any() } else { view! { <mark>{piece}</mark> }.into_any() }
    };
    pieces.into_iter().enumerate().map(mark).collect_view().into_any()
}
