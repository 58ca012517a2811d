use std::collections::HashSet;

use domain::{AuditAction, Chunk, Run, RunId, RunMode, RunState, Step, Stream};
use store::{ControlChange, Idempotency, Progress, RunFilter, Saved, Started, Store};

use crate::world::{at, audit, disk, memory, run, runbook, step};

#[tokio::test]
async fn eight_workers_claim_each_of_fifty_runs_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = disk(&dir).await;
    let entry = audit(AuditAction::RunStarted);
    let book = runbook("Book", 0);
    store.create_runbook(&book, &[], &entry).await.unwrap();
    for n in 0..50 {
        let started = start(&store, run(&book, n), &[step(0, 1)], None).await;
        assert_eq!(started.number, u64::try_from(n).unwrap() + 1);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claims = store.claim_runs(&format!("w{n}"), at(100), at(115), 10, &[]).await.unwrap();
                if claims.is_empty() {
                    return mine;
                }
                mine.extend(claims);
            }
        });
    }
    let claims: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert!(claims.iter().all(|claim| claim.run.state == RunState::Running && !claim.taken_over && claim.lease.fence == 1));
    let ids: HashSet<RunId> = claims.iter().map(|claim| claim.run.id).collect();
    assert_eq!((claims.len(), ids.len()), (50, 50));
    assert_eq!(store.runbook(book.id).await.unwrap().unwrap().last_run.unwrap().state, RunState::Running);
    let again = store.claim_runs("late", at(116), at(130), 100, &[]).await.unwrap();
    assert!(again.len() == 50 && again.iter().all(|claim| claim.taken_over && claim.lease.fence == 2));
    let page = store.list_runs(&RunFilter { runbook: Some(book.id), limit: 20, ..RunFilter::default() }).await.unwrap();
    assert_eq!((page.items.len(), page.items[0].number, page.items[19].number), (20, 50, 31));
    let rest = RunFilter { runbook: Some(book.id), limit: 40, cursor: page.next, ..RunFilter::default() };
    assert_eq!(store.list_runs(&rest).await.unwrap().items.len(), 30);
    let some = RunFilter { since: Some(at(10)), until: Some(at(20)), limit: 90, ..RunFilter::default() };
    assert_eq!(store.list_runs(&some).await.unwrap().items.len(), 10);
}

