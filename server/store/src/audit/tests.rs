//! What was done to the chain behind the product's back is found and named.

use domain::audit::BreakKind;
use domain::{AuditAction, AuditEntry, AuditHead, AuditVerdict, Timestamp};
use serde_json::json;

use super::chain::{LAST, Row, hash};
use super::{AuditFilter, Pruned};
use crate::Store;
use crate::query::{Variables, variables};

fn at(second: i64) -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000 + second, 123_456_789).expect("a time")
}

fn entry(number: i64) -> AuditEntry {
    AuditEntry {
        at: at(number * 60),
        actor: None,
        actor_name: if number % 2 == 0 { "ann" } else { "bob" }.into(),
        address: Some("192.0.2.1".into()),
        action: if number % 5 == 0 { AuditAction::RunStarted } else { AuditAction::SignIn },
        target: format!("thing:{}", number % 3),
        detail: json!({ "number": number, "odd": "“ ' \\ \u{1f} \n ü" }),
    }
}

/// A chain of this many rows.
async fn chain(rows: i64) -> Store {
    let store = Store::connect("mem://", None).await.expect("a store in memory");
    for number in 1..=rows {
        store.append_audit(&entry(number)).await.expect("a row");
    }
    store
}

async fn change(store: &Store, statements: &str) {
    store.transact("tamper with the trail", statements, Variables::new()).await.expect("a change");
}

async fn row(store: &Store, seq: u64) -> Row {
    store.audit_range(seq, seq).await.expect("an answer").pop().expect("a row")
}

/// Writes a row as an attacker would who knows how it is done.
async fn put(store: &Store, row: &Row) {
    let mut content = row.to_json();
    content.as_object_mut().expect("an object").shift_remove("id");
    let variables = variables! { seq: row.seq, content: content };
    store.transact("tamper", "UPSERT type::record('audit_entry', $seq) CONTENT $content;", variables).await.expect("a row");
}

async fn verdict(store: &Store) -> AuditVerdict {
    store.verify_audit(None).await.expect("a verdict")
}

async fn found(store: &Store, kept: Option<&AuditHead>) -> (u64, BreakKind) {
    let verdict = store.verify_audit(kept).await.expect("a verdict");
    let broken = verdict.broken.unwrap_or_else(|| panic!("nothing was found in {} rows", verdict.rows));
    assert!(!broken.detail.is_empty());
    (broken.seq, broken.kind)
}

#[tokio::test]
async fn each_row_carries_the_hash_of_the_one_before_it() {
    let store = chain(3).await;
    let rows = store.audit_range(1, 3).await.unwrap();
    assert_eq!(rows[0].prev, AuditHead::GENESIS);
    for pair in rows.windows(2) {
        assert_eq!(pair[1].prev, pair[0].hash);
    }
    assert!(rows.iter().all(|row| row.hash == hash(&row.prev, row.seq, &row.doc)));
    assert_eq!(rows[2], Row::new(rows[1].hash.clone(), 3, &entry(3)).unwrap(), "the database and we compute the same");
    assert_eq!(store.audit_head().await.unwrap(), AuditHead { seq: 3, hash: rows[2].hash.clone() });
    let verdict = verdict(&store).await;
    assert_eq!((verdict.rows, verdict.first, verdict.broken), (3, 1, None));
}

#[tokio::test]
async fn an_empty_trail_holds() {
    let verdict = verdict(&chain(0).await).await;
    assert_eq!((verdict.rows, verdict.broken), (0, None));
}

#[tokio::test]
async fn an_edited_row_is_found() {
    for edit in [
        "doc = string::replace(doc, '192.0.2.1', '192.0.2.2')",
        "doc = ''",
        "hash = string::replace(hash, string::slice(hash, 0, 1), 'z')",
        "prev = ''",
        "by_actor = string::replace(by_actor, 'bob', 'eve')",
        "by_action = ''",
        "by_target = string::replace(by_target, 'thing', 'other')",
    ] {
        let store = chain(9).await;
        change(&store, &format!("UPDATE audit_entry:5 SET {edit};")).await;
        assert_eq!(found(&store, None).await, (5, BreakKind::Edited), "{edit}");
    }
}

