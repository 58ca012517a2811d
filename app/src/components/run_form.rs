//! The form that runs a runbook: its questions, why, how; and first, for those who want to know, what it would come to.

use domain::{Runbook, RunbookId};
use leptos::form::FromFormData;
use leptos::prelude::*;
use leptos::web_sys::{FormData, HtmlFormElement};
use leptos_router::hooks::use_location;
use wasm_bindgen::JsCast;

use super::icon::Icon;
use super::keys::focus_run_form;
use super::notice::Outcome;
use super::params_form::ParamsForm;
use super::preflight::{PREFLIGHT, PreflightResult};
use crate::api::preflight::{Found, Given, PreflightRun};
use crate::api::runs::StartRun;
use crate::error::Result;
use crate::state::where_to;
use domain::Preflight;

/// The id of the form, which buttons all over the page belong to.
pub const FORM: &str = "run";

/// Running a runbook, and looking before.
#[derive(Clone, Copy)]
pub struct Running {
    id: RunbookId,
    start: ServerAction<StartRun>,
    check: ServerAction<PreflightRun>,
    /// What was found for the form that this page answers.
    found: StoredValue<Option<Found>>,
    /// Something in the form changed since it was looked at.
    changed: RwSignal<bool>,
}

impl Running {
    /// For a runbook's page; `found` where it answers a form that was sent without JavaScript.
    #[must_use]
    pub fn new(id: RunbookId, found: Option<Found>) -> Self {
        let changed = RwSignal::new(false);
        let check = ServerAction::new();
        Effect::new(move |_| {
            check.value().track();
            changed.set(false);
        });
        Self { id, start: ServerAction::new(), check, found: StoredValue::new(found), changed }
    }

    /// What was found last.
    fn found(self) -> Option<Result<Preflight>> {
        if self.check.version().get() > 0 {
            return self.check.value().get();
        }
        self.found.with_value(|found| found.as_ref().map(|found| found.outcome.clone()))
    }

    /// Whether a start is certain to be refused: it was looked at, and nothing was changed since.
    fn is_refused(self) -> bool {
        let refused = |found: &Option<Result<Preflight>>| matches!(found, Some(Ok(found)) if !found.can_start);
        !self.changed.get() && self.check.value().with(refused)
    }

    /// Asks for a look at what the form would start: everything, or only what is ticked.
    fn look(self, event: &leptos::ev::MouseEvent, only: bool) {
        let form = document().get_element_by_id(FORM).and_then(|form| form.dyn_into::<HtmlFormElement>().ok());
        let Some(data) = form.and_then(|form| FormData::new_with_form(&form).ok()) else { return };
        if only && data.append_with_str("only", "true").is_err() {
            return;
        }
        if let Ok(asked) = PreflightRun::from_form_data(&data) {
            event.prevent_default();
            self.check.dispatch(asked);
        }
    }

    /// A form is sent here where there is no JavaScript: the page itself answers it.
    fn address(self) -> String {
        format!("/runbooks/{}#{PREFLIGHT}", self.id)
    }
}

/// A button that looks before a run.
#[component]
pub fn CheckButton(
    /// The page's run.
    running: Running,
    /// What it says.
    label: &'static str,
    /// Only what is ticked.
    #[prop(optional)]
    only: bool,
    /// Its size.
    #[prop(optional)]
    class: &'static str,
) -> impl IntoView {
    let pending = running.check.pending();
    view! {
        <button class=format!("btn {class}") form=FORM formaction=running.address() formmethod="post" formnovalidate=true
            name=only.then_some("only") value=only.then_some("true") disabled=pending
            on:click=move |event| running.look(&event, only)>
            <Icon icon=icondata_lu::LuListChecks/>{label}
        </button>
    }
}

/// The card beside the document.
#[component]
pub fn RunForm(
    /// The runbook.
    runbook: Runbook,
    /// The page's run.
    running: Running,
) -> impl IntoView {
    let start = running.start;
    let given = running.found.with_value(|found| found.as_ref().map(|found| found.given.clone()));
    let Given { parameters: answers, reason, guided } = given.unwrap_or_default();
    let places = where_to::places_of_all(&runbook.blocks);
    let hash = use_location().hash;
    Effect::new(move || {
        if hash.get() == format!("#{FORM}") {
            request_animation_frame(focus_run_form);
        }
    });
    view! {
        <section class="card card--pad" aria-labelledby="run-heading" on:input=move |_| running.changed.set(true)
            on:change=move |_| running.changed.set(true)>
            <h2 id="run-heading">"Run"</h2>
            <Outcome action=start/>
            <ActionForm action=start attr:id=FORM attr:class="form">
                <input type="hidden" name="id" value=runbook.id.to_string()/>
                <ParamsForm parameters=runbook.parameters answers=answers/>
                <div class="field">
                    <label for="reason">"Reason"<span class="faint">" (optional)"</span></label>
                    <input id="reason" name="reason" maxlength="500" placeholder="Alert, ticket or a few words" autocomplete="off" value=reason/>
                </div>
                <label class="check"><input type="checkbox" name="guided" value="true" checked=guided/><span>"Guided"<small>"Ask me before each command and API call"</small></span></label>
                <div class="form__actions">
                    <RunAll running places=places/>
                    <CheckButton running label="Check first"/>
                </div>
            </ActionForm>
        </section>
    }
}

/// Runs everything; says where.
#[component]
fn RunAll(running: Running, places: Vec<String>) -> impl IntoView {
    let pending = running.start.pending();
    let all = where_to::whole(&places);
    view! {
        <button class="btn primary btn--long" form=FORM title=all.clone() disabled=move || pending.get() || running.is_refused()>
            <Icon icon=icondata_lu::LuPlay/><span>{where_to::on("Run all", &places)}</span>
        </button>
        {all.map(|all| view! { <p class="faint small-text form__where">"On "{all}</p> })}
    }
}

/// What was found, above the document; announced when it comes.
#[component]
pub fn Checked(
    /// The page's run.
    running: Running,
) -> impl IntoView {
    let pending = running.check.pending();
    Effect::new(move |_| {
        if running.check.value().with(Option::is_some) {
            request_animation_frame(|| {
                if let Some(found) = document().get_element_by_id(PREFLIGHT) {
                    found.scroll_into_view();
                }
            });
        }
    });
    view! {
        // Return in a field presses the first button of the form, wherever it stands: everything, not the first block alone.
        <button class="visually-hidden" form=FORM tabindex="-1" aria-hidden="true"></button>
        <div class="preflight-place" id=PREFLIGHT role="status" aria-label="Check before the run">
            {move || pending.get().then(|| view! {
                <p class="notice info"><Icon icon=icondata_lu::LuLoaderCircle class="spin"/><span>"Looking at hosts, credentials and values…"</span></p>
            })}
            {move || (!pending.get()).then(|| running.found().map(|found| view! {
                <PreflightResult found changed=running.changed/>
            }))}
        </div>
    }
}
