//! The field that says where a block runs: one of the known hosts, several by name and tag, or a name that none has yet.

use std::collections::BTreeSet;

use domain::block::places::TAG_PREFIX;
use domain::host::LOCAL;
use leptos::prelude::*;

use super::EditorState;
use super::common::{FaultLine, FieldState, field_id, focus_soon};
use crate::components::icon::Icon;
use crate::state::draft::{Draft, Field};

/// Whether a block is to run on several hosts, or on those of a tag.
pub(super) fn is_several(draft: &Draft, key: u64) -> bool {
    draft.block(key).is_some_and(|block| {
        let places = block.get(Field::Host);
        places.contains(',') || places.starts_with(TAG_PREFIX)
    })
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
    let listed = |draft: &Draft| draft.block(key).is_some_and(|block| block.get(Field::Host).contains(','));
    let typing = RwSignal::new(several && state.draft.with_untracked(listed));
    let options = move || {
        let current = Some(state.text(key, Field::Host)).filter(|text| !text.is_empty()).unwrap_or_else(|| LOCAL.to_owned());
        let mut names = state.hosts.with(|hosts| hosts.iter().map(|host| host.name.clone()).collect::<Vec<_>>());
        if names.is_empty() {
            names.push(LOCAL.to_owned());
        }
        if several {
            names.extend(state.hosts.with(|hosts| {
                let tags: BTreeSet<_> = hosts.iter().flat_map(|host| &host.tags).collect();
                tags.into_iter().map(|tag| format!("{TAG_PREFIX}{tag}")).collect::<Vec<_>>()
            }));
        }
        let typed = typing.get_untracked();
        if !typed && !names.contains(&current) {
            names.push(current.clone());
        }
        let options = names.into_iter().map(|name| {
            let selected = !typed && name == current;
            let value = name.clone();
            let label = name.strip_prefix(TAG_PREFIX).map(|tag| format!("Every host tagged {tag}")).unwrap_or(name);
            view! { <option value=value selected=selected>{label}</option> }
        });
        let other = if several { "Several, or another name…" } else { "Another name…" };
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
            }
            state.set(key, Field::Host, name);
        }
    };
    view! {
        <div class="field">
            <label for=id.clone()>"Host"</label>
            <select id=id aria-invalid=move || own.invalid() aria-describedby=error.clone() on:change=choose>{options}</select>
            {move || typing.get().then(|| view! {
                <input id=other.clone() class="mono" autocomplete="off" spellcheck="false"
                    aria-label=if several { "Names of hosts, and tags" } else { "Name of the host" }
                    placeholder=if several { "web-1, web-2, tag:db" } else { "" }
                    value=state.draft.with_untracked(|draft| draft.block(key).map(|block| block.get(Field::Host).to_owned()))
                    aria-invalid=move || own.invalid()
                    on:input=move |event| state.set(key, Field::Host, event_target_value(&event))/>
            })}
            <Warning state key typing/>
            <FaultLine id=error messages=own.messages/>
        </div>
    }
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
        let name = state.draft.with(|draft| draft.block(key).map(|block| block.get(Field::Host).to_owned())).unwrap_or_default();
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
