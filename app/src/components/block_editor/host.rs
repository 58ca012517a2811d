//! The field that says where a block runs: one of the known hosts, or a name that none has yet.

use domain::block::command::LOCAL;
use leptos::prelude::*;

use super::EditorState;
use super::common::{FaultLine, FieldState, field_id, focus_soon};
use crate::components::icon::Icon;
use crate::state::draft::Field;

/// Where a command or check runs; the list of hosts arrives after the page.
#[component]
pub fn HostField(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
) -> impl IntoView {
    let id = field_id(key, Field::Host);
    let (other, error) = (format!("{id}-other"), format!("{id}-error"));
    let own = FieldState::new(state, key, Field::Host);
    let typing = RwSignal::new(false);
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
            let value = name.clone();
            view! { <option value=value selected=selected>{name}</option> }
        });
        view! { {options.collect_view()}<option value="" selected=typed>"Another name…"</option> }
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
                <input id=other.clone() class="mono" aria-label="Name of the host" autocomplete="off" spellcheck="false"
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
        let known = state.hosts.with(|hosts| hosts.is_empty() || hosts.iter().any(|host| host.name == name));
        (!known && domain::host::is_name(&name))
            .then(|| format!("There is no host “{name}” yet; until there is, a run is refused."))
    });
    view! {
        <div role="status">{move || warning.get().map(|text| view! {
            <p class="field__warning"><Icon icon=icondata_lu::LuTriangleAlert/><span>{text}</span></p>
        })}</div>
    }
}
