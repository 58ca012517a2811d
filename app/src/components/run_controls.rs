//! What a person may ask of a run: pause, resume, stop, and the answers to its questions.

use domain::{BlockType, ControlAction, RunId, RunState, Step, StepState, Timestamp};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::block_editor::common::focus_soon;
use super::icon::Icon;
use super::notice::sentence;
use crate::api::runs::ControlRun;
use crate::state::timeline::Timeline;
use crate::state::where_to;

/// A run that is being watched, for all parts of its page.
#[derive(Clone, Copy)]
pub struct Watched {
    /// What is known of it.
    pub timeline: RwSignal<Timeline>,
    /// The browser's clock, each second; `None` on the server and until the page is live.
    pub now: RwSignal<Option<Timestamp>>,
    /// Asks something of it.
    pub control: ServerAction<ControlRun>,
    /// Grows each time the person asks to see the end of the output.
    pub follow: RwSignal<u32>,
    /// Grows each time something is opened that may hold a console.
    pub opened: RwSignal<u32>,
    /// The Markdown of its instructions as clean HTML, by ordinal, as it was when the page was made.
    pub prose: StoredValue<Vec<(u32, String)>>,
    /// Whether the person who looks may control it.
    pub may_control: bool,
}

impl Watched {
    /// The run's id.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.timeline.with_untracked(|timeline| timeline.run().id)
    }

    fn ask(&self, action: ControlAction) {
        self.control.dispatch(ControlRun { id: self.id(), action, step: None, comment: None });
    }
}

/// Whether it can be held (`Pause`), let go on (`Resume`), or neither.
fn hold(state: RunState) -> Option<ControlAction> {
    match (state.pause(), state.resume()) {
        (Ok(_), _) => Some(ControlAction::Pause),
        (_, Ok(_)) => Some(ControlAction::Resume),
        _ => None,
    }
}

/// Pause or Resume, and Stop run: those that are possible now.
#[component]
pub fn RunControls(
    /// The run.
    watched: Watched,
) -> impl IntoView {
    keys(watched);
    if !watched.may_control {
        return ().into_any();
    }
    let Watched { timeline, control, .. } = watched;
    let id = move || watched.id().to_string();
    let state = Memo::new(move |_| timeline.with(|timeline| timeline.run().state));
    let holdable = Memo::new(move |_| hold(state.get()).is_some());
    let stoppable = Memo::new(move |_| state.get().stop().is_ok());
    let resumes = move || hold(state.get()) == Some(ControlAction::Resume);
    let hold_icon = move || {
        if resumes() {
            view! { <Icon icon=icondata_lu::LuPlay/> }
        } else {
            view! { <Icon icon=icondata_lu::LuPause/> }
        }
    };
    view! {
        {move || holdable.get().then(|| view! {
            <ActionForm action=control>
                <input type="hidden" name="id" value=id()/>
                <button class="btn" name="action" value=move || if resumes() { "resume" } else { "pause" } aria-keyshortcuts="p">
                    {hold_icon}{move || if resumes() { "Resume" } else { "Pause" }}" "<kbd aria-hidden="true">"p"</kbd>
                </button>
            </ActionForm>
        })}
        // The buttons go with what they ended: the focus must not be lost with them.
        {move || stoppable.get().then(|| view! {
            <ActionForm action=control on:submit=|_| focus_soon("run-title".to_owned())>
                <input type="hidden" name="id" value=id()/>
                <button class="btn danger" name="action" value="stop" aria-keyshortcuts="s">
                    <Icon icon=icondata_lu::LuSquare/>"Stop run "<kbd aria-hidden="true">"s"</kbd>
                </button>
            </ActionForm>
        })}
    }
    .into_any()
}

/// `p` pauses and resumes, `s` stops, `f` shows the end of the output, `/` searches it; not while somebody writes or a dialog is open.
fn keys(watched: Watched) {
    Effect::new(move || {
        let handle = window_event_listener(leptos::ev::keydown, move |event| {
            if event.default_prevented() || event.repeat() || event.ctrl_key() || event.meta_key() || event.alt_key() {
                return;
            }
            let writes = "input, textarea, select, [contenteditable], dialog";
            let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
            if target.is_some_and(|target| !matches!(target.closest(writes), Ok(None))) {
                return;
            }
            let Some(state) = watched.timeline.try_with_untracked(|timeline| timeline.run().state) else { return };
            match event.key().as_str() {
                "f" => watched.follow.update(|asked| *asked += 1),
                "/" if search() => event.prevent_default(),
                _ if !watched.may_control => {}
                "p" => {
                    if let Some(action) = hold(state) {
                        watched.ask(action);
                    }
                }
                "s" if state.stop().is_ok() => watched.ask(ControlAction::Stop),
                _ => {}
            }
        });
        on_cleanup(move || handle.remove());
    });
}

