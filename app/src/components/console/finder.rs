//! The field that finds a word in a console.

use std::time::Duration;

use leptos::ev::KeyboardEvent;
use leptos::html::Input;
use leptos::prelude::*;

use super::screen::Shown;
use crate::components::icon::Icon;
use crate::state::number::grouped;

/// How long typing has to rest before the word is looked for.
const REST: Duration = Duration::from_millis(120);

/// Finds a word: Return goes to the next line that has it, Shift and Return to the one before, Escape closes.
#[component]
pub fn Finder(
    /// The console.
    shown: Shown,
    /// Whether this is open.
    finding: RwSignal<bool>,
    /// The step's name.
    name: StoredValue<String>,
) -> impl IntoView {
    let field = NodeRef::<Input>::new();
    let find = shown.find;
    let look = move |word: &str| {
        find.update(|find| {
            shown.read(|console| find.look_for(word, shown.errors_only.get_untracked(), console));
        });
    };
    let typed = move || field.try_get_untracked().flatten().map(|field| field.value()).unwrap_or_default();
    let go = move |back: bool| {
        look(&typed());
        let from = shown.first_in_sight().unwrap_or(1);
        let mut found = None;
        find.update(|find| found = if back { find.previous(from) } else { find.next(from) });
        if let Some(number) = found {
            shown.show(number);
        }
    };
    let close = move || {
        look("");
        finding.set(false);
        if let Some(screen) = shown.screen.get_untracked() {
            drop(screen.focus());
        }
    };
    let pressed = move |event: KeyboardEvent| match event.key().as_str() {
        "Enter" => {
            event.prevent_default();
            go(event.shift_key());
        }
        "Escape" => {
            event.prevent_default();
            close();
        }
        _ => {}
    };
    let mut rested = debounce(REST, move |()| {
        if finding.try_get_untracked() == Some(true) {
            look(&typed());
        }
    });
    Effect::new(move || {
        if let Some(field) = field.get() {
            drop(field.focus());
        }
    });
    // What was found depends on which lines are shown.
    Effect::new(move || {
        shown.errors_only.track();
        look(&typed());
    });
    let count = move || {
        find.with(|find| match (find.word().is_empty(), find.count(), find.current()) {
            (true, ..) => String::new(),
            (_, 0, _) => "Nothing found".to_owned(),
            (_, 1, None) => "1 line".to_owned(),
            (_, count, None) => format!("{} lines", grouped(count as u64)),
            (_, count, Some((_, at))) => format!("{} of {}", grouped(at as u64), grouped(count as u64)),
        })
    };
    let label = name.with_value(|name| format!("Search in the output of {name}"));
    view! {
        <div class="cbar cbar--find" role="search">
            <input
                node_ref=field type="search" class="mono" placeholder="Search" aria-label=label autocomplete="off" spellcheck="false"
                on:input=move |_| rested(()) on:keydown=pressed
            />
            <span class="num" role="status">{count}</span>
            <button type="button" class="btn quiet small icon" aria-label="The one before" title="The one before (Shift and Return)" on:click=move |_| go(true)>
                <Icon icon=icondata_lu::LuChevronUp/>
            </button>
            <button type="button" class="btn quiet small icon" aria-label="The next one" title="The next one (Return)" on:click=move |_| go(false)>
                <Icon icon=icondata_lu::LuChevronDown/>
            </button>
            <button type="button" class="btn quiet small icon" aria-label="Close the search" title="Close (Escape)" on:click=move |_| close()>
                <Icon icon=icondata_lu::LuX/>
            </button>
        </div>
    }
}
