//! The head of a console: how much there is, and what can be done with it. It folds and unfolds the console.

use leptos::prelude::*;

use super::screen::Shown;
use crate::components::clipboard::CopyButton;
use crate::components::icon::Icon;
use crate::components::run_controls::Watched;
use crate::state::number::grouped;
use crate::state::timeline::Place;

/// Output of more lines than this has tools to search and filter it.
const SHORT: u64 = 12;

/// What the head shares with its console.
#[derive(Clone, Copy)]
pub struct Parts {
    /// Which attempt at which step.
    pub place: Place,
    /// Whether it is unfolded.
    pub open: Memo<bool>,
    /// Whether the step runs.
    pub running: Memo<bool>,
    /// Whether its search is open.
    pub finding: RwSignal<bool>,
    /// The step's name.
    pub name: StoredValue<String>,
    /// The beginning of the ids of its lines.
    pub anchor: StoredValue<String>,
    /// Where the whole output is.
    pub download: StoredValue<String>,
    /// The line that was found last.
    pub hit: Memo<Option<u64>>,
}

/// The head.
#[component]
pub fn Bar(
    /// The run that is watched.
    watched: Watched,
    /// The console as it is looked at.
    shown: Shown,
    /// What else it needs.
    parts: Parts,
) -> impl IntoView {
    let Parts { place, open, running, finding, name, anchor, download, hit } = parts;
    let Shown { wrap, errors_only, following, linked, seen, .. } = shown;
    let timeline = watched.timeline;
    let toggled = move |event: web_sys::Event| {
        let now = event_target::<web_sys::HtmlDetailsElement>(&event).open();
        if now != open.get_untracked() {
            watched.fold(place, now);
        }
    };
    // A few lines are read at a glance: nobody searches or filters them.
    let is_long = Memo::new(move |_| running.get() || seen.get().total > SHORT || seen.get().cut);
    let count = move || {
        let lines = match (seen.get().cut, seen.get().total) {
            (true, _) => "the last lines".to_owned(),
            (false, 1) => "1 line".to_owned(),
            (false, total) => format!("{} lines", grouped(total)),
        };
        if running.get() && following.get() { format!("{lines} · following") } else { lines }
    };
    let about = move |what: &str| name.with_value(|name| format!("{what} of {name}"));
    let link = move || {
        let number = hit.get_untracked().or(linked.get_untracked()).or_else(|| shown.first_in_sight());
        let here = window().location();
        let address = here.origin().and_then(|origin| here.pathname().map(|path| origin + &path));
        match (number, address) {
            (Some(number), Ok(address)) => {
                linked.set(Some(number));
                anchor.with_value(|anchor| format!("{address}#{anchor}-line-{number}"))
            }
            _ => String::new(),
        }
    };
    let tools = move || {
        is_long.get().then(|| {
            view! {
                <button
                    type="button" class="btn quiet small icon cbar__find needs-script" aria-label="Search" title="Search (/)" aria-keyshortcuts="/"
                    aria-expanded=move || finding.get().to_string() on:click=move |_| finding.set(true)
                ><Icon icon=icondata_lu::LuSearch/></button>
                {move || running.get().then(|| view! {
                    <button
                        type="button" class="btn quiet small needs-script" aria-pressed=move || following.get().to_string() aria-keyshortcuts="f"
                        on:click=move |_| following.update(|following| *following = !*following)
                    >"Follow"</button>
                })}
                <button
                    type="button" class="btn quiet small needs-script" aria-pressed=move || errors_only.get().to_string()
                    on:click=move |_| shown.toggle_errors()
                >"stderr only"</button>
                <button
                    type="button" class="btn quiet small icon needs-script" aria-label="Wrap long lines" title="Wrap long lines"
                    aria-pressed=move || wrap.get().to_string() on:click=move |_| shown.toggle_wrap()
                ><Icon icon=icondata_lu::LuWrapText/></button>
                <CopyButton label=about("Copy a link to a line") title="Copy a link to the marked line" icon=icondata_lu::LuLink text=link/>
            }
        })
    };
    view! {
        <div class="cbar">
            // Opens and closes without a script too: what follows it in the page is shown by style.
            <details class="fold" open=move || open.get() on:toggle=toggled>
                <summary>
                    <Icon icon=icondata_lu::LuChevronRight/>
                    <span class="visually-hidden">{about("Output")}": "</span><span class="num">{count}</span>
                </summary>
            </details>
            <span class="spacer"></span>
            {tools}
            <CopyButton label=about("Copy output") title="Copy" text=move || {
                let only = errors_only.get_untracked();
                timeline.with_untracked(|timeline| timeline.console(place).map(|console| console.text(only)).unwrap_or_default())
            }/>
            <a
                class="btn quiet small icon" href=download.get_value() rel="external" download
                aria-label=about("Download output") title="Download"
            ><Icon icon=icondata_lu::LuDownload/></a>
        </div>
    }
}
