//! The keys that work on every page, and the dialog that lists all keys. What they mean is in [`crate::state::keys`].

use domain::Permission;
use leptos::html::Dialog;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlElement, HtmlInputElement, KeyboardEvent};

use super::icon::Icon;
use super::overlay::{Overlay, Overlays};
use crate::state::keys::{Answer, At, Keys, PLACES, Pressed, RUN_KEYS, Wish};
use crate::use_me;

/// Where text is typed.
const FIELDS: &str =
    "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]";

/// Minds the keys of all pages. Call it once, in their layout.
pub fn mind_keys(overlays: Overlays) {
    let me = use_me();
    let navigate = use_navigate();
    Effect::new(move || {
        let navigate = navigate.clone();
        let mut keys = Keys::default();
        let may = move |needs: Permission| me.get_untracked().and_then(Result::ok).flatten().is_some_and(|me| me.may(needs));
        let pressed = Closure::<dyn FnMut(KeyboardEvent)>::new(move |event: KeyboardEvent| {
            if event.default_prevented() || event.repeat() || event.is_composing() {
                return;
            }
            let (name, command) = (event.key(), event.ctrl_key() || event.meta_key());
            if name == "Escape" {
                leave_search(&event);
            }
            let pressed = Pressed { key: &name, command, alt: event.alt_key() };
            let wish = match keys.press(pressed, place(&event), super::time::browser_now(), may) {
                Answer::Pass => return,
                Answer::Do(Wish::Search) if is_minded_by_page() => return,
                Answer::Swallow => None,
                Answer::Do(wish) => Some(wish),
            };
            event.prevent_default();
            event.stop_propagation();
            match wish {
                None => {}
                Some(Wish::Search) if focus_search() => {}
                Some(Wish::Search | Wish::Palette) => overlays.open(Overlay::Palette),
                Some(Wish::Help) => overlays.open(Overlay::Keys),
                Some(Wish::Go(path)) => navigate(path, NavigateOptions::default()),
            }
        });
        // Belongs to this effect, and so to the layout.
        StoredValue::new_local(Listener::new(pressed));
    });
}

/// Listens before any page does, so that the second key of two never reaches one; no longer once it is dropped.
struct Listener(Closure<dyn FnMut(KeyboardEvent)>);

impl Listener {
    fn new(pressed: Closure<dyn FnMut(KeyboardEvent)>) -> Self {
        let _ = window().add_event_listener_with_callback_and_bool("keydown", pressed.as_ref().unchecked_ref(), true);
        Self(pressed)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = window().remove_event_listener_with_callback_and_bool("keydown", self.0.as_ref().unchecked_ref(), true);
    }
}

/// Where a key was pressed. Looks around it first: a look through the whole page is too much for each letter of a long runbook.
fn place(event: &KeyboardEvent) -> At {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let within = |what: &str| target.as_ref().is_some_and(|target| target.closest(what).is_ok_and(|found| found.is_some()));
    if within("dialog") {
        return At::Dialog;
    }
    // No field of the page has the focus while a dialog is open.
    if within(FIELDS) {
        return At::Field;
    }
    let is_open = document().query_selector("dialog[open]").is_ok_and(|dialog| dialog.is_some());
    if is_open { At::Dialog } else { At::Page }
}

/// The page of a run searches its own output.
fn is_minded_by_page() -> bool {
    document().query_selector("main .cbar__find").is_ok_and(|found| found.is_some())
}

/// Puts the cursor into the page's field for searching. False: it has none.
fn focus_search() -> bool {
    let field = document().query_selector("main [role=search] input:not([type=hidden])").ok().flatten();
    let Some(field) = field.and_then(|field| field.dyn_into::<HtmlInputElement>().ok()) else { return false };
    let _ = field.focus();
    field.select();
    true
}

