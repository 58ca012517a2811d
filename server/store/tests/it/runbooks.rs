use std::collections::HashSet;

use domain::{AccountId, AuditAction, Runbook};

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
    assert!(store.delete_runbook(first.id, at(9), &entry).await.unwrap());
    assert!(!store.delete_runbook(first.id, at(9), &entry).await.unwrap());
    assert_eq!(store.runbook(first.id).await.unwrap(), None);
    assert_eq!(store.runbook_version(first.id, 1).await.unwrap(), Some(first.clone()));
    assert!(store.runbook_versions(first.id).await.unwrap().is_empty());
    assert!(store.runbooks_using(&["db".into()]).await.unwrap().is_empty());
    assert!(store.list_runbooks("", 10).await.unwrap().items.is_empty());
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
    let (mut seen, mut last, mut after) = (HashSet::new(), at(1000), String::new());
    loop {
        let page = store.list_runbooks(&after, 40).await.unwrap();
        for item in page.items {
            assert!(item.updated_at <= last);
            last = item.updated_at;
            assert!(seen.insert(item.id));
        }
        let Some(next) = page.next else { break };
        after = next;
    }
    assert_eq!(seen.len(), 250);
}

#[tokio::test]
async fn who_knows_all_up_to_a_change_reads_only_what_changed_since() {
    let store = memory().await;
    let entry = audit(AuditAction::RunbookCreated);
    let (one, two) = (runbook("One", 1), runbook("Two", 2));
    for book in [&one, &two] {
        store.create_runbook(book, &[], &entry).await.unwrap();
    }
    let all = store.runbooks_changed_after(0).await.unwrap();
    let known = all.iter().map(|book| book.changed).max().unwrap();
    assert_eq!((all.len(), store.runbooks_changed_after(known).await.unwrap()), (2, vec![]));

    let next = Runbook { version: 2, title: "Uno".to_owned(), ..one.clone() };
    assert!(store.update_runbook(&next, 1, &[], &entry).await.unwrap());
    let changed = store.runbooks_changed_after(known).await.unwrap();
    assert_eq!(changed.iter().map(|book| (book.id, book.title.as_str())).collect::<Vec<_>>(), [(one.id, "Uno")]);

    let known = changed[0].changed;
    assert!(store.delete_runbook(two.id, at(9), &entry).await.unwrap());
    let gone = store.runbooks_changed_after(known).await.unwrap();
    assert_eq!(gone.iter().map(|book| (book.id, book.sort.as_str())).collect::<Vec<_>>(), [(two.id, "")]);
    let shown = store.runbook_summaries(&[two.id, one.id]).await.unwrap();
    assert_eq!(shown.iter().map(|book| (book.id, book.version)).collect::<Vec<_>>(), [(one.id, 2)]);
}

#[tokio::test]
async fn a_favourite_belongs_to_one_account_and_goes_with_its_runbook() {
    let store = memory().await;
    let entry = audit(AuditAction::FavouriteAdded);
    let (ann, bob) = (AccountId::new(), AccountId::new());
    let book = runbook("One", 1);
    store.create_runbook(&book, &[], &entry).await.unwrap();
    assert!(store.add_favourite(ann, book.id, &entry).await.unwrap());
    assert!(!store.add_favourite(ann, book.id, &entry).await.unwrap(), "it is one already");
    assert_eq!(store.favourites(ann).await.unwrap(), [book.id]);
    assert!(store.favourites(bob).await.unwrap().is_empty());
    assert!(!store.remove_favourite(bob, book.id, &entry).await.unwrap());
    assert!(store.remove_favourite(ann, book.id, &entry).await.unwrap());
    assert!(store.add_favourite(ann, book.id, &entry).await.unwrap());
    assert!(store.delete_runbook(book.id, at(9), &entry).await.unwrap());
    assert!(store.favourites(ann).await.unwrap().is_empty());
}
