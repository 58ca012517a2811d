//! Notes on runs.

use std::time::Duration;

use domain::{Actor, ControlAction, Role, Run, RunEvent, RunId, RunbookDraft, StepId};
use futures::StreamExt;
use serde_json::{Map, Value, json};
use service::{MASK, ServiceError, StartRun};

use crate::world::{TestStudio, developer, echo, somebody};

async fn queued(studio: &TestStudio) -> (Actor, Run) {
    let dev = developer();
    let asking = json!({ "title": "Ask", "blocks": echo(), "parameters": [{ "name": "token", "type": "secret" }] });
    let made = studio.services.runbooks.create(&dev, RunbookDraft::parse(&asking).expect("a draft")).await.expect("a runbook");
    let parameters = Map::from_iter([("token".to_owned(), Value::from("s3cret-value"))]);
    let options = StartRun { parameters, ..StartRun::default() };
    let run = studio.services.runs.start(&dev, made.id, options).await.expect("a run");
    (dev, run)
}

#[tokio::test]
async fn who_may_run_may_note_and_everybody_reads() {
    let studio = TestStudio::idle().await;
    let (_, run) = queued(&studio).await;
    let runs = &studio.services.runs;
    for role in Role::ALL {
        let noted = runs.add_note(&somebody(role.as_str(), role), run.id, "seen", None).await;
        assert_eq!(noted.is_ok(), role >= Role::Developer, "{role}");
    }
    let notes = runs.notes(&somebody("vic", Role::Viewer), run.id).await.expect("readable");
    assert_eq!(notes.iter().map(|note| note.author.as_str()).collect::<Vec<_>>(), ["developer", "sre", "admin"]);
    let nowhere = runs.add_note(&developer(), RunId::new(), "seen", None).await;
    assert!(matches!(nowhere, Err(ServiceError::NotFound { .. })));
    for (text, step) in [(" ", None), ("seen", Some(StepId::new()))] {
        assert!(matches!(runs.add_note(&developer(), run.id, text, step).await, Err(ServiceError::Invalid(_))));
    }
}

#[tokio::test]
async fn a_note_holds_no_secret_of_its_run_and_stands_in_the_report() {
    let studio = TestStudio::idle().await;
    let (dev, run) = queued(&studio).await;
    let runs = &studio.services.runs;
    let (_, steps) = runs.get(&dev, run.id).await.expect("a run");
    let text = "tried s3cret-value\nit *works*";
    let note = runs.add_note(&dev, run.id, text, Some(steps[0].id)).await.expect("a note");
    assert_eq!(note.text, format!("tried {MASK}\nit *works*"));
    let report = runs.report(&dev, run.id).await.expect("a report").markdown();
    assert!(report.contains(&format!("> tried {MASK}\\\n> it \\*works\\*\n")), "{report}");
    assert!(report.contains("**dev**") && report.contains(", on say (local):"), "{report}");
    let trail = studio.store.audit_entries(10).await.expect("the trail");
    assert_eq!(trail[0].action.as_str(), "run.noted");
    assert!(!format!("{trail:?}").contains("tried"), "what was written is not for the trail: {trail:?}");
}

#[tokio::test]
async fn a_note_on_a_run_whose_secrets_cannot_be_opened_is_refused() {
    let studio = TestStudio::idle().await;
    let (dev, run) = queued(&studio).await;
    let stranger = studio.with_other_keys();
    let refused = stranger.runs.add_note(&dev, run.id, "tried s3cret-value", None).await;
    let Err(ServiceError::Conflict { why }) = refused else { panic!("{refused:?}") };
    assert!(why.starts_with("the secret answers of this run cannot be opened"), "{why}");
    assert!(studio.services.runs.notes(&dev, run.id).await.expect("readable").is_empty());
}

#[tokio::test]
async fn a_note_is_deleted_by_its_author_while_the_run_is_not_over() {
    let studio = TestStudio::idle().await;
    let (dev, run) = queued(&studio).await;
    let runs = &studio.services.runs;
    let note = runs.add_note(&dev, run.id, "one", None).await.expect("a note");
    let other = runs.delete_note(&somebody("root", Role::Admin), run.id, note.id).await;
    assert!(matches!(other, Err(ServiceError::Refused { .. })));
    runs.delete_note(&dev, run.id, note.id).await.expect("deleted");
    assert!(matches!(runs.delete_note(&dev, run.id, note.id).await, Err(ServiceError::NotFound { .. })));
    assert_eq!(runs.notes(&dev, run.id).await.expect("notes"), []);
    let note = runs.add_note(&dev, run.id, "two", None).await.expect("a note");
    runs.control(&dev, run.id, ControlAction::Stop, None, None).await.expect("stopped");
    assert!(matches!(runs.delete_note(&dev, run.id, note.id).await, Err(ServiceError::Conflict { .. })));
    runs.add_note(&dev, run.id, "afterwards", None).await.expect("a run that is over takes notes");
}

#[tokio::test]
async fn who_watches_is_told_of_notes_without_numbers() {
    let studio = TestStudio::idle().await;
    let (dev, run) = queued(&studio).await;
    let runs = &studio.services.runs;
    let first = runs.add_note(&dev, run.id, "before", None).await.expect("a note");
    let mut events = runs.watch(&dev, run.id, 0).await.expect("a stream");
    let mut next_note = async || {
        let found = async {
            loop {
                if let RunEvent::Note(note) = events.next().await.expect("an event") {
                    return note;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), found).await.expect("a note")
    };
    assert_eq!(*next_note().await, first);
    let second = runs.add_note(&dev, run.id, "meanwhile", None).await.expect("a note");
    assert_eq!(*next_note().await, second);
    runs.delete_note(&dev, run.id, first.id).await.expect("deleted");
    let gone = next_note().await;
    assert_eq!((gone.id, gone.is_kept(), gone.text.as_str()), (first.id, false, ""));
    assert_eq!(RunEvent::Note(gone).seq(), 0);
}
