//! The notes on a run: what people saw and decided, and the form to add one.

use std::time::Duration;

use domain::{AccountId, Note, RunEvent};
use leptos::html::{Select, Textarea};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::icon::Icon;
use super::notice::Outcome;
use super::run_controls::Watched;
use super::step_card::anchor;
use super::time::When;
use crate::api::runs::{AddNote, DeleteNote, list_notes};
use crate::state::timeline::Timeline;

/// How often the notes of a run that is over are asked for: its stream of events has ended.
const AGAIN: Duration = Duration::from_secs(10);

/// The person who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writer {
    /// Their account.
    pub me: AccountId,
    /// Whether they may write notes.
    pub may_write: bool,
}

/// The notes, the first one first, and the form under them.
#[component]
pub fn Notes(
    /// The run.
    watched: Watched,
    /// Who looks.
    writer: Writer,
) -> impl IntoView {
    let timeline = watched.timeline;
    let add = ServerAction::<AddNote>::new();
    let delete = ServerAction::<DeleteNote>::new();
    let (text, about) = (NodeRef::<Textarea>::new(), NodeRef::<Select>::new());
    let tell = move |note: Note| timeline.update(|timeline| timeline.apply(RunEvent::Note(Box::new(note))));
    Effect::new(move || {
        if let Some(Ok(note)) = add.value().get() {
            tell(note);
            if let (Some(text), Some(about)) = (text.get_untracked(), about.get_untracked()) {
                text.set_value("");
                about.set_value("");
            }
        }
    });
    Effect::new(move || {
        if let Some(Ok(gone)) = delete.value().get() {
            let note = timeline.with_untracked(|timeline| timeline.notes().into_iter().find(|note| note.id == gone));
            if let Some(note) = note {
                let at = note.at;
                tell(note.deleted(at));
            }
        }
    });
    keep_up(watched);
    let notes = Memo::new(move |_| timeline.with(Timeline::notes));
    let over = Memo::new(move |_| timeline.with(|timeline| timeline.run().state.is_final()));
    let row = move |note: Note| {
        let own = note.author_id == writer.me && writer.may_write;
        let id = note.id;
        let remove = move || {
            (own && !over.get()).then(|| {
                view! {
                    <ActionForm action=delete>
                        <input type="hidden" name="id" value=watched.id().to_string()/>
                        <input type="hidden" name="note" value=id.to_string()/>
                        <button class="btn quiet small icon" aria-label="Delete this note" title="Delete this note"><Icon icon=icondata_lu::LuTrash2/></button>
                    </ActionForm>
                }
            })
        };
        view! {
            <li class="note">
                <div class="row"><b>{note.author.clone()}</b><span class="faint"><When at=note.at/></span>{remove}</div>
                {step_link(watched, &note)}
                <p>{note.text.clone()}</p>
            </li>
        }
    };
    let steps = move || timeline.with_untracked(options);
    let form = writer.may_write.then(|| {
        view! {
            <ActionForm action=add attr:class="note__form">
                <input type="hidden" name="id" value=watched.id().to_string()/>
                <textarea
                    node_ref=text name="text" rows="1" maxlength="4000" required aria-label="Add a note" placeholder="Add a note…"
                ></textarea>
                <div class="row">
                    <select node_ref=about name="step" aria-label="What the note is about">
                        <option value="">"About the run"</option>
                        {steps}
                    </select>
                    <button class="btn small">"Add note"</button>
                </div>
            </ActionForm>
        }
    });
    view! {
        <h2>"Notes"</h2>
        <div class="info__body">
            <ol class="notes" aria-live="polite" aria-label="Notes"><For each=move || notes.get() key=|note| note.id children=row/></ol>
            {move || notes.with(Vec::is_empty).then(|| view! { <p class="faint small-text">"Nobody has written anything."</p> })}
            <Outcome action=add/>
            <Outcome action=delete/>
            {form}
        </div>
    }
}

/// The step that a note is about.
fn step_link(watched: Watched, note: &Note) -> Option<impl IntoView + use<>> {
    let step = note.step?;
    watched.timeline.with_untracked(|timeline| {
        let step = timeline.step(step)?;
        let (href, text) = (format!("#{}", anchor(step.ordinal)), name(timeline, step));
        Some(view! { <a class="link small-text" href=href>{text}</a> })
    })
}

fn name(timeline: &Timeline, step: &domain::Step) -> String {
    let place = timeline.lane(step.ordinal).map(|host| format!(" on {host}")).unwrap_or_default();
    format!("{}{place}", step.name)
}

/// The steps that a note may be about.
fn options(timeline: &Timeline) -> Vec<AnyView> {
    let steps = timeline.ordinals().into_iter().filter_map(|ordinal| timeline.latest(ordinal));
    let option = |step: &domain::Step| view! { <option value=step.id.to_string()>{name(timeline, step)}</option> }.into_any();
    steps.map(option).collect()
}

/// Asks for the notes of a run that is over from time to time, while somebody looks.
fn keep_up(watched: Watched) {
    let over = Memo::new(move |_| watched.timeline.with(|timeline| timeline.run().state.is_final()));
    let ask = move || {
        if document().hidden() {
            return;
        }
        spawn_local(async move {
            // One that is refused now is asked for again.
            let Ok(notes) = list_notes(watched.id()).await else { return };
            watched.timeline.try_update(|timeline| {
                notes.into_iter().for_each(|note| timeline.apply(RunEvent::Note(Box::new(note))));
            });
        });
    };
    Effect::new(move || {
        if over.get()
            && let Ok(timer) = set_interval_with_handle(ask, AGAIN)
        {
            on_cleanup(move || timer.clear());
        }
    });
}
