//! The questions a runbook asks before it runs.

use std::collections::BTreeMap;

use domain::Parameter;
use domain::parameter::ParameterKind;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use serde_json::Value;

/// One field for each parameter; the fields are named `parameters[<name>]`. A link may bring values under the same names; secrets it
/// may not: addresses are kept in histories and logs.
#[component]
pub fn ParamsForm(
    /// The parameters.
    parameters: Vec<Parameter>,
    /// What was answered already, by name.
    #[prop(optional)]
    answers: BTreeMap<String, String>,
) -> impl IntoView {
    let answered = move |parameter: Parameter| {
        let answer = answers.get(&parameter.name).cloned();
        view! { <ParamField parameter answer/> }
    };
    parameters.into_iter().map(answered).collect_view()
}

#[component]
fn ParamField(parameter: Parameter, answer: Option<String>) -> impl IntoView {
    let id = format!("param-{}", parameter.name);
    let hint_id = format!("{id}-hint");
    let name = format!("parameters[{}]", parameter.name);
    let given = answer.or_else(|| use_query_map().with_untracked(|query| query.get(&name))).filter(|_| !parameter.is_secret());
    let default = given.or_else(|| parameter.default.as_ref().map(as_text)).unwrap_or_default();
    let required = parameter.required;
    let described = parameter.description.is_some().then(|| hint_id.clone());
    let field = match parameter.kind {
        ParameterKind::Boolean => options(&id, &name, &["true", "false"], if default == "true" { "true" } else { "false" }, described),
        ParameterKind::Select => {
            let mut choices: Vec<&str> = parameter.options.iter().map(String::as_str).collect();
            if default.is_empty() {
                choices.insert(0, "");
            }
            options(&id, &name, &choices, &default, described)
        }
        ParameterKind::Secret => view! {
            <input id=id.clone() name=name type="password" autocomplete="off" required=required && default.is_empty() aria-describedby=described/>
        }
        .into_any(),
        ParameterKind::Number => view! {
            <input id=id.clone() name=name class="mono" inputmode="decimal" value=default required=required aria-describedby=described/>
        }
        .into_any(),
        ParameterKind::String => view! {
            <input id=id.clone() name=name class="mono" value=default required=required pattern=parameter.pattern.clone() autocomplete="off" aria-describedby=described/>
        }
        .into_any(),
    };
    let label = parameter.label.clone().unwrap_or_else(|| parameter.name.clone());
    view! {
        <div class="field">
            <label for=id>{label}{(!required).then(|| view! { <span class="faint">" (optional)"</span> })}</label>
            {field}
            {parameter.description.map(|text| view! { <p class="field__hint" id=hint_id>{text}</p> })}
        </div>
    }
}

fn options(id: &str, name: &str, choices: &[&str], chosen: &str, described: Option<String>) -> AnyView {
    let choices = choices
        .iter()
        .map(|choice| {
            let word = match *choice {
                "true" => "Yes",
                "false" => "No",
                "" => "—",
                other => other,
            };
            view! { <option value=(*choice).to_owned() selected=*choice == chosen>{word.to_owned()}</option> }
        })
        .collect_view();
    view! { <select id=id.to_owned() name=name.to_owned() aria-describedby=described>{choices}</select> }.into_any()
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