#[tokio::test]
async fn an_edited_row_is_found_also_when_its_hash_was_made_to_fit() {
    for seq in [1, 5, 9] {
        let store = chain(9).await;
        let old = row(&store, seq).await;
        put(&store, &Row::new(old.prev, seq, &AuditEntry { actor_name: "eve".into(), ..entry(7) }).unwrap()).await;
        assert_eq!(found(&store, None).await, (seq, BreakKind::Edited));
    }
}

#[tokio::test]
async fn deleted_rows_are_found() {
    for (gone, first) in [("5", 5), ("4..=6", 4), ("1", 1), ("1..=3", 1)] {
        let store = chain(9).await;
        change(&store, &format!("DELETE audit_entry:{gone};")).await;
        assert_eq!(found(&store, None).await, (first, BreakKind::Deleted), "{gone}");
    }
    let store = chain(9).await;
    change(&store, "DELETE audit_entry:1..=3; UPDATE audit_head:one SET first = 4;").await;
    assert_eq!(found(&store, None).await, (1, BreakKind::Deleted), "no checkpoint accounts for them");
}

#[tokio::test]
async fn an_inserted_row_is_found() {
    // Between two rows, those after it pushed on by one; with a hash that fits, and with none.
    for forged in [true, false] {
        let store = chain(9).await;
        let fifth = row(&store, 5).await;
        for seq in (5..=9).rev() {
            put(&store, &Row { seq: seq + 1, ..row(&store, seq).await }).await;
        }
        let mut added = Row::new(fifth.prev, 5, &AuditEntry { actor_name: "eve".into(), ..entry(7) }).unwrap();
        if !forged {
            added.hash = "0".repeat(64);
        }
        put(&store, &added).await;
        change(&store, "UPDATE audit_head:one SET seq = 10;").await;
        assert_eq!(found(&store, None).await, (5, BreakKind::Inserted), "{forged}");
    }
    // Behind the end, before the beginning, and under an id that is no number.
    for (id, seq) in [("10", 10), ("4711", 4711), ("0", 0), ("-3", 0), ("x", LAST)] {
        let store = chain(9).await;
        let columns = "prev = '', hash = '', by_actor = '', by_action = '', by_target = '', doc = '{}'";
        change(&store, &format!("CREATE audit_entry:{id} SET {columns};")).await;
        assert_eq!(found(&store, None).await, (seq, BreakKind::Inserted), "{id}");
    }
}

#[tokio::test]
async fn rows_in_another_order_are_found() {
    let store = chain(9).await;
    let (fourth, sixth) = (row(&store, 4).await, row(&store, 6).await);
    put(&store, &Row { seq: 6, ..fourth }).await;
    put(&store, &Row { seq: 4, ..sixth }).await;
    assert_eq!(found(&store, None).await, (4, BreakKind::Reordered));
}

#[tokio::test]
async fn a_tail_that_was_cut_off_is_found() {
    let store = chain(9).await;
    change(&store, "DELETE audit_entry:7..=9;").await;
    assert_eq!(found(&store, None).await, (7, BreakKind::Cut));

    // Who also turns the head back is found by a head that was kept elsewhere.
    let store = chain(9).await;
    let kept = store.audit_head().await.unwrap();
    let sixth = row(&store, 6).await;
    change(&store, &format!("DELETE audit_entry:7..=9; UPDATE audit_head:one SET seq = 6, hash = '{}';", sixth.hash)).await;
    assert_eq!(verdict(&store).await.broken, None);
    assert_eq!(found(&store, Some(&kept)).await, (7, BreakKind::Cut));
    for number in 7..=12 {
        store.append_audit(&entry(number + 100)).await.unwrap();
    }
    assert_eq!(found(&store, Some(&kept)).await, (9, BreakKind::Rewritten), "other rows were written behind the cut");
    let earlier = AuditHead { seq: 6, hash: sixth.hash };
    assert_eq!(store.verify_audit(Some(&earlier)).await.unwrap().broken, None);
}

