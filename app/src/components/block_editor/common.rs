//! What the forms of all block types are made of: labelled controls that keep what is typed, with their faults below.
//!
//! A control takes its first value from the draft and from then on tells the draft what is typed; nothing re-creates it,
//! so a keystroke never loses the focus. When a draft is replaced its blocks get new keys, and new controls with them.

use domain::BlockType;
use icondata_core::Icon as IconData;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys;

use super::EditorState;
use crate::components::area::area_text;
use crate::components::icon::Icon;
use crate::state::draft::Field;

/// The picture of a block type.
#[must_use]
pub fn kind_icon(kind: BlockType) -> IconData {
    match kind {
        BlockType::Instruction => icondata_lu::LuFileText,
        BlockType::Command => icondata_lu::LuTerminal,
        BlockType::Api => icondata_lu::LuGlobe,
        BlockType::Condition => icondata_lu::LuGitBranch,
        BlockType::Timer => icondata_lu::LuTimer,
    }
}

/// The id of the element that edits a field.
#[must_use]
pub fn field_id(key: u64, field: Field) -> String {
    format!("b{key}-{}", field.path().replace('.', "-"))
}

/// Gives an element the focus, after what is being changed is on the page; opens what it is hidden in.
pub fn focus_soon(id: String) {
    request_animation_frame(move || {
        let Some(element) = document().get_element_by_id(&id) else { return };
        let mut above = element.closest("details:not([open])").ok().flatten();
        while let Some(details) = above {
            // It can only fail for a name that is none.
            drop(details.set_attribute("open", ""));
            above = details.closest("details:not([open])").ok().flatten();
        }
        if let Ok(element) = element.dyn_into::<web_sys::HtmlElement>() {
            drop(element.focus());
        }
    });
}

/// One field's faults: shown once it was left, or once saving was tried.
#[derive(Clone, Copy)]
pub(super) struct FieldState {
    pub(super) touched: RwSignal<bool>,
    pub(super) messages: Memo<Vec<String>>,
}

impl FieldState {
    pub(super) fn new(state: EditorState, key: u64, field: Field) -> Self {
        let touched = RwSignal::new(false);
        let messages = Memo::new(move |_| {
            if !touched.get() && !state.tried.get() {
                return Vec::new();
            }
            let Some(path) = state.spots.with(|spots| spots.get(&key).map(|spot| format!("{}.{}", spot.path, field.path())))
            else {
                return Vec::new();
            };
            state.faults.with(|faults| {
                let below = |fault: &&domain::Fault| {
                    fault.path.strip_prefix(path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
                };
                faults.iter().filter(below).map(|fault| fault.message.clone()).collect()
            })
        });
        Self { touched, messages }
    }

    pub(super) fn invalid(self) -> Option<&'static str> {
        self.messages.with(|messages| !messages.is_empty()).then_some("true")
    }
}

/// Faults below a control.
#[component]
pub fn FaultLine(
    /// The id of the line, which the control names in `aria-describedby`.
    #[prop(into)]
    id: String,
    /// The sentences.
    #[prop(into)]
    messages: Signal<Vec<String>>,
) -> impl IntoView {
    move || {
        let messages = messages.get();
        (!messages.is_empty()).then(|| {
            view! { <p class="field__error" id=id.clone()><Icon icon=icondata_lu::LuX/><span>{messages.join(". ")}</span></p> }
        })
    }
}

/// A line of text.
#[component]
pub fn TextField(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
    /// Which of its fields.
    field: Field,
    /// What it is called.
    label: &'static str,
    /// An example.
    #[prop(optional)]
    placeholder: &'static str,
    /// What to know about it.
    #[prop(optional)]
    hint: &'static str,
    /// Takes the whole width of a grid.
    #[prop(optional)]
    wide: bool,
) -> impl IntoView {
    let id = field_id(key, field);
    let error = format!("{id}-error");
    let own = FieldState::new(state, key, field);
    view! {
        <div class="field" class:field--wide=wide>
            <label for=id.clone()>{label}</label>
            <input id=id class="mono" autocomplete="off" spellcheck="false" placeholder=placeholder
                value=state.text(key, field)
                aria-invalid=move || own.invalid() aria-describedby=error.clone()
                on:input=move |event| state.set(key, field, event_target_value(&event))
                on:blur=move |_| own.touched.set(true)/>
            {(!hint.is_empty()).then(|| view! { <p class="field__hint">{hint}</p> })}
            <FaultLine id=error messages=own.messages/>
        </div>
    }
}

