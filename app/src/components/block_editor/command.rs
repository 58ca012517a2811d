//! The form of a command.

use leptos::prelude::*;

use super::EditorState;
use super::common::{AreaField, CheckField, MoreSettings, OnFailureField, TextField};
use super::host::{HostField, is_several};
use super::preview::Preview;
use crate::state::draft::Field;

/// A script, where it runs, and what counts as success.
#[component]
pub fn CommandForm(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
) -> impl IntoView {
    let several = Memo::new(move |_| is_several(&state.mark(key).host));
    view! {
        <AreaField state key field=Field::Command label="Command" class="code" placeholder="df -h {{ params.path }}"/>
        <Preview state key/>
        <div class="grid">
            <HostField state key several=true/>
            {move || several.get().then(|| view! {
                <TextField state key field=Field::Concurrency label="Hosts at once" placeholder="1"/>
            })}
            <TextField state key field=Field::Timeout label="Timeout" placeholder="none"/>
            <OnFailureField state key/>
            <TextField state key field=Field::ExitCodes label="Expected exit codes" placeholder="0"/>
        </div>
        <CheckField state key field=Field::Confirm label="Ask before running"/>
        <MoreSettings state key retry=true>
            <div class="grid">
                <TextField state key field=Field::Interpreter label="Interpreter" placeholder="/bin/sh"/>
                <TextField state key field=Field::WorkingDir label="Working directory"/>
            </div>
            <AreaField state key field=Field::Env label="Environment" class="mono" placeholder="NAME=value"
                hint="One variable a line"/>
            <AreaField state key field=Field::Credentials label="Secrets it is given" class="mono"
                placeholder="env TOKEN = name of a credential"
                hint="One a line: env NAME = credential, or file NAME = credential for a private file"/>
            <AreaField state key field=Field::Capture label="Capture" class="mono"
                placeholder="version = stdout regex v(\\d+)"
                hint="One value a line: name = stdout, with regex … or json_path … after it"/>
        </MoreSettings>
    }
}
