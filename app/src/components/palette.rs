//! Everything one can go to or do, by a few letters: a combobox (ARIA 1.2) in a dialog. What it offers is in [`crate::state::palette`].

use std::time::Duration;

use domain::{Permission, RunbookHit};
use leptos::ev;
use leptos::html::{Dialog, Div};
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::icon::Icon;
use super::keys::{focus_run_form, is_backdrop};
use super::overlay::{Overlay, Overlays};
use crate::api::runbooks::search_runbooks;
use crate::api::session::SignOut;
use crate::state::palette::{Entry, Target, entries, step, told, words};
use crate::use_me;

/// How long somebody must not type before the server is asked.
const QUIET: Duration = Duration::from_millis(80);
/// The buttons of a page that the palette offers.
const BUTTONS: &str = "main .head button[aria-keyshortcuts]";

/// What the parts of the palette share.
#[derive(Clone, Copy)]
struct State {
    overlays: Overlays,
    typed: RwSignal<String>,
    hits: RwSignal<Vec<RunbookHit>>,
    problem: RwSignal<Option<String>>,
    /// The entry that Enter takes.
    at: RwSignal<usize>,
    /// What is typed has not been looked for yet.
    pending: RwSignal<bool>,
    /// Enter was pressed meanwhile: the first entry is taken as soon as it is known.
    entered: RwSignal<bool>,
    /// Which search is the last one.
    number: StoredValue<u32>,
    labels: RwSignal<Vec<String>>,
    /// What was chosen, until it is done.
    chosen: RwSignal<Option<Target>>,
    entries: Memo<Vec<Entry>>,
}

/// The palette.
#[component]
pub fn Palette(
    /// What may lie over the page.
    overlays: Overlays,
) -> impl IntoView {
    let me = use_me();
    let dialog = NodeRef::<Dialog>::new();
    let list = NodeRef::<Div>::new();
    let (typed, hits, labels) = (RwSignal::new(String::new()), RwSignal::new(Vec::new()), RwSignal::new(Vec::new()));
    let open = Memo::new(move |_| overlays.is_open(Overlay::Palette));
    let offered = Memo::new(move |_| {
        if !open.get() {
            return Vec::new();
        }
        let me = me.get_untracked().and_then(Result::ok).flatten();
        let may = |needs: Permission| me.as_ref().is_some_and(|me| me.may(needs));
        entries(&typed.read(), &hits.read(), &labels.read(), may)
    });
    let state = State {
        overlays,
        typed,
        hits,
        problem: RwSignal::new(None),
        at: RwSignal::new(0),
        pending: RwSignal::new(false),
        entered: RwSignal::new(false),
        number: StoredValue::new(0),
        labels,
        chosen: RwSignal::new(None),
        entries: offered,
    };
    overlays.show_in(Overlay::Palette, dialog);
    Effect::new(move || {
        if open.get() {
            state.begin();
        }
    });
    let navigate = use_navigate();
    Effect::new(move || {
        if let Some(target) = state.chosen.get() {
            state.chosen.set(None);
            state.choose(target, &navigate);
        }
    });
    // What was typed and confirmed in one go is taken when the answer is there.
    Effect::new(move || {
        if !state.pending.get() && state.entered.get() {
            state.entered.set(false);
            state.take(0);
        }
    });
    Effect::new(move || show_active(state.at.get(), list));
    let mut later = debounce(QUIET, move |_: ()| state.search());
    let input = move |event: ev::Event| {
        state.typed.set(event_target_value(&event));
        state.at.set(0);
        state.entered.set(false);
        state.pending.set(true);
        // An answer to what was typed before must not pass for the answer to this.
        state.number.update_value(|number| *number += 1);
        later(());
    };
    let pressed = move |event: ev::KeyboardEvent| {
        let count = state.entries.with_untracked(Vec::len);
        match event.key().as_str() {
            key @ ("ArrowDown" | "ArrowUp") => state.at.update(|at| *at = step(*at, count, key == "ArrowDown")),
            "Enter" if event.is_composing() => return,
            "Enter" if state.pending.get_untracked() => state.entered.set(true),
            "Enter" => state.take(state.at.get_untracked()),
            _ => return,
        }
        event.prevent_default();
    };
    let active = move || state.entries.with(|entries| (!entries.is_empty()).then(|| format!("palette-{}", state.at.get())));
    let news = move || {
        if !open.get() || state.pending.get() {
            String::new()
        } else {
            state.problem.get().unwrap_or_else(|| state.entries.with(|entries| told(entries.len())))
        }
    };
    let beside = move |event: ev::MouseEvent| {
        if is_backdrop(&event, dialog) {
            overlays.close();
        }
    };
    let nothing = move || state.entries.with(Vec::is_empty);
    view! {
        <dialog
            class="palette" aria-label="Search and commands" node_ref=dialog
            on:close=move |_| overlays.close()
            on:click=beside
        >
            <label class="find">
                <Icon icon=icondata_lu::LuSearch/>
                <input
                    type="text" role="combobox" aria-label="Find a runbook, a page or an action" placeholder="Find a runbook, a page, an action…"
                    aria-expanded=move || (!nothing()).to_string() aria-controls="palette-list" aria-autocomplete="list" aria-activedescendant=active
                    autocomplete="off" autocapitalize="none" spellcheck="false" autofocus=true
                    prop:value=typed on:input=input on:keydown=pressed
                />
                <kbd>"Esc"</kbd>
            </label>
            <p class="visually-hidden" role="status">{news}</p>
            {move || state.problem.get().map(|text| view! { <p class="palette__none">{text}</p> })}
            // Beside the list: nothing but options may stand in it (WAI-ARIA, listbox).
            {move || nothing().then(|| view! { <p class="palette__none">{told(0)}</p> })}
            <div class="palette__list" id="palette-list" role="listbox" aria-label="Results" tabindex="-1" hidden=nothing node_ref=list>
                {move || state.entries.with(|entries| groups(entries, state))}
            </div>
        </dialog>
    }
}

