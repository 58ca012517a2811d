//! What a person may ask of a run as a whole: pause, resume, stop. The answers to its questions are in `question`.

use domain::{ControlAction, RunId, RunState, Timestamp};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::block_editor::common::focus_soon;
use super::icon::Icon;
use crate::api::runs::ControlRun;
use crate::state::folds::Folds;
use crate::state::timeline::{Place, Timeline};

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
    /// Which consoles the person folded and unfolded.
    pub folds: RwSignal<Folds>,
    /// Whether the page's script has taken over: until then the page is as the server made it.
    pub live: RwSignal<bool>,
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

    /// Whether the console of an attempt is open.
    #[must_use]
    pub fn is_open(&self, place: Place) -> bool {
        let (failed, default) = self.timeline.with(|timeline| (timeline.has_failed(place), timeline.begins_open(place.0)));
        self.folds.with(|folds| folds.is_open(place, failed, default))
    }

    /// Folds or unfolds it.
    pub fn fold(&self, place: Place, open: bool) {
        let failed = self.timeline.with_untracked(|timeline| timeline.has_failed(place));
        self.folds.update(|folds| folds.choose(place, failed, open));
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

/// The id of the sentence that says what a stop would do.
pub const STOP_SAYS: &str = "stop-says";

/// Pause or Resume, and Stop: those that are possible now, saying what they would do.
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
    let target = Memo::new(move |_| timeline.with(Timeline::stop_target));
    let says = Memo::new(move |_| timeline.with(Timeline::stop_says));
    let stop = move || match target.get() {
        Some(target) => format!("Stop run on {target} "),
        None => "Stop run ".to_owned(),
    };
    let resumes = move || hold(state.get()) == Some(ControlAction::Resume);
    let hold_title = move || if resumes() { "Goes on with the next step" } else { "Holds once the step that runs has ended" };
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
                <button
                    class="btn" name="action" value=move || if resumes() { "resume" } else { "pause" } aria-keyshortcuts="p"
                    title=hold_title
                >
                    {hold_icon}{move || if resumes() { "Resume" } else { "Pause" }}" "<kbd aria-hidden="true">"p"</kbd>
                </button>
            </ActionForm>
        })}
        // The buttons go with what they ended: the focus must not be lost with them.
        {move || stoppable.get().then(|| view! {
            <ActionForm action=control on:submit=|_| focus_soon("run-title".to_owned())>
                <input type="hidden" name="id" value=id()/>
                <button
                    class="btn danger" name="action" value="stop" aria-keyshortcuts="s" aria-describedby=STOP_SAYS title=says
                >
                    <Icon icon=icondata_lu::LuSquare/>{stop}<kbd aria-hidden="true">"s"</kbd>
                </button>
            </ActionForm>
        })}
    }
    .into_any()
}

/// The sentence that says what a stop would do now.
#[component]
pub fn StopSays(
    /// The run.
    watched: Watched,
) -> impl IntoView {
    let says = Memo::new(move |_| {
        let stoppable = |timeline: &Timeline| timeline.run().state.stop().is_ok().then(|| timeline.stop_says());
        watched.timeline.with(stoppable).filter(|_| watched.may_control)
    });
    move || says.get().map(|says| view! { <p id=STOP_SAYS class="head__says">{says}</p> })
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

/// A console that is not folded.
const OPEN: &str = ".output:not(.output--folded)";

/// Opens the search of the console that the person is at, else of the one that is written, else of the first.
fn search() -> bool {
    let nearest = ["focus-within", "hover", "target"].map(|at| format!(":is(.step, .lane):{at} {OPEN} .cbar__find"));
    let others = [".step--running", ".step--failed", "main"].map(|at| format!("{at} {OPEN} .cbar__find"));
    let found = nearest.iter().chain(&others).find_map(|place| document().query_selector(place).ok().flatten());
    let Some(button) = found.and_then(|button| button.dyn_into::<web_sys::HtmlElement>().ok()) else { return false };
    button.click();
    true
}
