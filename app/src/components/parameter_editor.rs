//! The editors of parameters and tags, in the rail.

use leptos::prelude::*;

use super::area::area_text;
use super::block_editor::EditorState;
use super::block_editor::common::{FaultLine, focus_soon};
use super::icon::Icon;
use crate::state::draft::DraftParameter;

/// The types of parameters, and what people call each.
const KINDS: [(&str, &str); 5] =
    [("string", "Text"), ("number", "Number"), ("boolean", "Yes or no"), ("select", "Choice"), ("secret", "Secret")];

/// What the runbook asks before it runs.
#[component]
pub fn ParameterEditor(
    /// The editor.
    state: EditorState,
) -> impl IntoView {
    let keys =
        Memo::new(move |_| state.draft.with(|draft| draft.parameters.iter().map(|parameter| parameter.key).collect::<Vec<_>>()));
    let add = move |_| {
        if let Some(key) = state.draft.try_update(crate::state::draft::Draft::add_parameter) {
            focus_soon(format!("p{key}-name"));
        }
    };
    view! {
        <section class="card" aria-label="Parameters">
            <h2>"Parameters"</h2>
            <For each=move || keys.get() key=|key| *key let(key)><ParameterForm state key/></For>
            <button type="button" class="btn quiet small" on:click=add><Icon icon=icondata_lu::LuPlus/>"Add parameter"</button>
        </section>
    }
}

/// Which text of a parameter a control edits.
type Part = fn(&mut DraftParameter) -> &mut String;

fn change(state: EditorState, key: u64, edit: impl FnOnce(&mut DraftParameter)) {
    state.edit(|draft| {
        if let Some(parameter) = draft.parameters.iter_mut().find(|parameter| parameter.key == key) {
            edit(parameter);
        }
    });
}

fn now(state: EditorState, key: u64) -> DraftParameter {
    state
        .draft
        .with_untracked(|draft| draft.parameters.iter().find(|parameter| parameter.key == key).cloned().unwrap_or_default())
}

/// The sentences about one part of a parameter.
fn messages(state: EditorState, key: u64, part: &'static str) -> Memo<Vec<String>> {
    Memo::new(move |_| {
        if !state.tried.get() {
            return Vec::new();
        }
        let index = state.draft.with(|draft| draft.parameters.iter().position(|parameter| parameter.key == key));
        let Some(index) = index else { return Vec::new() };
        let path = format!("$.parameters[{index}].{part}");
        state.faults.with(|faults| {
            faults.iter().filter(|fault| fault.path.starts_with(&path)).map(|fault| fault.message.clone()).collect()
        })
    })
}

/// One parameter.
#[component]
fn ParameterForm(
    /// The editor.
    state: EditorState,
    /// The parameter.
    key: u64,
) -> impl IntoView {
    let initial = now(state, key);
    let follow = move |get: fn(&DraftParameter) -> String| {
        Memo::new(move |_| {
            state.draft.with(|draft| draft.parameters.iter().find(|parameter| parameter.key == key).map(get).unwrap_or_default())
        })
    };
    let name = follow(|parameter| parameter.name.clone());
    let kind = follow(|parameter| parameter.kind.clone());
    let kinds = KINDS
        .into_iter()
        .map(|(word, label)| view! { <option value=word selected=word == initial.kind>{label}</option> })
        .collect_view();
    let remove = move |_| state.draft.update(|draft| draft.parameters.retain(|parameter| parameter.key != key));
    view! {
        <div class="param" role="group" aria-label=move || format!("Parameter {}", name.get())>
            <PartField state key part="name" label="Name" of=|parameter| &mut parameter.name/>
            <label class="field">"Type"
                <select on:change=move |event| {
                    change(state, key, |parameter| parameter.kind = event_target_value(&event));
                    state.settle();
                }>{kinds}</select>
            </label>
            <button type="button" class="btn quiet small icon" aria-label=move || format!("Remove {}", name.get()) on:click=remove>
                <Icon icon=icondata_lu::LuTrash2/>
            </button>
            <PartField state key part="default" label="Default" wide=true of=|parameter| &mut parameter.default/>
            {move || (kind.get() == "select").then(|| view! { <OptionsField state key/> })}
            <details class="param__wide">
                <summary class="btn quiet small">"More"</summary>
                <div class="stack">
                    <PartField state key part="label" label="Label" of=|parameter| &mut parameter.label/>
                    <PartField state key part="description" label="Help" of=|parameter| &mut parameter.description/>
                    <PartField state key part="sample" label="Sample" hint="For previews and for trying a block here; never saved"
                        of=|parameter| &mut parameter.sample/>
                    <PartField state key part="pattern" label="Pattern" of=|parameter| &mut parameter.pattern/>
                    <label class="check">
                        <input type="checkbox" checked=initial.required
                            on:change=move |event| change(state, key, |parameter| parameter.required = event_target_checked(&event))/>
                        <span>"Needs an answer"</span>
                    </label>
                </div>
            </details>
        </div>
    }
}

