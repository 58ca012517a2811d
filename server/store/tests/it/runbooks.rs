use std::collections::HashSet;

use domain::{AuditAction, Runbook};
use store::{RunbookFilter, Store};

use crate::world::{at, audit, disk, memory, runbook};

#[tokio::test]
async fn of_eight_updates_of_one_version_one_wins() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = disk(&dir).await;
    let entry = audit(AuditAction::RunbookUpdated);
    let first = runbook("Restart", 0);
    store.create_runbook(&first, &["db".to_owned()], &entry).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let (store, entry) = (store.clone(), entry.clone());
        let next = Runbook { version: 2, title: format!("Restart {n}"), ..first.clone() };
        tasks.spawn(async move { store.update_runbook(&next, 1, &["db".to_owned()], &entry).await.unwrap() });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|won| *won).count(), 1);
    let versions = store.runbook_versions(first.id).await.unwrap();
    assert_eq!(versions.iter().map(|version| version.version).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(versions[1], first);
    assert_eq!(store.runbook(first.id).await.unwrap().as_ref(), Some(&versions[0]));
    assert_eq!(store.runbooks_using(&["x".into(), "db".into()]).await.unwrap(), [(first.id, versions[0].title.clone())]);
    assert_eq!(store.tags().await.unwrap(), [("db".to_owned(), 1)]);
    assert!(store.delete_runbook(first.id, at(9), &entry).await.unwrap());
    assert!(!store.delete_runbook(first.id, at(9), &entry).await.unwrap());
    assert_eq!(store.runbook(first.id).await.unwrap(), None);
    assert_eq!(store.runbook_version(first.id, 1).await.unwrap(), Some(first.clone()));
    assert!(store.runbook_versions(first.id).await.unwrap().is_empty());
    assert!(store.runbooks_using(&["db".into()]).await.unwrap().is_empty());
    assert_eq!(store.runbook_count().await.unwrap(), 0);
    // What was written survives the process.
    drop(store);
    let store = disk(&dir).await;
    assert_eq!(store.runbook_version(first.id, 1).await.unwrap(), Some(first));
}

#[tokio::test]
async fn pages_visit_each_of_250_runbooks_once() {
    let store = memory().await;
    let entry = audit(AuditAction::RunbookCreated);
    for n in 0..250 {
        store.create_runbook(&runbook(&format!("Book {n}"), n / 3), &[], &entry).await.unwrap();
    }
    assert_eq!(store.runbook_count().await.unwrap(), 250);
    let mut filter = RunbookFilter { limit: 40, ..RunbookFilter::default() };
    let (mut seen, mut last) = (HashSet::new(), at(1000));
    loop {
        let page = store.list_runbooks(&filter).await.unwrap();
        for item in page.items {
            assert!(item.updated_at <= last);
            last = item.updated_at;
            assert!(seen.insert(item.id));
        }
        filter.cursor = page.next;
        if filter.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 250);
    let found = |q: &str, tag: &str| {
        let store: Store = store.clone();
        let filter = RunbookFilter { q: Some(q.into()), tag: Some(tag.into()), limit: 100, cursor: None };
        async move { store.list_runbooks(&filter).await.unwrap().items.len() }
    };
    assert_eq!((found("BOOK 24", "db").await, found("book", "web").await), (11, 0));
}
