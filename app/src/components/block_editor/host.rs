//! The field that says where a block runs: one of the known hosts, several by name and tag, or a name that none has yet.

use std::collections::BTreeSet;

use domain::block::places::TAG_PREFIX;
use domain::host::LOCAL;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{InputEvent, KeyboardEvent};

use super::EditorState;
use super::common::{FaultLine, FieldState, field_id, focus_soon};
use crate::components::icon::Icon;
use crate::state::draft::Field;
use crate::state::places;

/// The id of the list that offers hosts and tags, one for the whole page.
const OFFERED: &str = "editor-places";

/// Whether a block is to run on several hosts, or on those of a tag.
pub(super) fn is_several(places: &str) -> bool {
    places.contains(',') || places.starts_with(TAG_PREFIX)
}

/// Where a command or check runs; the list of hosts arrives after the page.
#[component]
pub fn HostField(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
    /// Whether it may be several hosts, by name and by tag.
    #[prop(optional)]
    several: bool,
) -> impl IntoView {
    let id = field_id(key, Field::Host);
    let (other, error) = (format!("{id}-other"), format!("{id}-error"));
    let own = FieldState::new(state, key, Field::Host);
    // Several are picked, or a name is typed that the list does not have.
    let typing = RwSignal::new(several && is_several(&state.text(key, Field::Host)));
    let options = move || {
        let current = Some(state.text(key, Field::Host)).filter(|text| !text.is_empty()).unwrap_or_else(|| LOCAL.to_owned());
        let mut names = state.hosts.with(|hosts| hosts.iter().map(|host| host.name.clone()).collect::<Vec<_>>());
        if names.is_empty() {
            names.push(LOCAL.to_owned());
        }
        let typed = typing.get_untracked();
        if !typed && !names.contains(&current) {
            names.push(current.clone());
        }
        let options = names.into_iter().map(|name| {
            let selected = !typed && name == current;
            view! { <option value=name.clone() selected=selected>{name.clone()}</option> }
        });
        let other = if several { "Several, or by tag…" } else { "Another name…" };
        view! { {options.collect_view()}<option value="" selected=typed>{other}</option> }
    };
    let choose = {
        let other = other.clone();
        move |event| {
            let name = event_target_value(&event);
            typing.set(name.is_empty());
            own.touched.set(true);
            if name.is_empty() {
                focus_soon(other.clone());
                // What was chosen stays the first of several.
                if several {
                    return;
                }
            }
            state.choose(key, Field::Host, name);
        }
    };
    view! {
        <div class="field" class:field--wide=move || several && typing.get()>
            <label for=id.clone()>"Host"</label>
            <select id=id aria-invalid=move || own.invalid() aria-describedby=error.clone() on:change=choose>{options}</select>
            {move || typing.get().then(|| if several {
                view! { <Picker state key id=other.clone()/> }.into_any()
            } else {
                view! {
                    <input id=other.clone() class="mono" autocomplete="off" spellcheck="false" aria-label="Name of the host"
                        value=state.text(key, Field::Host) aria-invalid=move || own.invalid()
                        on:input=move |event| state.set(key, Field::Host, event_target_value(&event))/>
                }.into_any()
            })}
            <Warning state key typing/>
            <FaultLine id=error messages=own.messages/>
        </div>
    }
}

