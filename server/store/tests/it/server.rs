//! The same store against a real SurrealDB server, by `ws://`.

use std::time::{Duration, Instant};

use domain::AuditAction;

use crate::surreal_server::Server;
use crate::world::{account, audit, runbook};

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_start_at_once_find_one_schema_and_each_others_rows() {
    let server = Server::start();
    let (one, other) = tokio::join!(server.connect(), server.connect());
    let (one, other) = (one.expect("the first"), other.expect("the second"));

    let ann = account("ann");
    one.create_account(&ann, "hash", true, &audit(AuditAction::SignUp)).await.expect("an account");
    let found = other.account_by_name(&ann.username).await.expect("an answer").expect("ann");
    assert_eq!(found.0.id, ann.id);

    let written = runbook("Restart the queue", 1);
    one.create_runbook(&written, &[], &audit(AuditAction::RunbookCreated)).await.expect("a runbook");
    assert_eq!(other.runbook(written.id).await.expect("an answer").expect("the runbook").title, written.title);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_said_to_be_gone_and_found_again() {
    let mut server = Server::start();
    let store = server.connect().await.expect("a store");
    store.ping().await.expect("a sign of life");

    server.kill();
    let asked = Instant::now();
    let gone = store.ping().await.expect_err("nobody answers");
    assert!(gone.is_unavailable(), "{gone:?}");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());

    server.restart();
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = store.ping().await {
        assert!(Instant::now() < deadline, "never found again: {error:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_append_at_once_write_one_chain() {
    const EACH: u64 = 25;
    let server = Server::start();
    let (one, other) = tokio::join!(server.connect(), server.connect());
    let stores = [one.expect("the first"), other.expect("the second")];
    let mut writers = tokio::task::JoinSet::new();
    for store in stores.iter().cycle().take(8) {
        let store = store.clone();
        writers.spawn(async move {
            for _ in 0..EACH {
                store.append_audit(&audit(AuditAction::SignIn)).await.expect("an entry");
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.expect("a writer");
    }
    let verdict = stores[0].verify_audit(None).await.expect("a verdict");
    assert_eq!((verdict.rows, verdict.broken), (8 * EACH, None));
}
