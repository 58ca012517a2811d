//! Versions side by side, and a draft beside what others saved.

use std::time::Duration;

use domain::diff::Change;
use domain::{Role, RunbookDraft};
use futures::StreamExt;
use serde_json::json;
use service::{ServiceError, StartRun};

use crate::world::{TestStudio, developer, draft, echo, runbook, somebody};

#[tokio::test]
async fn a_version_is_compared_with_the_one_before_unless_others_are_named() {
    let studio = TestStudio::idle().await;
    let runbooks = &studio.services.runbooks;
    let (dev, viewer) = (developer(), somebody("vic", Role::Viewer));
    let first = runbook(&studio, echo()).await;
    let second = RunbookDraft { title: "Restart it".to_owned(), ..first.to_draft() };
    runbooks.update(&dev, first.id, second, Some(1)).await.expect("version 2");
    let third = RunbookDraft { blocks: Vec::new(), ..first.to_draft() };
    runbooks.update(&dev, first.id, third, Some(2)).await.expect("version 3");

    let told = async |from, to| {
        let diff = runbooks.diff(&viewer, first.id, from, to).await.expect("both are there");
        (diff.from.version, diff.to.version, diff.summary.to_string())
    };
    let both = "1 block removed; title, description, tags or parameters changed";
    assert_eq!(told(None, None).await, (Some(2), Some(3), both.to_owned()));
    assert_eq!(told(Some(1), None).await, (Some(1), Some(3), "1 block removed".to_owned()));
    assert_eq!(told(Some(3), Some(1)).await, (Some(3), Some(1), "1 block added".to_owned()));
    assert_eq!(told(None, Some(1)).await, (Some(1), Some(1), "Nothing is different".to_owned()));
    for (from, to) in [(Some(9), None), (None, Some(0)), (Some(1), Some(u32::MAX))] {
        let missing = runbooks.diff(&viewer, first.id, from, to).await;
        assert!(matches!(missing, Err(ServiceError::NotFound { .. })), "{from:?} {to:?}");
    }
}

#[tokio::test]
async fn a_draft_is_compared_with_what_others_saved() {
    let studio = TestStudio::idle().await;
    let runbooks = &studio.services.runbooks;
    let dev = developer();
    let made = runbook(&studio, echo()).await;
    let mut mine = made.to_draft();
    mine.blocks[0].confirm = true;
    runbooks.update(&dev, made.id, draft("Theirs", echo()), Some(1)).await.expect("version 2");

    let diff = runbooks.compare_draft(&dev, made.id, mine.clone(), 1).await.expect("compared");
    assert_eq!((diff.to.version, diff.summary.to_string().as_str()), (None, "1 block changed"));
    assert_eq!((diff.blocks[0].fields[0].name.as_str(), diff.blocks[0].fields[0].change), ("confirm", Change::Added));
    // The other's blocks have other ids: one is gone, one is new.
    let diff = runbooks.compare_draft(&dev, made.id, mine.clone(), 2).await.expect("compared");
    assert_eq!((diff.summary.added, diff.summary.removed, diff.summary.heading), (1, 1, true));

    mine.title = String::new();
    let refused = runbooks.compare_draft(&dev, made.id, mine, 1).await;
    assert!(matches!(refused, Err(ServiceError::Invalid(_))), "{refused:?}");
}

#[tokio::test]
async fn large_versions_are_compared_soon() {
    let studio = TestStudio::idle().await;
    let runbooks = &studio.services.runbooks;
    let dev = developer();
    let text = |seed: usize| (0..20_000).map(|line| format!("{}\n", (line * 7919 + seed * 31) % 10_007)).collect::<String>();
    let blocks = |seed: usize| -> serde_json::Value {
        (0..4).map(|at| json!({ "type": "command", "config": { "command": text(seed + at) } })).collect::<Vec<_>>().into()
    };
    let made = runbook(&studio, blocks(1)).await;
    let mut other = made.to_draft();
    for (block, new) in other.blocks.iter_mut().zip(draft("Other", blocks(90)).blocks) {
        block.kind = new.kind;
    }
    let began = std::time::Instant::now();
    let diff = runbooks.compare_draft(&dev, made.id, other, 1).await.expect("compared");
    assert_eq!(diff.summary.changed, 4);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_run_is_compared_with_the_last_good_one_before_it() {
    let studio = TestStudio::new().await;
    let (dev, viewer) = (developer(), somebody("vic", Role::Viewer));
    let runs = &studio.services.runs;
    let blocks = json!([{ "name": "say", "type": "command", "config": { "command": "echo hello {{ params.who }}; test {{ params.who }} != eve" } }]);
    let asking = RunbookDraft::parse(&json!({ "title": "Greet", "blocks": blocks,
        "parameters": [{ "name": "who", "type": "string", "required": true }] }))
    .expect("a draft");
    let made = studio.services.runbooks.create(&dev, asking).await.expect("a runbook");
    let greet = async |who: &str| {
        let parameters = json!({ "who": who }).as_object().cloned().unwrap_or_default();
        let run = runs.start(&dev, made.id, StartRun { parameters, ..StartRun::default() }).await.expect("a run");
        let events = runs.watch(&dev, run.id, 0).await.expect("watched");
        tokio::time::timeout(Duration::from_secs(60), events.collect::<Vec<_>>()).await.expect("an end");
        run
    };
    let first = greet("ann").await;
    let nothing_before = runs.compare(&viewer, first.id, None).await;
    assert!(matches!(nothing_before, Err(ServiceError::NotFound { .. })), "{nothing_before:?}");
    let failed = greet("eve").await;
    let again = greet("eve").await;

    let diff = runs.compare(&viewer, again.id, None).await.expect("compared");
    assert_eq!((diff.old.id, diff.new.id, diff.first_difference()), (first.id, again.id, Some(0)));
    assert_eq!((diff.parameters[0].name.as_str(), diff.parameters[0].change), ("who", Change::Changed));
    let step = &diff.steps[0];
    let code = |side: &Option<domain::diff::StepSide>| side.as_ref().and_then(|side| side.exit_code);
    assert_eq!((code(&step.old), code(&step.new), step.output.len(), step.what.len()), (Some(0), Some(1), 1, 1));

    let named = runs.compare(&viewer, first.id, Some(failed.id)).await.expect("compared");
    assert_eq!((named.old.id, named.new.id), (first.id, failed.id), "the earlier one is on the left");
    let same = runs.compare(&viewer, again.id, Some(failed.id)).await.expect("compared");
    assert_eq!((same.first_difference(), same.parameters.len(), same.steps[0].output.len()), (None, 0, 0));
    let other = runbook(&studio, echo()).await;
    let other = runs.start(&dev, other.id, StartRun::default()).await.expect("a run");
    assert!(matches!(runs.compare(&viewer, other.id, Some(first.id)).await, Err(ServiceError::Conflict { .. })));
}
