//! Notes that people write on a run, while it goes on and afterwards.

use domain::note::parse_note;
use domain::{Actor, AuditAction, Faults, Note, NoteId, Permission, Run, RunEvent, RunId, StepId};
use serde_json::json;

use super::{MISSING, Runs};
use crate::authorise::authorise;
use crate::{Result, ServiceError, audit, now};

/// The most notes that one run takes.
const MAX_NOTES: usize = 500;

impl Runs {
    /// The notes on a run, the first one first.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn notes(&self, actor: &Actor, run: RunId) -> Result<Vec<Note>> {
        authorise(actor, Permission::Read)?;
        self.store.run(run).await?.ok_or(MISSING)?;
        Ok(self.store.notes(run).await?.into_iter().filter(Note::is_kept).collect())
    }

    /// Writes a note on a run, over or not; secrets of the run are masked in it.
    ///
    /// # Errors
    /// `Forbidden` to viewers, `NotFound`, `Invalid` for a text that is empty or too long and for a step that the run does not
    /// have, `Conflict` where it has too many notes and where the run's secrets cannot be opened, and so not be masked.
    pub async fn add_note(&self, actor: &Actor, run: RunId, text: &str, step: Option<StepId>) -> Result<Note> {
        authorise(actor, Permission::Execute)?;
        let text = parse_note(text)?;
        let run = self.store.run(run).await?.ok_or(MISSING)?;
        if let Some(step) = step
            && !self.store.steps(run.id).await?.iter().any(|known| known.id == step)
        {
            return Err(Faults::one("$.step_id", "the run has no such step").into());
        }
        if self.store.notes(run.id).await?.len() >= MAX_NOTES {
            return Err(ServiceError::conflict(format!("this run has {MAX_NOTES} notes, which is all it takes")));
        }
        let text = self.engine.redact(&run, &text).await?.map_err(|why| {
            ServiceError::conflict(format!("{why}, so a note on it could show one of its secrets: nothing was written"))
        })?;
        let (author, author_id) = (actor.username.to_string(), actor.id);
        let note = Note { id: NoteId::new(), author, author_id, at: now(), text, step, deleted_at: None };
        self.write_note(actor, &run, note, AuditAction::RunNoted).await
    }

    /// Deletes one's own note. Once the run is over its notes are part of what is told of it, and stay.
    ///
    /// # Errors
    /// `Forbidden` to viewers, `Refused` for somebody else's note, `NotFound`, `Conflict` once the run is over.
    pub async fn delete_note(&self, actor: &Actor, run: RunId, note: NoteId) -> Result<()> {
        authorise(actor, Permission::Execute)?;
        let run = self.store.run(run).await?.ok_or(MISSING)?;
        let missing = ServiceError::NotFound { what: "note on this run" };
        let note = self.store.note(run.id, note).await?.filter(Note::is_kept).ok_or(missing)?;
        if note.author_id != actor.id {
            return Err(ServiceError::Refused { why: "a note is deleted by its author alone" });
        }
        if run.state.is_final() {
            return Err(ServiceError::conflict("this run is over: its notes stay with it"));
        }
        self.write_note(actor, &run, note.deleted(now()), AuditAction::NoteDeleted).await?;
        Ok(())
    }

    /// Writes a note and tells those who watch.
    async fn write_note(&self, actor: &Actor, run: &Run, note: Note, action: AuditAction) -> Result<Note> {
        let length = (action == AuditAction::RunNoted).then(|| note.text.chars().count());
        let detail = json!({ "note": note.id, "number": run.number, "step": note.step, "characters": length });
        let entry = audit::by(actor, action, "run", run.id, detail);
        self.store.write_note(run.id, &note, &entry).await?;
        self.engine.publish(run.id, RunEvent::Note(Box::new(note.clone())));
        Ok(note)
    }
}