#[tokio::test]
async fn a_head_that_was_taken_away_or_changed_is_found() {
    let store = chain(9).await;
    change(&store, "UPDATE audit_head:one SET hash = 'x';").await;
    assert_eq!(found(&store, None).await, (9, BreakKind::Edited));
    change(&store, "DELETE audit_head:one;").await;
    assert_eq!(found(&store, None).await, (0, BreakKind::Deleted));
}

#[tokio::test]
async fn what_was_pruned_is_accounted_for_by_its_checkpoint() {
    let store = chain(20).await;
    let kept = AuditHead { seq: 12, hash: row(&store, 12).await.hash };
    // The first seven rows are older than this; three at a time.
    let before = at(8 * 60);
    let mut batches = Vec::new();
    while let Some(pruned) = store.audit_to_prune(before, 3).await.unwrap() {
        let checkpoint =
            AuditEntry { action: AuditAction::AuditPruned, detail: pruned.detail(before), at: at(9_000), ..entry(1) };
        assert!(store.prune_audit(&pruned, &checkpoint).await.unwrap());
        assert!(!store.prune_audit(&pruned, &checkpoint).await.unwrap(), "once is enough");
        batches.push((pruned.first, pruned.last.seq));
    }
    assert_eq!(batches, [(1, 3), (4, 6), (7, 7)]);
    let verdict = store.verify_audit(Some(&kept)).await.unwrap();
    assert_eq!((verdict.rows, verdict.first, verdict.broken), (16, 8, None));
    assert_eq!(
        store.verify_audit(Some(&AuditHead { seq: 2, ..kept })).await.unwrap().broken,
        None,
        "of what is gone nothing can be said"
    );

    change(&store, "DELETE audit_entry:8; UPDATE audit_head:one SET first = 9;").await;
    assert_eq!(found(&store, None).await, (8, BreakKind::Deleted), "the checkpoint ends before it");
}

#[tokio::test]
async fn what_does_not_hold_is_not_pruned() {
    let store = chain(9).await;
    change(&store, "UPDATE audit_entry:3 SET doc = string::replace(doc, '192.0.2.1', '192.0.2.2');").await;
    let old = store.audit_to_prune(at(9_000), 100).await.unwrap();
    assert!(matches!(old, Some(Pruned { first: 1, last: AuditHead { seq: 2, .. } })), "{old:?}");
}

#[tokio::test]
async fn rows_are_found_by_who_what_to_what_and_when_page_by_page() {
    let store = chain(100).await;
    let numbers = async |filter: AuditFilter| {
        let (mut numbers, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = store.list_audit(&AuditFilter { limit: 7, cursor, ..filter.clone() }).await.unwrap();
            numbers.extend(page.items.iter().map(|record| record.entry.detail["number"].as_i64().unwrap()));
            pages += 1;
            assert!(page.items.len() <= 7 && pages < 100);
            cursor = page.next;
            if cursor.is_none() {
                return numbers;
            }
        }
    };
    let fit = |keep: &dyn Fn(i64) -> bool| (1..=100).rev().filter(|number| keep(*number)).collect::<Vec<i64>>();
    let any = AuditFilter::default();
    assert_eq!(numbers(any.clone()).await, fit(&|_| true));
    let ann = AuditFilter { actor: Some("ann".into()), ..any.clone() };
    assert_eq!(numbers(ann.clone()).await, fit(&|number| number % 2 == 0));
    let started = AuditFilter { action: Some(AuditAction::RunStarted), ..any.clone() };
    assert_eq!(numbers(started.clone()).await, fit(&|number| number % 5 == 0));
    let one = AuditFilter { target: Some("thing:1".into()), ..any.clone() };
    assert_eq!(numbers(one).await, fit(&|number| number % 3 == 1));
    let kind = AuditFilter { target: Some("thing".into()), ..any.clone() };
    assert_eq!(numbers(kind).await, fit(&|_| true));
    let between = AuditFilter { since: Some(at(20 * 60)), until: Some(at(40 * 60)), ..any };
    assert_eq!(numbers(between.clone()).await, fit(&|number| (20..40).contains(&number)));
    let all = AuditFilter { actor: ann.actor, action: started.action, target: Some("1".into()), ..between };
    assert_eq!(numbers(all).await, fit(&|number| (20..40).contains(&number) && number % 10 == 0 && number % 3 == 1));
    let nobody = AuditFilter { actor: Some("an".into()), ..AuditFilter::default() };
    assert_eq!(numbers(nobody).await, Vec::<i64>::new());
    let odd = AuditFilter { cursor: Some("nonsense".into()), ..AuditFilter::default() };
    assert_eq!(numbers(AuditFilter { cursor: None, ..odd.clone() }).await.len(), 100);
    assert_eq!(store.list_audit(&odd).await.unwrap().items, vec![]);
}

