//! The form of an API call.

use domain::block::Method;
use leptos::prelude::*;

use super::EditorState;
use super::common::{AreaField, CheckField, MoreSettings, OnFailureField, SelectField, TextField, field_id};
use super::preview::Preview;
use crate::state::draft::Field;

/// A request, what it carries, and what counts as success.
#[component]
pub fn ApiForm(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
) -> impl IntoView {
    let methods = Method::ALL.map(|method| (method.as_str(), method.as_str())).to_vec();
    view! {
        <div class="grid">
            <SelectField state key field=Field::Method label="Method" options=methods/>
            <TextField state key field=Field::Url label="URL" placeholder="https://"/>
        </div>
        <AreaField state key field=Field::Headers label="Headers" class="mono" placeholder="Accept: application/json"
            hint="One header a line"/>
        <AreaField state key field=Field::Body label="Body" class="mono"/>
        <CheckField state key field=Field::BodyIsJson label="It is JSON" hint="Checked here, and templates fill in its texts"/>
        <Preview state key/>
        <div class="grid">
            <CredentialField state key/>
            <TextField state key field=Field::Timeout label="Timeout" placeholder="none"/>
            <OnFailureField state key/>
            <TextField state key field=Field::ExpectedStatus label="Expected status" placeholder="any 2xx"/>
        </div>
        <CheckField state key field=Field::Confirm label="Ask before running"/>
        <MoreSettings state key retry=true>
            <div class="grid">
                <SelectField state key field=Field::Auth label="Secret sent as"
                    options=vec![("bearer", "Bearer token"), ("basic", "User and password"), ("header", "Bare value")]/>
                <TextField state key field=Field::AuthHeader label="In the header" placeholder="Authorization"/>
            </div>
            <AreaField state key field=Field::Capture label="Capture" class="mono" placeholder="id = body json_path $.id"
                hint="One value a line: name = body, status or header, with regex … or json_path … after it"/>
        </MoreSettings>
    }
}

/// Which stored credential is sent along; the list arrives after the page.
#[component]
fn CredentialField(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
) -> impl IntoView {
    let id = field_id(key, Field::CredentialId);
    let options = move || {
        let current = state.text(key, Field::CredentialId);
        let mut options: Vec<(String, String)> = vec![(String::new(), "None".to_owned())];
        state.credentials.with(|known| options.extend(known.iter().map(|known| (known.id.to_string(), known.name.clone()))));
        if !options.iter().any(|(id, _)| *id == current) {
            options.push((current.clone(), format!("Credential {current}")));
        }
        options
            .into_iter()
            .map(|(id, name)| {
                let selected = id == current;
                view! { <option value=id selected=selected>{name}</option> }
            })
            .collect_view()
    };
    view! {
        <div class="field">
            <label for=id.clone()>"Credential"</label>
            <select id=id on:change=move |event| state.choose(key, Field::CredentialId, event_target_value(&event))>{options}</select>
        </div>
    }
}