/// The chosen hosts and tags, each with a button that takes it away, and a line to add more by choosing or typing.
#[component]
fn Picker(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
    /// The id of the line.
    id: String,
) -> impl IntoView {
    let chosen = Memo::new(move |_| places::listed(&state.mark(key).host));
    let typed = RwSignal::new(String::new());
    let add = move |more: &str| {
        typed.set(String::new());
        if !more.trim().is_empty() {
            state.choose(key, Field::Host, places::with(&state.text(key, Field::Host), more));
            state.say(format!("{} added", more.trim()));
        }
    };
    let remove = {
        let id = id.clone();
        move |gone: &str| {
            state.choose(key, Field::Host, places::without(&state.text(key, Field::Host), gone));
            state.say(format!("{gone} removed"));
            focus_soon(id.clone());
        }
    };
    let is_known = move |place: &str| {
        state.hosts.with_untracked(|hosts| match place.strip_prefix(TAG_PREFIX) {
            Some(tag) => hosts.iter().any(|host| host.tags.iter().any(|other| other == tag)),
            None => hosts.iter().any(|host| host.name == place),
        })
    };
    let on_input = move |event: leptos::ev::Event| {
        let text = event_target_value(&event);
        // Chosen from the list rather than typed: browsers say so, or say nothing at all.
        let kind = event.dyn_ref::<InputEvent>().map(InputEvent::input_type).unwrap_or_default();
        let picked = matches!(kind.as_str(), "" | "insertReplacementText");
        typed.set(text.clone());
        if picked && is_known(&text) {
            add(&text);
        }
    };
    let on_key = {
        let remove = remove.clone();
        move |event: KeyboardEvent| match event.key().as_str() {
            "Enter" | "," => {
                event.prevent_default();
                add(&typed.get_untracked());
            }
            "Backspace" if typed.with_untracked(String::is_empty) => {
                if let Some(last) = chosen.get_untracked().last() {
                    remove(last);
                }
            }
            _ => {}
        }
    };
    let chip = move |place: String| {
        let (label, gone, remove) = (spoken(&place), place.clone(), remove.clone());
        view! {
            <span class="tag">{label.clone()}
                <button type="button" aria-label=format!("Remove {label}") on:click=move |_| remove(&gone)><Icon icon=icondata_lu::LuX/></button>
            </span>
        }
    };
    view! {
        <div class="chips chips--field" role="group" aria-label="Hosts and tags">
            <For each=move || chosen.get() key=Clone::clone children=chip/>
            <input id=id list=OFFERED aria-label="Add a host, or tag:…" placeholder="Add a host, or tag:…" autocomplete="off" spellcheck="false"
                prop:value=move || typed.get() on:input=on_input on:keydown=on_key
                on:blur=move |_| add(&typed.get_untracked())/>
        </div>
        <p class="field__hint">"Runs on each of these; a tag stands for every host that has it when the run starts."</p>
    }
}

/// The hosts and tags that can be picked.
#[component]
pub fn OfferedPlaces(
    /// The editor.
    state: EditorState,
) -> impl IntoView {
    let offered = move || {
        state.hosts.with(|hosts| {
            let tags: BTreeSet<_> = hosts.iter().flat_map(|host| &host.tags).collect();
            let names = hosts.iter().map(|host| (host.name.clone(), String::new()));
            let tags = tags.into_iter().map(|tag| (format!("{TAG_PREFIX}{tag}"), format!("every host tagged {tag}")));
            names.chain(tags).map(|(value, label)| view! { <option value=value>{label}</option> }).collect_view()
        })
    };
    view! { <datalist id=OFFERED>{offered}</datalist> }
}

fn spoken(place: &str) -> String {
    place.strip_prefix(TAG_PREFIX).map_or_else(|| place.to_owned(), |tag| format!("every host tagged {tag}"))
}

/// Says that a run would be refused, or would go elsewhere than one may think.
#[component]
fn Warning(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
    /// Whether a name is being typed.
    typing: RwSignal<bool>,
) -> impl IntoView {
    let warning = Memo::new(move |_| {
        let name = state.mark(key).host;
        if name.is_empty() {
            return typing.get().then(|| format!("Without a name it runs on {LOCAL}, the server itself."));
        }
        let is_known = |place: &str| {
            state.hosts.with(|hosts| match place.strip_prefix(TAG_PREFIX) {
                Some(tag) => hosts.iter().any(|host| host.tags.iter().any(|other| other == tag)),
                None => hosts.iter().any(|host| host.name == place) || !domain::host::is_name(place),
            })
        };
        let unknown = name.split(',').map(str::trim).find(|place| !place.is_empty() && !is_known(place))?;
        let hosts_are_known = state.hosts.with(|hosts| !hosts.is_empty());
        hosts_are_known.then(|| match unknown.strip_prefix(TAG_PREFIX) {
            Some(tag) => format!("No host has the tag “{tag}” yet; until one has, a run is refused."),
            None => format!("There is no host “{unknown}” yet; until there is, a run is refused."),
        })
    });
    view! {
        <div role="status">{move || warning.get().map(|text| view! {
            <p class="field__warning"><Icon icon=icondata_lu::LuTriangleAlert/><span>{text}</span></p>
        })}</div>
    }
}
