use domain::{AuditAction, Problem, Role, RunbookId};
use serde_json::json;
use service::{RunbookFilter, ServiceError, StartRun};

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
async fn a_developer_makes_the_sample_in_one_call() {
    let studio = TestStudio::idle().await;
    let runbooks = &studio.services.runbooks;
    let dev = developer();
    let refused = runbooks.create_sample(&somebody("vera", Role::Viewer)).await;
    assert!(matches!(refused, Err(ServiceError::Forbidden { .. })));
    let made = runbooks.create_sample(&dev).await.expect("the sample");
    assert_eq!((made.version, made.updated_by.as_str()), (1, "dev"));
    let listed = runbooks.listing(&dev, RunbookFilter::default()).await.expect("a list");
    assert_eq!((listed.items.len(), listed.total), (1, 1));
}

#[tokio::test]
async fn lists_and_searches_know_at_once_what_anybody_wrote() {
    let studio = TestStudio::idle().await;
    let runbooks = &studio.services.runbooks;
    let dev = developer();
    let mut made = Vec::new();
    for title in ["Restart the queue", "Fail over the database", "Clear a full disk"] {
        made.push(runbooks.create(&dev, draft(title, echo())).await.expect("a runbook").id);
    }
    let filter = |q: &str| RunbookFilter { q: Some(q.to_owned()), ..RunbookFilter::default() };
    let found = runbooks.listing(&dev, filter("the DATA")).await.expect("a list");
    assert_eq!((found.matched, found.total, found.items[0].id), (1, 3, made[1]));
    assert_eq!(runbooks.list(&dev, filter("queue")).await.expect("a list").items[0].id, made[0]);
    let hits = runbooks.search(&dev, "re").await.expect("hits");
    assert_eq!(hits.first().map(|hit| hit.id), Some(made[0]), "a title that begins so comes first");

    runbooks.delete(&dev, made[0]).await.expect("deleted");
    let changed = draft("Fail back the database", echo());
    runbooks.update(&dev, made[1], changed, None).await.expect("changed");
    assert_eq!(runbooks.listing(&dev, filter("queue")).await.expect("a list").matched, 0);
    assert_eq!(runbooks.search(&dev, "fail back").await.expect("hits")[0].title, "Fail back the database");
}

#[tokio::test]
async fn a_favourite_is_ones_own_and_comes_first() {
    let studio = TestStudio::idle().await;
    let runbooks = &studio.services.runbooks;
    let (dev, vera) = (developer(), somebody("vera", Role::Viewer));
    let first = runbooks.create(&dev, draft("Restart a", echo())).await.expect("a runbook").id;
    runbooks.create(&dev, draft("Restart b", echo())).await.expect("a runbook");
    for _ in 0..2 {
        runbooks.set_favourite(&vera, first, true).await.expect("a favourite, also twice");
    }
    let hits = runbooks.search(&vera, "restart").await.expect("hits");
    assert_eq!((hits[0].id, hits[0].favourite, hits[1].favourite), (first, true, false));
    let filter = RunbookFilter { favourites: true, ..RunbookFilter::default() };
    assert_eq!(runbooks.listing(&vera, filter.clone()).await.expect("a list").matched, 1);
    assert_eq!(runbooks.listing(&dev, filter).await.expect("a list").matched, 0);
    let home = studio.services.home.overview(&vera).await.expect("home");
    assert_eq!(home.favourites.iter().map(|book| book.id).collect::<Vec<_>>(), [first]);
    runbooks.set_favourite(&vera, first, false).await.expect("none any more");
    assert!(studio.services.home.overview(&vera).await.expect("home").favourites.is_empty());
    let missing = runbooks.set_favourite(&vera, RunbookId::new(), true).await;
    assert!(matches!(missing, Err(ServiceError::NotFound { .. })));
}

#[tokio::test]
async fn home_tells_what_one_started_and_used_lately() {
    let studio = TestStudio::idle().await;
    let dev = developer();
    let made = runbook(&studio, echo()).await;
    let run = studio.services.runs.start(&dev, made.id, StartRun::default()).await.expect("a run");
    let home = studio.services.home.overview(&dev).await.expect("home");
    assert_eq!((home.going.len(), home.going[0].id, home.waiting.len(), home.runbooks), (1, run.id, 0, 1));
    assert_eq!(home.recent.iter().map(|book| book.id).collect::<Vec<_>>(), [made.id]);
    let other = studio.services.home.overview(&somebody("vera", Role::Viewer)).await.expect("home");
    assert!(other.recent.is_empty());
}