#[tokio::test]
async fn rows_of_an_earlier_release_are_chained_oldest_first() {
    let store = chain(0).await;
    // As the release before wrote them: the newest has the smallest key.
    for number in 1..=2_500 {
        let entry = entry(number);
        let id = json!([i64::MAX - entry.at.timestamp_micros(), i64::MAX - number, "0193"]);
        let variables = variables! { id: id, at: entry.at.timestamp_micros(), action: entry.action.as_str(),
        target: entry.target, doc: serde_json::to_string(&entry).unwrap() };
        let text = "CREATE type::record('audit', $id) SET at = $at, action = $action, target = $target, doc = $doc;";
        store.transact("write as before", text, variables).await.unwrap();
    }
    change(&store, "UPDATE audit_head:one SET moving = true;").await;
    store.move_old_audit().await.unwrap();
    assert_eq!(store.audit_entries(1).await.unwrap()[0], entry(2_500));
    assert_eq!(row(&store, 1).await.entry().unwrap(), entry(1));
    let verdict = verdict(&store).await;
    assert_eq!((verdict.rows, verdict.broken), (2_500, None));

    let late = "CREATE audit:[1, 1, 'x'] SET at = 1, action = 'x', target = 'x', doc = '{}';";
    change(&store, late).await;
    store.move_old_audit().await.unwrap();
    assert_eq!(store.audit_head().await.unwrap().seq, 2_500, "what appears there later is nobody's");
}

/// Run by `cargo test --release -p store --lib a_million -- --ignored --nocapture`; `ROWS` in the environment asks for fewer.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn a_million_rows_are_verified() {
    const BATCH: u64 = 2_000;
    let rows: u64 = std::env::var("ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("surrealkv://{}", folder.path().join("db").display());
    let store = Store::connect(&url, None).await.expect("a store on disk");
    let began = std::time::Instant::now();
    let (mut seq, mut hash) = (0, AuditHead::GENESIS.to_owned());
    while seq < rows {
        let mut batch = Vec::new();
        while seq < rows && batch.len() < usize::try_from(BATCH).expect("small") {
            let number = i64::try_from(seq).expect("small");
            let row = Row::new(hash, seq + 1, &entry(number)).expect("a row");
            (seq, hash) = (row.seq, row.hash.clone());
            batch.push(row.to_json());
        }
        let text = "INSERT INTO audit_entry $rows RETURN NONE; UPDATE audit_head:one SET seq = $seq, hash = $hash RETURN NONE;";
        let variables = variables! { rows: batch, seq: seq, hash: hash };
        store.transact("fill the trail", text, variables).await.expect("rows");
    }
    println!("{rows} rows written in {:?}", began.elapsed());
    for _ in 0..3 {
        let began = std::time::Instant::now();
        let verdict = verdict(&store).await;
        println!("{} rows verified in {:?}", verdict.rows, began.elapsed());
        assert_eq!((verdict.rows, verdict.broken), (rows, None));
    }
    for (what, filter) in [
        ("the newest", AuditFilter { limit: 50, ..AuditFilter::default() }),
        ("one target", AuditFilter { limit: 50, target: Some("thing:1".into()), ..AuditFilter::default() }),
        ("before a time", AuditFilter { limit: 50, until: Some(at(60 * 1_000)), ..AuditFilter::default() }),
    ] {
        let began = std::time::Instant::now();
        let page = store.list_audit(&filter).await.expect("a page");
        println!("a page of {what}: {} rows in {:?}", page.items.len(), began.elapsed());
    }
}