/// A line of text of a parameter.
#[component]
fn PartField(
    /// The editor.
    state: EditorState,
    /// The parameter.
    key: u64,
    /// Its key in JSON.
    part: &'static str,
    /// What it is called.
    label: &'static str,
    /// Takes the whole width.
    #[prop(optional)]
    wide: bool,
    /// What to know about it.
    #[prop(optional)]
    hint: &'static str,
    /// The text that is edited.
    of: Part,
) -> impl IntoView {
    let initial = of(&mut now(state, key)).clone();
    let messages = messages(state, key, part);
    let id = format!("p{key}-{part}");
    let error = format!("{id}-error");
    view! {
        <div class="field" class:param__wide=wide>
            <label for=id.clone()>{label}</label>
            <input id=id class="mono" autocomplete="off" value=initial aria-describedby=error.clone()
                aria-invalid=move || messages.with(|messages| !messages.is_empty()).then_some("true")
                on:input=move |event| change(state, key, |parameter| *of(parameter) = event_target_value(&event))/>
            {(!hint.is_empty()).then(|| view! { <p class="field__hint">{hint}</p> })}
            <FaultLine id=error messages=messages/>
        </div>
    }
}

/// The choices of a parameter.
#[component]
fn OptionsField(
    /// The editor.
    state: EditorState,
    /// The parameter.
    key: u64,
) -> impl IntoView {
    let initial = now(state, key).options;
    let value = initial.clone();
    let messages = messages(state, key, "options");
    let id = format!("p{key}-options");
    let error = format!("{id}-error");
    view! {
        <div class="field param__wide">
            <label for=id.clone()>"Choices"</label>
            <textarea id=id class="mono" rows="3" placeholder="One a line" prop:value=value aria-describedby=error.clone()
                on:input=move |event| change(state, key, |parameter| parameter.options = event_target_value(&event))>{area_text(initial)}</textarea>
            <FaultLine id=error messages=messages/>
        </div>
    }
}

/// The words to find the runbook by.
#[component]
pub fn TagEditor(
    /// The editor.
    state: EditorState,
) -> impl IntoView {
    let tags = Memo::new(move |_| state.draft.with(|draft| draft.tags.clone()));
    let typed = RwSignal::new(String::new());
    let add = move || {
        let text = typed.get_untracked();
        let new: Vec<String> = text.split(',').map(|tag| tag.trim().to_lowercase()).filter(|tag| !tag.is_empty()).collect();
        typed.set(String::new());
        state.draft.update(|draft| {
            for tag in new {
                if !draft.tags.contains(&tag) {
                    draft.tags.push(tag);
                }
            }
        });
    };
    let messages = Memo::new(move |_| {
        state.faults.with(|faults| {
            faults.iter().filter(|fault| fault.path.starts_with("$.tags")).map(|fault| fault.message.clone()).collect::<Vec<_>>()
        })
    });
    let chip = move |tag: String| {
        let (label, gone) = (format!("Remove {tag}"), tag.clone());
        view! {
            <span class="tag">{tag}
                <button type="button" aria-label=label
                    on:click=move |_| state.draft.update(|draft| draft.tags.retain(|tag| *tag != gone))>
                    <Icon icon=icondata_lu::LuX/>
                </button>
            </span>
        }
    };
    view! {
        <section class="card" aria-label="Tags">
            <h2>"Tags"</h2>
            <div class="chips">
                <For each=move || tags.get() key=Clone::clone children=chip/>
                <input aria-label="Add a tag" placeholder="Add a tag" autocomplete="off" prop:value=move || typed.get()
                    on:input=move |event| typed.set(event_target_value(&event))
                    on:blur=move |_| if !typed.read_untracked().is_empty() { add() }
                    on:keydown=move |event| {
                        if event.key() == "Enter" || event.key() == "," {
                            event.prevent_default();
                            add();
                        }
                    }/>
            </div>
            <FaultLine id="tags-error" messages=messages/>
        </section>
    }
}