/// Several lines of text.
#[component]
pub fn AreaField(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
    /// Which of its fields.
    field: Field,
    /// What it is called.
    label: &'static str,
    /// An example.
    #[prop(optional)]
    placeholder: &'static str,
    /// What to know about it.
    #[prop(optional)]
    hint: &'static str,
    /// Classes of the control, such as `code` or `mono`.
    #[prop(optional)]
    class: &'static str,
) -> impl IntoView {
    let id = field_id(key, field);
    let error = format!("{id}-error");
    let own = FieldState::new(state, key, field);
    let initial = state.text(key, field);
    let rows = initial.lines().count().clamp(2, 16).to_string();
    let value = initial.clone();
    view! {
        <div class="field field--wide">
            <label for=id.clone()>{label}</label>
            <textarea id=id class=class rows=rows autocomplete="off" spellcheck=(class.is_empty()).to_string()
                placeholder=placeholder prop:value=value
                aria-invalid=move || own.invalid() aria-describedby=error.clone()
                on:input=move |event| state.set(key, field, event_target_value(&event))
                on:blur=move |_| own.touched.set(true)>{area_text(initial)}</textarea>
            {(!hint.is_empty()).then(|| view! { <p class="field__hint">{hint}</p> })}
            <FaultLine id=error messages=own.messages/>
        </div>
    }
}

/// One of some words.
#[component]
pub fn SelectField(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
    /// Which of its fields.
    field: Field,
    /// What it is called.
    label: &'static str,
    /// The words, each with what people call it.
    options: Vec<(&'static str, &'static str)>,
) -> impl IntoView {
    let id = field_id(key, field);
    let error = format!("{id}-error");
    let own = FieldState::new(state, key, field);
    let current = state.text(key, field);
    let options = options
        .into_iter()
        .map(|(word, label)| view! { <option value=word selected=word == current>{label}</option> })
        .collect_view();
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select id=id aria-invalid=move || own.invalid() aria-describedby=error.clone()
                on:change=move |event| {
                    state.choose(key, field, event_target_value(&event));
                    own.touched.set(true);
                }>{options}</select>
            <FaultLine id=error messages=own.messages/>
        </div>
    }
}

/// A box to tick.
#[component]
pub fn CheckField(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
    /// Which of its fields.
    field: Field,
    /// What it is called.
    label: &'static str,
    /// What to know about it.
    #[prop(optional)]
    hint: &'static str,
) -> impl IntoView {
    view! {
        <label class="check">
            <input type="checkbox" id=field_id(key, field) checked=state.text(key, field) == "true"
                on:change=move |event| state.choose(key, field, if event_target_checked(&event) { "true" } else { "" })/>
            <span>{label}{(!hint.is_empty()).then(|| view! { <small>{hint}</small> })}</span>
        </label>
    }
}

/// The settings that most types share, in a fold.
#[component]
pub fn MoreSettings(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
    /// Whether a failed attempt can be repeated.
    #[prop(optional)]
    retry: bool,
    /// Settings of the type itself.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <details>
            <summary class="btn quiet small">"More settings"</summary>
            <div class="stack">
                {children.map(|children| children())}
                <div class="grid">
                    <TextField state key field=Field::When label="Only when" placeholder="params.dry_run == false"/>
                    {retry.then(|| view! {
                        <TextField state key field=Field::RetryAttempts label="Attempts" placeholder="1"/>
                        <TextField state key field=Field::RetryDelay label="Wait between attempts" placeholder="5s"/>
                        <SelectField state key field=Field::RetryBackoff label="The wait grows"
                            options=vec![("", "Never"), ("exponential", "Twice as long each time")]/>
                        <TextField state key field=Field::RetryMaxDelay label="Longest wait" placeholder="1m"/>
                        <SelectField state key field=Field::OnWorkerLoss label="If its outcome is not known"
                            options=vec![("", "Ask a person"), ("retry", "Try it again"), ("fail", "It fails")]/>
                    })}
                </div>
            </div>
        </details>
    }
}

/// What becomes of the run when the block fails.
#[component]
pub fn OnFailureField(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
) -> impl IntoView {
    view! {
        <SelectField state key field=Field::OnFailure label="If it fails"
            options=vec![("", "Stop the run"), ("continue", "Go on")]/>
    }
}