/// Esc in an empty field for searching leaves it, so that keys mean something again.
fn leave_search(event: &KeyboardEvent) {
    let field = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
    if let Some(field) = field.filter(|field| field.type_() == "search" && field.value().is_empty()) {
        let _ = field.blur();
    }
}

/// Brings whoever came to run a runbook to what they have to do: the first empty answer, else the button.
pub fn focus_run_form() {
    let wanted = ["#run :is(input, select):invalid", "#run .form__actions .btn.primary"];
    let found = wanted.into_iter().find_map(|place| document().query_selector(place).ok().flatten());
    if let Some(found) = found.and_then(|found| found.dyn_into::<HtmlElement>().ok()) {
        let _ = found.focus();
    }
}

/// The list of all keys.
#[component]
pub fn KeysDialog(
    /// What may lie over the page.
    overlays: Overlays,
) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    overlays.show_in(Overlay::Keys, dialog);
    let me = use_me();
    let opened = Memo::new(move |_| overlays.is_open(Overlay::Keys));
    // Only in the browser, and only once somebody asks: nothing is listed that leads nowhere.
    let places = move || {
        opened.get().then(|| {
            let me = me.get_untracked().and_then(Result::ok).flatten();
            let places = PLACES.iter().filter(|place| me.as_ref().is_some_and(|me| me.may(place.needs)));
            places
                .map(|place| view! { <dt><kbd>"g"</kbd>" "<kbd>{place.key.to_string()}</kbd></dt><dd>{place.name}</dd> })
                .collect_view()
        })
    };
    let of_runs = RUN_KEYS.map(|(key, what)| view! { <dt><kbd>{key}</kbd></dt><dd>{what}</dd> });
    let beside = move |event: leptos::ev::MouseEvent| {
        if is_backdrop(&event, dialog) {
            overlays.close();
        }
    };
    view! {
        <dialog
            class="dialog dialog--wide" aria-labelledby="keys-title" node_ref=dialog
            on:close=move |_| overlays.close()
            on:click=beside
        >
            <div class="dialog__head">
                <h2 id="keys-title">"Keys"</h2>
                <button type="button" class="btn quiet small icon" aria-label="Close" on:click=move |_| overlays.close()><Icon icon=icondata_lu::LuX/></button>
            </div>
            <div class="dialog__body keys-groups">
                <section>
                    <h3>"Everywhere"</h3>
                    <dl class="keys">
                        <dt><kbd>"Ctrl K"</kbd>" or "<kbd>"⌘ K"</kbd></dt><dd>"Find a runbook, a page or an action"</dd>
                        <dt><kbd>"/"</kbd></dt><dd>"Search this page"</dd>
                        <dt><kbd>"?"</kbd></dt><dd>"Show this list"</dd>
                        <dt><kbd>"Esc"</kbd></dt><dd>"Close what is open"</dd>
                    </dl>
                </section>
                <section>
                    <h3>"Go to"</h3>
                    <dl class="keys">{places}</dl>
                </section>
                <section>
                    <h3>"On the page of a run"</h3>
                    <dl class="keys">{of_runs}</dl>
                </section>
                <section>
                    <h3>"In the editor"</h3>
                    <dl class="keys">
                        <dt><kbd>"Alt ↑"</kbd>" "<kbd>"Alt ↓"</kbd></dt><dd>"Move the block; at the end of a branch, out of it"</dd>
                        <dt><kbd>"Alt Shift ↑"</kbd>" "<kbd>"Alt Shift ↓"</kbd></dt><dd>"Move it into the condition next to it, or out of its branch"</dd>
                    </dl>
                </section>
            </div>
        </dialog>
    }
}

/// Whether a click was beside the dialog.
pub(super) fn is_backdrop(event: &leptos::ev::MouseEvent, dialog: NodeRef<Dialog>) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    dialog.get_untracked().is_some_and(|dialog| target.is_some_and(|target| target == *AsRef::<Element>::as_ref(&dialog)))
}