#[tokio::test]
async fn runs_that_are_started_at_once_get_numbers_without_gaps_whoever_goes_away() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = disk(&dir).await;
    let books = [runbook("One", 0), runbook("Two", 1)];
    for book in &books {
        store.create_runbook(book, &[], &audit(AuditAction::RunbookCreated)).await.unwrap();
    }
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..150 {
        let (store, run) = (store.clone(), run(&books[n % 2], i64::try_from(n).unwrap()));
        let asked = async move { start(&store, run, &[step(0, 1), step(1, 1)], None).await };
        if n % 10 == 9 {
            tasks.spawn(async { tokio::time::timeout(std::time::Duration::from_millis(1), asked).await.ok() });
        } else {
            tasks.spawn(async { Some(asked.await) });
        }
    }
    let mut told: Vec<Run> = tasks.join_all().await.into_iter().flatten().collect();
    // Whoever comes after those that went away finds that all is written.
    told.push(start(&store, run(&books[0], 200), &[], None).await);
    let mut numbers = Vec::new();
    for book in &books {
        let of_book = RunFilter { runbook: Some(book.id), limit: 200, ..RunFilter::default() };
        let stored = store.list_runs(&of_book).await.unwrap().items;
        assert_eq!(store.runbook(book.id).await.unwrap().unwrap().last_run.is_some(), !stored.is_empty());
        numbers.extend(stored.iter().map(|run| run.number));
        for run in told.iter().filter(|run| run.runbook_id == book.id) {
            assert!(stored.contains(run), "{run:?}");
        }
    }
    numbers.sort_unstable();
    assert!(told.len() > 130 && numbers.len() >= told.len());
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn progress_is_refused_after_a_control_and_after_the_lease() {
    let store = memory().await;
    let entry = audit(AuditAction::RunStarted);
    let book = runbook("Book", 0);
    store.create_runbook(&book, &[], &entry).await.unwrap();
    let steps = [step(0, 1), step(1, 1)];
    let started = start(&store, run(&book, 0), &steps, Some(b"sealed")).await;
    assert_eq!(store.sealed_parameters(started.id).await.unwrap().as_deref(), Some(&b"sealed"[..]));
    assert_eq!(store.steps(started.id).await.unwrap(), steps);
    let claim = store.claim_runs("w", at(1), at(15), 9, &[]).await.unwrap().remove(0);
    let mut run = claim.run;
    run.started_at = Some(at(2));
    run.event = 5;
    let again = step(0, 2);
    let running = [RunState::Running];
    let progress = Progress { run: &run, expect: &running, mode: None, steps: std::slice::from_ref(&again), release: false };
    assert_eq!(store.save_progress(&claim.lease, &progress).await.unwrap(), Saved::Written);
    assert_eq!(store.run(run.id).await.unwrap(), Some(run.clone()));
    assert_eq!(store.steps(run.id).await.unwrap(), [steps[0].clone(), again.clone(), steps[1].clone()]);
    let asking = ControlChange { mode: Some(RunMode::Guided), ..ControlChange::default() };
    assert!(store.control_run(run.id, RunState::Running, RunState::Running, &asking, &entry).await.unwrap());
    let by_itself = Progress { mode: Some(RunMode::Auto), ..progress };
    let moved = Saved::Moved(RunState::Running, RunMode::Guided);
    assert_eq!(store.save_progress(&claim.lease, &by_itself).await.unwrap(), moved);
    let guided = Run { mode: RunMode::Guided, ..run.clone() };
    let progress = Progress { run: &guided, mode: Some(RunMode::Guided), ..progress };
    let change = ControlChange::default();
    let (from, to) = (RunState::Running, RunState::Pausing);
    assert!(store.control_run(run.id, from, to, &change, &entry).await.unwrap());
    assert!(!store.control_run(run.id, from, to, &change, &entry).await.unwrap());
    assert_eq!(store.save_progress(&claim.lease, &progress).await.unwrap(), Saved::Moved(RunState::Pausing, RunMode::Guided));
    assert_eq!(store.owned_states("w").await.unwrap(), [(run.id, RunState::Pausing, RunMode::Guided)]);
    let stale = store::Lease { fence: 9, ..claim.lease.clone() };
    assert!(store.renew_leases(&[&stale], at(99)).await.unwrap().is_empty());
    assert_eq!(store.renew_leases(&[&claim.lease], at(30)).await.unwrap(), [run.id]);
    assert!(store.claim_runs("v", at(29), at(60), 9, &[]).await.unwrap().is_empty());
    run.state = RunState::Paused;
    let hold = Progress { run: &run, expect: &[RunState::Pausing], mode: None, steps: &[], release: true };
    assert_eq!(store.save_progress(&claim.lease, &hold).await.unwrap(), Saved::Written);
    assert_eq!(store.save_progress(&claim.lease, &hold).await.unwrap(), Saved::Lost);
    assert!(store.claim_runs("v", at(99), at(120), 9, &[]).await.unwrap().is_empty());
    let stale = ControlChange { event: Some((4, 6)), wake: true, ..ControlChange::default() };
    assert!(!store.control_run(run.id, RunState::Paused, RunState::Running, &stale, &entry).await.unwrap(), "it moved since");
    let wake = ControlChange { event: Some((5, 6)), ..stale };
    assert!(store.control_run(run.id, RunState::Paused, RunState::Running, &wake, &entry).await.unwrap());
    let next = store.claim_runs("v", at(99), at(120), 9, &[]).await.unwrap().remove(0);
    assert!(!next.taken_over && next.run.event == 6 && next.lease.fence == 2);
    assert!(!store.hand_back(&claim.lease, at(100)).await.unwrap() && store.hand_back(&next.lease, at(100)).await.unwrap());
    assert_eq!(store.claim_runs("u", at(101), at(120), 9, &[]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_worker_does_not_take_what_it_holds_itself_and_renews_many_leases_at_once() {
    let store = memory().await;
    let book = runbook("Book", 0);
    store.create_runbook(&book, &[], &audit(AuditAction::RunbookCreated)).await.unwrap();
    for n in 0..300 {
        start(&store, run(&book, n), &[], None).await;
    }
    let claims = store.claim_runs("w", at(400), at(415), 400, &[]).await.unwrap();
    let held: Vec<RunId> = claims.iter().map(|claim| claim.run.id).collect();
    assert_eq!(held.len(), 300);
    // All leases are over, for the clock went on while the worker did not; nobody else came.
    assert!(store.claim_runs("w", at(500), at(515), 400, &held).await.unwrap().is_empty());
    let taken = store.claim_these("v", at(500), at(515), &held[..1], &held).await.unwrap();
    assert_eq!((taken.len(), taken[0].lease.fence), (1, 2), "another worker's own list protects nothing of ours");
    let leases: Vec<_> = claims.iter().map(|claim| &claim.lease).collect();
    let mut renewed = store.renew_leases(&leases, at(530)).await.unwrap();
    renewed.sort_unstable();
    let mut kept = held[1..].to_vec();
    kept.sort_unstable();
    assert_eq!(renewed, kept);
    assert!(store.claim_runs("v", at(514), at(540), 400, &[]).await.unwrap().is_empty());
    // Who has it under its name but not in hand, as after an answer that was lost, takes it like any other.
    assert_eq!(store.claim_these("w", at(531), at(540), &held, &held[2..]).await.unwrap().len(), 2);
    assert_eq!(store.claim_runs("u", at(532), at(540), 400, &[]).await.unwrap().len(), 298);
}

#[tokio::test]
async fn output_comes_back_in_order_and_by_its_tail() {
    let store = memory().await;
    let entry = audit(AuditAction::RunStarted);
    let book = runbook("Book", 0);
    store.create_runbook(&book, &[], &entry).await.unwrap();
    let run = start(&store, run(&book, 0), &[], None).await;
    let lease = store.claim_runs("w", at(1), at(15), 9, &[]).await.unwrap().remove(0).lease;
    let chunk = |seq| Chunk { ordinal: 0, attempt: 1, seq, stream: Stream::Stdout, text: format!("{seq:04}") };
    let chunks: Vec<Chunk> = (1..=300).map(chunk).collect();
    assert!(store.append_output(&lease, &chunks).await.unwrap());
    assert!(store.append_output(&lease, &chunks[..3]).await.unwrap(), "once more changes nothing");
    assert_eq!(store.output(run.id, 0, 1, 0, 1000).await.unwrap(), chunks);
    assert_eq!(store.output(run.id, 0, 1, 10, 5).await.unwrap(), chunks[10..15]);
    assert_eq!(store.output_tail(run.id, 0, 1, 300, 400).await.unwrap(), chunks[200..]);
    assert_eq!(store.output_tail(run.id, 0, 1, 300, 1).await.unwrap(), chunks[299..]);
    assert!(store.output(run.id, 0, 2, 0, 9).await.unwrap().is_empty());
    let stale = store::Lease { fence: 9, ..lease };
    assert!(!store.append_output(&stale, &chunks).await.unwrap());
}

#[tokio::test]
async fn a_repeated_request_starts_one_run_whoever_asks_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = disk(&dir).await;
    let book = runbook("Book", 0);
    store.create_runbook(&book, &[], &audit(AuditAction::RunbookCreated)).await.unwrap();
    let first = run(&book, 0);
    let (account, other) = (first.started_by_id, run(&book, 0).started_by_id);
    let request = |key: &str, request: &str| Idempotency { key: key.into(), request: request.into() };
    let ask = async |account, once: Idempotency| {
        let asked = Run { started_by_id: account, ..run(&book, 0) };
        store.start_run(asked, &[step(0, 1)], None, Some(&once), &audit(AuditAction::RunStarted)).await.unwrap()
    };

    let (one, two, three) =
        tokio::join!(ask(account, request("k", "r")), ask(account, request("k", "r")), ask(account, request("k", "r")));
    let id = |started: &Started| match started {
        Started::New(run) | Started::Before(run) => run.id,
        Started::OtherRequest => panic!("it is the same request"),
    };
    assert_eq!([id(&two), id(&three)], [id(&one); 2]);
    let new = [&one, &two, &three].into_iter().filter(|started| matches!(started, Started::New(_))).count();
    assert_eq!((new, store.list_runs(&RunFilter { limit: 9, ..RunFilter::default() }).await.unwrap().items.len()), (1, 1));

    assert_eq!(ask(account, request("k", "another")).await, Started::OtherRequest);
    assert!(matches!(ask(account, request("l", "r")).await, Started::New(_)), "another key");
    assert!(matches!(ask(other, request("k", "r")).await, Started::New(_)), "somebody else's key");
}

async fn start(store: &Store, run: Run, steps: &[Step], sealed: Option<&[u8]>) -> Run {
    match store.start_run(run, steps, sealed, None, &audit(AuditAction::RunStarted)).await.expect("an answer") {
        Started::New(run) => run,
        other => panic!("{other:?}"),
    }
}
