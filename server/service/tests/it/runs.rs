use std::time::Duration;

use domain::plan::Selection;
use domain::{BlockId, ControlAction, Role, Run, RunEvent, RunState, RunbookDraft, StepState};
use futures::{Stream, StreamExt};
use serde_json::{Map, Value, json};
use service::{MASK, RunFilter, ServiceError, StartRun};

use crate::world::{TestStudio, developer, draft, echo, runbook, somebody};

fn all() -> StartRun {
    StartRun::default()
}

async fn queued(studio: &TestStudio) -> (domain::Actor, Run) {
    let dev = developer();
    let made = runbook(studio, echo()).await;
    let run = studio.services.runs.start(&dev, made.id, all()).await.expect("a run");
    (dev, run)
}

/// Everything until the stream ends.
async fn rest(events: impl Stream<Item = RunEvent>) -> Vec<RunEvent> {
    tokio::time::timeout(Duration::from_secs(60), events.collect()).await.expect("an end")
}

fn kinds(events: &[RunEvent]) -> Vec<&'static str> {
    let kind = |event: &RunEvent| match event {
        RunEvent::Run(_) => "run",
        RunEvent::Step(_) => "step",
        RunEvent::Output(_) => "output",
        RunEvent::Note(_) => "note",
    };
    events.iter().map(kind).collect()
}

#[tokio::test]
async fn viewers_may_not_run_and_developers_may() {
    let studio = TestStudio::idle().await;
    let made = runbook(&studio, echo()).await;
    for role in Role::ALL {
        let started = studio.services.runs.start(&somebody("someone", role), made.id, all()).await;
        assert_eq!(started.is_ok(), role >= Role::Developer, "{role}");
    }
    let viewer = somebody("vic", Role::Viewer);
    assert_eq!(studio.services.runs.list(&viewer, RunFilter::default()).await.expect("readable").items.len(), 3);
}

#[tokio::test]
async fn somebody_elses_run_is_controlled_by_sre_and_above() {
    let studio = TestStudio::idle().await;
    let (_, run) = queued(&studio).await;
    let runs = &studio.services.runs;
    for role in [Role::Viewer, Role::Developer] {
        let refused = runs.control(&somebody("eve", role), run.id, ControlAction::Stop, None, None).await;
        assert!(matches!(refused, Err(ServiceError::Forbidden { .. })), "{role}");
    }
    let stopped = runs.control(&somebody("sam", Role::Sre), run.id, ControlAction::Stop, None, None).await.expect("stopped");
    assert_eq!(stopped.state, RunState::Stopped);
    let (stored, steps) = runs.get(&somebody("vic", Role::Viewer), run.id).await.expect("readable");
    assert_eq!(stored, stopped);
    assert_eq!(steps[0].state, StepState::Skipped);
}

#[tokio::test]
async fn a_refused_control_says_why() {
    let studio = TestStudio::idle().await;
    let (dev, run) = queued(&studio).await;
    let runs = &studio.services.runs;
    let why = async |action| match runs.control(&dev, run.id, action, None, None).await {
        Err(ServiceError::Conflict { why }) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(ControlAction::Resume).await, "a run that is queued cannot be resumed");
    assert_eq!(why(ControlAction::Approve).await, "a run that is queued cannot be answered: it asks nothing");
    let paused = runs.control(&dev, run.id, ControlAction::Pause, None, None).await.expect("paused");
    assert_eq!(paused.state, RunState::Paused);
    assert_eq!(why(ControlAction::Pause).await, "a run that is paused cannot be paused");
    runs.control(&dev, run.id, ControlAction::Stop, None, None).await.expect("stopped");
    assert_eq!(why(ControlAction::Stop).await, "a run that is stopped cannot be stopped");
}

