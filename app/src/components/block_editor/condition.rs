//! The form of a condition: what is checked, and the two branches, edited in place.

use domain::block::condition::CONDITION_TYPES;
use leptos::prelude::*;

use super::common::{AreaField, CheckField, MoreSettings, SelectField, TextField};
use super::host::HostField;
use super::preview::Preview;
use super::{EditorState, block_list};
use crate::state::draft::{Field, ListAt};

/// A check and its branches.
#[component]
pub fn ConditionForm(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
) -> impl IntoView {
    let check = Memo::new(move |_| state.mark(key).check);
    view! {
        <div class="grid">
            <SelectField state key field=Field::ConditionType label="Check" options=CONDITION_TYPES.to_vec()/>
            {move || check_fields(state, key, &check.get())}
            <SelectField state key field=Field::OnFalse label="If it is false"
                options=vec![("", "Go on"), ("pause", "Pause and ask"), ("stop", "Stop the run")]/>
            <TextField state key field=Field::Timeout label="Timeout" placeholder="none"/>
        </div>
        <Preview state key/>
        <div class="branch" role="group" aria-label="Then"><b>"Then"</b>{block_list(state, ListAt::Then(key))}</div>
        <div class="branch" role="group" aria-label="Otherwise"><b>"Otherwise"</b>{block_list(state, ListAt::Otherwise(key))}</div>
        <CheckField state key field=Field::Confirm label="Ask before running"/>
        <MoreSettings state key retry=true/>
    }
}

fn check_fields(state: EditorState, key: u64, check: &str) -> AnyView {
    let host = move || view! { <HostField state key/> };
    match check {
        "command_exit_code" => view! {
            <AreaField state key field=Field::CheckCommand label="Command" class="code"/>
            <TextField state key field=Field::ExpectedExitCode label="Expected exit code" placeholder="0"/>
            {host()}
        }
        .into_any(),
        "api_status_code" => view! {
            <TextField state key field=Field::CheckUrl label="URL" placeholder="https://"/>
            <TextField state key field=Field::ExpectedStatusCode label="Expected status" placeholder="200"/>
        }
        .into_any(),
        "file_exists" => view! {
            <TextField state key field=Field::FilePath label="File" placeholder="/etc/hosts"/>
            {host()}
        }
        .into_any(),
        "env_var_equals" => view! {
            <TextField state key field=Field::EnvVarName label="Variable" placeholder="STAGE"/>
            <TextField state key field=Field::EnvVarValue label="Value"/>
            {host()}
        }
        .into_any(),
        _ => view! {
            <TextField state key field=Field::Expression label="Expression" wide=true
                placeholder="steps.lag.stdout | float < params.max_lag"/>
        }
        .into_any(),
    }
}
