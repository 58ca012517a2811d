//! How fast the audit trail is written. Run by `cargo test -p store --test it audit_speed -- --ignored --nocapture`.

use std::time::Instant;

use domain::AuditAction;
use store::Store;

use crate::world::{at, audit, disk, run, runbook, step};

const APPENDS: usize = 1_000;
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn a_thousand_entries_one_after_the_other_and_eight_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = disk(&folder).await;
    let began = Instant::now();
    for _ in 0..APPENDS {
        store.append_audit(&audit(AuditAction::SignIn)).await.unwrap();
    }
    println!("{APPENDS} entries one after the other: {:?}", began.elapsed());

    let began = Instant::now();
    at_once(&store, |store| async move { store.append_audit(&audit(AuditAction::SignIn)).await.unwrap() }).await;
    println!("{APPENDS} entries, {AT_ONCE} at once: {:?}", began.elapsed());

    let book = runbook("Measured", 0);
    store.create_runbook(&book, &[], &audit(AuditAction::RunbookCreated)).await.unwrap();
    let began = Instant::now();
    at_once(&store, move |store| {
        let started = run(&book, at(0).timestamp_subsec_millis().into());
        async move {
            store.start_run(started, &[step(0, 1)], None, None, &audit(AuditAction::RunStarted)).await.unwrap();
        }
    })
    .await;
    println!("{APPENDS} runs started, {AT_ONCE} at once: {:?}", began.elapsed());
}

async fn at_once<F: Future<Output = ()> + Send>(store: &Store, act: impl Fn(Store) -> F + Clone + Send + Sync + 'static) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let (store, act) = (store.clone(), act.clone());
        tasks.spawn(async move {
            for _ in 0..APPENDS / AT_ONCE {
                act(store.clone()).await;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("a task");
    }
}