#[tokio::test]
async fn what_cannot_be_run_is_refused() {
    let studio = TestStudio::idle().await;
    let dev = developer();
    let runs = &studio.services.runs;
    let empty = runbook(&studio, json!([])).await;
    let Err(ServiceError::Conflict { why }) = runs.start(&dev, empty.id, all()).await else { panic!("started") };
    assert_eq!(why, "this runbook has no blocks to run");

    let made = runbook(&studio, echo()).await;
    let path = async |options| match runs.start(&dev, made.id, options).await {
        Err(ServiceError::Invalid(faults)) => faults.0[0].path.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(path(StartRun { selection: Selection::Only(vec![BlockId::new()]), ..all() }).await, "$.blocks");
    assert_eq!(path(StartRun { selection: Selection::From(BlockId::new()), ..all() }).await, "$.from");
    let unknown = Map::from_iter([("x".to_owned(), Value::from(1))]);
    assert_eq!(path(StartRun { parameters: unknown, ..all() }).await, "$.parameters.x");
    let missing = runs.start(&dev, made.id, StartRun { version: Some(7), ..all() }).await;
    assert!(matches!(missing, Err(ServiceError::NotFound { .. })));
}

#[tokio::test]
async fn a_secret_answer_is_masked_and_sealed() {
    let studio = TestStudio::idle().await;
    let dev = developer();
    let asking = json!({ "title": "Ask", "blocks": echo(), "parameters": [{ "name": "token", "type": "secret" }] });
    let made = studio.services.runbooks.create(&dev, RunbookDraft::parse(&asking).expect("a draft")).await.expect("a runbook");
    let parameters = Map::from_iter([("token".to_owned(), Value::from("s3cret-value"))]);
    let run = studio.services.runs.start(&dev, made.id, StartRun { parameters, ..all() }).await.expect("a run");
    assert_eq!(run.parameters["token"], MASK);
    let trail = studio.store.audit_entries(10).await.expect("the trail");
    assert!(!format!("{trail:?}").contains("s3cret-value"));
    assert!(studio.store.sealed_parameters(run.id).await.expect("a look").is_some());
}

#[tokio::test]
async fn a_watcher_is_told_what_is_there_then_what_happens_and_then_the_end() {
    let studio = TestStudio::idle().await;
    let (dev, run) = queued(&studio).await;
    let runs = &studio.services.runs;
    let mut events = runs.watch(&dev, run.id, 0).await.expect("a stream");
    let snapshot = [events.next().await.expect("the run"), events.next().await.expect("its step")];
    assert_eq!(kinds(&snapshot), ["run", "step"]);

    runs.control(&dev, run.id, ControlAction::Pause, None, None).await.expect("paused");
    let Some(RunEvent::Run(paused)) = events.next().await else { panic!("no run") };
    assert_eq!(paused.state, RunState::Paused);

    let stopped = runs.control(&dev, run.id, ControlAction::Stop, None, Some("enough".to_owned())).await.expect("stopped");
    assert_eq!(stopped.error.as_deref(), Some("stopped by dev: enough"));
    let end = rest(events).await;
    assert_eq!(kinds(&end), ["step", "run"]);

    // Replayed after what was seen already, the same end; after the end, nothing.
    assert_eq!(rest(runs.watch(&dev, run.id, paused.event).await.expect("a stream")).await, end);
    assert_eq!(rest(runs.watch(&dev, run.id, stopped.event).await.expect("a stream")).await, []);
}

#[tokio::test]
async fn a_run_is_executed_and_told_from_its_first_event_to_its_last() {
    let studio = TestStudio::new().await;
    let (dev, run) = queued(&studio).await;
    let runs = &studio.services.runs;
    let events = rest(runs.watch(&dev, run.id, 0).await.expect("a stream")).await;
    let Some(RunEvent::Run(last)) = events.last() else { panic!("{events:?}") };
    assert_eq!(last.state, RunState::Succeeded, "{last:?}");
    let text = |events: &[RunEvent]| {
        let texts = events.iter().filter_map(|event| match event {
            RunEvent::Output(chunk) => Some(chunk.text.as_str()),
            _ => None,
        });
        texts.collect::<String>()
    };
    assert!(text(&events).contains("hello") && text(&events).contains("world"), "{events:?}");

    // Whoever comes later is told the same output; whoever saw some of it, the rest.
    let replayed = rest(runs.watch(&dev, run.id, 0).await.expect("a stream")).await;
    assert_eq!(text(&replayed), text(&events));
    let outputs: Vec<_> = replayed.iter().filter(|event| matches!(event, RunEvent::Output(_))).collect();
    let after = rest(runs.watch(&dev, run.id, outputs[0].seq()).await.expect("a stream")).await;
    assert_eq!(after.iter().filter(|event| matches!(event, RunEvent::Output(_))).count(), outputs.len() - 1);

    let (_, steps) = runs.get(&dev, run.id).await.expect("a run");
    let (tail, is_cut) = runs.tail_or_whole(&dev, run.id, &steps[0]).await.expect("a tail");
    assert!(tail.contains("hello") && !is_cut, "{tail}");
}

#[tokio::test]
async fn the_tail_of_a_step_that_goes_on_is_what_it_wrote_so_far() {
    let studio = TestStudio::new().await;
    let dev = developer();
    let runs = &studio.services.runs;
    let made = runbook(&studio, json!([{ "type": "command", "config": { "command": "echo begun; sleep 60" } }])).await;
    let run = runs.start(&dev, made.id, all()).await.expect("a run");
    let mut events = runs.watch(&dev, run.id, 0).await.expect("a stream");
    let begun = async { while !matches!(events.next().await, Some(RunEvent::Output(_)) | None) {} };
    tokio::time::timeout(Duration::from_secs(30), begun).await.expect("output");
    let (_, steps) = runs.get(&dev, run.id).await.expect("a run");
    assert_eq!(steps[0].state, StepState::Running);
    assert_eq!(runs.tail(&dev, run.id, &steps[0]).await.expect("a tail"), "begun\n");

    let stopping = runs.control(&dev, run.id, ControlAction::Stop, None, None).await.expect("stopping");
    assert_eq!(stopping.state, RunState::Stopping);
    let end = rest(events).await;
    assert!(matches!(end.last(), Some(RunEvent::Run(run)) if run.state == RunState::Stopped), "{end:?}");
}

#[tokio::test]
async fn an_instruction_that_asks_goes_on_when_it_is_approved() {
    let studio = TestStudio::new().await;
    let dev = developer();
    let runs = &studio.services.runs;
    let blocks = json!([{ "name": "look", "type": "instruction", "config": { "text": "Look.", "acknowledge": true } }]);
    let made = studio.services.runbooks.create(&dev, draft("Ask", blocks)).await.expect("a runbook");
    let run = runs.start(&dev, made.id, all()).await.expect("a run");
    let mut events = runs.watch(&dev, run.id, 0).await.expect("a stream");
    let waiting = async {
        while let Some(event) = events.next().await {
            if matches!(&event, RunEvent::Run(run) if run.state == RunState::Waiting) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("a question");
    runs.control(&dev, run.id, ControlAction::Approve, None, None).await.expect("approved");
    let end = rest(events).await;
    assert!(matches!(end.last(), Some(RunEvent::Run(run)) if run.state == RunState::Succeeded), "{end:?}");
}