impl State {
    /// The palette was opened: begins anew, with what the page offers now.
    fn begin(self) {
        self.typed.set(String::new());
        self.at.set(0);
        self.entered.set(false);
        self.labels.set(page_buttons().iter().map(label).collect());
        self.search();
    }

    /// Asks the server for what is typed now.
    fn search(self) {
        let Some(number) = self.number.try_update_value(|number| {
            *number += 1;
            *number
        }) else {
            return;
        };
        let q = words(&self.typed.get_untracked()).to_owned();
        self.pending.set(true);
        spawn_local(async move {
            let found = search_runbooks(q).await;
            if self.number.try_get_value() != Some(number) {
                return;
            }
            match found {
                Ok(hits) => {
                    self.problem.set(None);
                    self.hits.set(hits);
                }
                Err(error) => {
                    self.hits.set(Vec::new());
                    self.problem.set(Some(format!("Runbooks cannot be searched now: {error}")));
                }
            }
            self.pending.set(false);
        });
    }

    /// Takes an entry.
    fn take(self, place: usize) {
        let target = self.entries.with_untracked(|entries| entries.get(place).map(|entry| entry.target.clone()));
        if target.is_some() {
            self.chosen.set(target);
        }
    }

    fn choose(self, target: Target, navigate: &impl Fn(&str, NavigateOptions)) {
        if target == Target::Keys {
            self.overlays.open(Overlay::Keys);
            return;
        }
        self.overlays.close();
        let go = |path: &str| navigate(path, NavigateOptions::default());
        match target {
            Target::Page(path) => go(&path),
            Target::Runbook(id) => go(&format!("/runbooks/{id}")),
            Target::Run(id) => {
                go(&format!("/runbooks/{id}#run"));
                // Whoever is on its page already stays there.
                request_animation_frame(focus_run_form);
            }
            Target::Button(place) => {
                if let Some(button) = page_buttons().get(place) {
                    button.click();
                }
            }
            Target::SignOut => {
                let button = document().query_selector(&format!("form[action=\"{}\"] button", SignOut::url())).ok().flatten();
                if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
                    button.click();
                }
            }
            Target::Keys => {}
        }
    }
}

/// The entries under their headings.
fn groups(entries: &[Entry], state: State) -> Vec<AnyView> {
    let mut place = 0;
    entries
        .chunk_by(|one, other| one.group == other.group)
        .map(|group| {
            let heading = group.first().map_or("", |entry| entry.group);
            let options = group.iter().cloned().map(|entry| {
                let this = place;
                place += 1;
                let points = move |_: ev::MouseEvent| {
                    if state.at.get_untracked() != this {
                        state.at.set(this);
                    }
                };
                view! {
                    <div
                        class="palette__item" role="option" id=format!("palette-{this}")
                        aria-selected=move || (state.at.get() == this).to_string()
                        on:mousemove=points on:click=move |_| state.take(this)
                    >
                        <Icon icon=drawing(&entry.target)/><span>{entry.label}</span>{(!entry.hint.is_empty()).then(|| view! { <small>{entry.hint}</small> })}
                    </div>
                }
            });
            let options = options.collect_view();
            view! {
                <div role="group" aria-label=heading>
                    <div class="palette__group" aria-hidden="true">{heading}</div>
                    {options}
                </div>
            }
            .into_any()
        })
        .collect()
}

fn drawing(target: &Target) -> icondata_core::Icon {
    match target {
        Target::Page(_) => icondata_lu::LuArrowRight,
        Target::Runbook(_) => icondata_lu::LuBook,
        Target::Run(_) => icondata_lu::LuPlay,
        Target::Button(_) => icondata_lu::LuZap,
        Target::Keys => icondata_lu::LuKeyboard,
        Target::SignOut => icondata_lu::LuLogOut,
    }
}

/// The buttons of the page that have a key.
fn page_buttons() -> Vec<HtmlElement> {
    let Ok(found) = document().query_selector_all(BUTTONS) else { return Vec::new() };
    (0..found.length()).filter_map(|place| found.get(place)?.dyn_into().ok()).collect()
}

/// What a button says, without its key.
fn label(button: &HtmlElement) -> String {
    let text = button.text_content().unwrap_or_default();
    let key = button.query_selector("kbd").ok().flatten().and_then(|key| key.text_content()).unwrap_or_default();
    text.trim().strip_suffix(&key).unwrap_or(&text).trim().to_owned()
}

/// Scrolls the entry that Enter takes into sight.
fn show_active(at: usize, list: NodeRef<Div>) {
    let Some(list) = list.get_untracked() else { return };
    let item = document().get_element_by_id(&format!("palette-{at}")).and_then(|item| item.dyn_into::<HtmlElement>().ok());
    let Some(item) = item else { return };
    // The heading of the first entry comes into sight with it.
    let top = if at == 0 { 0 } else { item.offset_top() - list.offset_top() };
    let bottom = item.offset_top() - list.offset_top() + item.offset_height();
    if top < list.scroll_top() {
        list.set_scroll_top(top);
    } else if bottom > list.scroll_top() + list.client_height() {
        list.set_scroll_top(bottom - list.client_height());
    }
}
