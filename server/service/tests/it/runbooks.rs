use domain::{AuditAction, Problem, Role, RunbookId};
use serde_json::json;
use service::{RunbookFilter, ServiceError};

use crate::world::{TestStudio, developer, draft, echo, runbook, somebody};

#[tokio::test]
async fn a_viewer_reads_and_changes_nothing() {
    let studio = TestStudio::idle().await;
    let runbooks = &studio.services.runbooks;
    let made = runbook(&studio, echo()).await;
    let viewer = somebody("vic", Role::Viewer);
    assert_eq!(runbooks.get(&viewer, made.id).await.expect("readable").id, made.id);
    assert_eq!(runbooks.list(&viewer, RunbookFilter::default()).await.expect("readable").items.len(), 1);
    assert_eq!(runbooks.versions(&viewer, made.id).await.expect("readable").len(), 1);

    let refusals = [
        runbooks.create(&viewer, draft("New", echo())).await.err(),
        runbooks.update(&viewer, made.id, draft("New", echo()), None).await.err(),
        runbooks.delete(&viewer, made.id).await.err(),
        runbooks.roll_back(&viewer, made.id, 1).await.err(),
        runbooks.duplicate(&viewer, made.id).await.err(),
        runbooks.import(&viewer, "# New", None).await.err(),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, Some(ServiceError::Forbidden { .. })), "{refusal:?}");
    }
}

#[tokio::test]
async fn a_rollback_is_a_new_version_with_the_old_content() {
    let studio = TestStudio::idle().await;
    let runbooks = &studio.services.runbooks;
    let dev = developer();
    let first = runbook(&studio, echo()).await;
    runbooks.update(&dev, first.id, draft("Renamed", json!([])), Some(1)).await.expect("version 2");
    let third = runbooks.roll_back(&dev, first.id, 1).await.expect("version 3");
    assert_eq!((third.version, third.title.as_str()), (3, "Restart"));
    assert_eq!(third.message.as_deref(), Some("Restores version 1"));
    assert_eq!(third.blocks, first.blocks);
    let versions: Vec<_> = runbooks.versions(&dev, first.id).await.expect("versions").iter().map(|v| v.version).collect();
    assert_eq!(versions, [3, 2, 1]);
    assert!(matches!(runbooks.roll_back(&dev, first.id, 9).await, Err(ServiceError::NotFound { .. })));
    let trail = studio.store.audit_entries(1).await.expect("the trail");
    assert_eq!(trail[0].action, AuditAction::RunbookRolledBack);
    assert_eq!(trail[0].detail["restores"], 1);
}

#[tokio::test]
async fn an_update_of_an_older_version_is_told_the_current_one() {
    let studio = TestStudio::idle().await;
    let runbooks = &studio.services.runbooks;
    let dev = developer();
    let made = runbook(&studio, echo()).await;
    runbooks.update(&dev, made.id, draft("Second", echo()), Some(1)).await.expect("version 2");
    let moved = runbooks.update(&dev, made.id, draft("Lost", echo()), Some(1)).await.expect_err("an old version");
    let problem = Problem::from(moved);
    assert_eq!((problem.status, problem.current_version), (412, Some(2)));
    assert_eq!(runbooks.get(&dev, made.id).await.expect("still there").title, "Second");
}

#[tokio::test]
async fn what_is_deleted_is_gone_and_its_versions_stay_readable() {
    let studio = TestStudio::idle().await;
    let runbooks = &studio.services.runbooks;
    let dev = developer();
    let made = runbook(&studio, echo()).await;
    runbooks.delete(&dev, made.id).await.expect("deleted");
    assert!(matches!(runbooks.delete(&dev, made.id).await, Err(ServiceError::NotFound { .. })));
    assert!(matches!(runbooks.get(&dev, made.id).await, Err(ServiceError::NotFound { .. })));
    assert!(matches!(runbooks.get(&dev, RunbookId::new()).await, Err(ServiceError::NotFound { .. })));
    assert_eq!(runbooks.version(&dev, made.id, 1).await.expect("readable").title, "Restart");
}

#[tokio::test]
async fn a_copy_is_another_runbook_with_other_blocks() {
    let studio = TestStudio::idle().await;
    let made = runbook(&studio, echo()).await;
    let copy = studio.services.runbooks.duplicate(&developer(), made.id).await.expect("a copy");
    assert_eq!((copy.title.as_str(), copy.version), ("Restart (copy)", 1));
    assert_ne!(copy.blocks[0].id, made.blocks[0].id);
    assert_eq!(copy.blocks[0].kind, made.blocks[0].kind);
}

#[tokio::test]
async fn a_document_without_a_title_is_called_like_its_file() {
    let studio = TestStudio::idle().await;
    let source = "Look first.\n\n```sh\nuptime\n```\n";
    let made = studio.services.runbooks.import(&developer(), source, Some("restart-the_api.md")).await.expect("imported");
    assert_eq!(made.title, "restart the api");
    assert_eq!(made.blocks.len(), 2);
}

#[tokio::test]
async fn the_sample_comes_once() {
    let studio = TestStudio::idle().await;
    let runbooks = &studio.services.runbooks;
    let dev = developer();
    runbooks.ensure_sample().await.expect("a sample");
    runbooks.ensure_sample().await.expect("no second");
    let page = runbooks.list(&dev, RunbookFilter::default()).await.expect("a list");
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].updated_by, "system");
    runbooks.delete(&dev, page.items[0].id).await.expect("deleted");
    runbooks.ensure_sample().await.expect("not again");
    assert_eq!(runbooks.count(&dev).await.expect("a count"), 0);
}