/// Opens the search of the console that the person is at, else of the one that is written, else of the first.
fn search() -> bool {
    let nearest = ["focus-within", "hover", "target"].map(|at| format!(".step:{at} .cbar__find"));
    let others = [".step--running .cbar__find", ".step--failed .cbar__find", ".cbar__find"].map(str::to_owned);
    let found = nearest.iter().chain(&others).find_map(|place| document().query_selector(place).ok().flatten());
    let Some(button) = found.and_then(|button| button.dyn_into::<web_sys::HtmlElement>().ok()) else { return false };
    button.click();
    true
}

/// An answer to a step's question, with what its button says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    action: ControlAction,
    label: String,
    primary: bool,
    /// All places, where the label names only some.
    all: Option<String>,
}

/// The answers that fit a step's question; none where it asks nothing.
fn answers(step: &Step) -> Vec<Answer> {
    let plain = |action, label: &str| Answer { action, label: label.to_owned(), primary: false, all: None };
    let primary = |action, label: String| Answer { action, label, primary: true, all: None };
    match (step.state, step.kind) {
        (StepState::Interrupted, _) => {
            vec![
                plain(ControlAction::Done, "Mark as done"),
                plain(ControlAction::Skip, "Skip"),
                // No button stands out: to try again may do harm, and a person has to look first.
                plain(ControlAction::Retry, "Retry"),
            ]
        }
        (StepState::Waiting, BlockType::Instruction) => vec![primary(ControlAction::Approve, "Done".to_owned())],
        (StepState::Waiting, BlockType::Condition) => {
            vec![plain(ControlAction::Reject, "Stop"), primary(ControlAction::Approve, "Go on".to_owned())]
        }
        // It began, and did not come out well.
        (StepState::Waiting, _) if step.started_at.is_some() => vec![
            plain(ControlAction::Reject, "Reject"),
            plain(ControlAction::Done, "Mark as done"),
            plain(ControlAction::Skip, "Skip"),
            primary(ControlAction::Retry, "Retry".to_owned()),
        ],
        (StepState::Waiting, _) => {
            let places = asked_for(step);
            let approve = Answer {
                all: where_to::whole(&places),
                ..primary(ControlAction::Approve, where_to::on("Approve and run", &places))
            };
            vec![plain(ControlAction::Reject, "Reject"), plain(ControlAction::Skip, "Skip"), approve]
        }
        _ => Vec::new(),
    }
}

/// Where it runs when it is approved: of several hosts all that its question names, `run “x” on web-1 and web-2?`.
fn asked_for(step: &Step) -> Vec<String> {
    let Some(host) = step.host.as_deref() else { return Vec::new() };
    let named = step.error.as_deref().and_then(|question| Some(question.strip_suffix('?')?.rsplit_once("” on ")?.1));
    named.map_or_else(|| vec![where_to::called(host)], where_to::names_in)
}

/// Whether a step waits for a person's answer.
#[must_use]
pub const fn asks(step: &Step) -> bool {
    matches!(step.state, StepState::Waiting | StepState::Interrupted)
}

/// The question of a step and the buttons that answer it.
#[component]
pub fn Question(
    /// The run.
    watched: Watched,
    /// The step that asks.
    step: Step,
) -> impl IntoView {
    let answers = answers(&step);
    let text = match (&step.answer, &step.error) {
        (Some(answer), _) => format!("Answered: {}. The run goes on in a moment.", answer.as_str()),
        (None, Some(error)) => sentence(error),
        (None, None) => match (step.state, step.kind) {
            (StepState::Interrupted, _) => "Nobody knows how this step ended. Look first, then retry or skip it.".to_owned(),
            (_, BlockType::Instruction) => "The run goes on when you have done this.".to_owned(),
            (_, BlockType::Condition) => "The run goes on when you say so.".to_owned(),
            _ => "Approving covers exactly this text.".to_owned(),
        },
    };
    if !watched.may_control || step.answer.is_some() {
        return view! { <div class="ask__foot"><p>{text}</p></div> }.into_any();
    }
    let buttons: Vec<_> = answers
        .into_iter()
        .map(|Answer { action, label, primary, all }| {
            let class = if primary { "btn small primary btn--long" } else { "btn small" };
            view! { <button class=class name="action" value=action.as_str() title=all><span>{label}</span></button> }
        })
        .collect();
    // The buttons go once the step is answered; who answered goes on at its card.
    let card = format!("step-{}", step.ordinal + 1);
    view! {
        <ActionForm
            action=watched.control attr:class="ask__foot" attr:aria-label=format!("Answer to {}", step.name)
            on:submit=move |_| focus_soon(card.clone())
        >
            <p>{text}</p>
            <input type="hidden" name="id" value=watched.id().to_string()/>
            <input type="hidden" name="step" value=step.id.to_string()/>
            {buttons}
        </ActionForm>
    }
    .into_any()
}
