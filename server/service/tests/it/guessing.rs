//! People who try passwords until one fits.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use domain::AuditAction;
use secrecy::SecretString;
use service::ServiceError;

use crate::world::{TestStudio, sign_up};

/// How a thousand tries at once end: passwords that were looked at, and tries that were told to wait.
async fn guess(studio: &TestStudio, tries: impl Iterator<Item = (String, String)>) -> (usize, usize) {
    let mut tasks = tokio::task::JoinSet::new();
    for (name, address) in tries {
        let accounts = studio.services.accounts.clone();
        tasks.spawn(async move { accounts.sign_in(&name, SecretString::from("not the password"), Some(address), "").await });
    }
    let (mut looked_at, mut told_to_wait) = (0, 0);
    for end in tasks.join_all().await {
        match end.map(|_| ()) {
            Err(ServiceError::WrongPassword) => looked_at += 1,
            Err(ServiceError::Throttled { retry_after }) => {
                assert!(retry_after > Duration::ZERO);
                told_to_wait += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    (looked_at, told_to_wait)
}

fn address(n: usize) -> String {
    format!("192.0.2.{}", n % 50)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_tries_from_fifty_addresses_look_at_a_handful_of_passwords() {
    let studio = TestStudio::idle().await;
    studio.services.accounts.sign_up(None, sign_up("ann"), None).await.expect("the first");
    let (looked_at, told_to_wait) = guess(&studio, (0..1000).map(|n| ("ann".to_owned(), address(n)))).await;
    // Five at once, then one after 1, 2, 4, … seconds, however long this takes here.
    assert!((5..=12).contains(&looked_at), "{looked_at}");
    assert_eq!(looked_at + told_to_wait, 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_to_wait_is_in_the_audit_trail_once_for_each_wait() {
    let studio = TestStudio::idle().await;
    studio.services.accounts.sign_up(None, sign_up("ann"), None).await.expect("the first");
    let (looked_at, _) = guess(&studio, (0..300).map(|n| ("ann".to_owned(), address(n)))).await;
    let refused: Vec<_> = studio.store.audit_entries(200).await.expect("entries");
    let refused: Vec<_> = refused.iter().filter(|entry| entry.action == AuditAction::SignInRefused).collect();
    let (waits, wrong): (Vec<_>, Vec<_>) = refused.into_iter().partition(|entry| entry.detail["throttled"] == true);
    assert_eq!(wrong.len(), looked_at);
    // Each wait begins with a wrong password beyond the free ones.
    assert!((1..=looked_at - 4).contains(&waits.len()), "{} waits after {looked_at} tries", waits.len());
    let ends: BTreeSet<_> = waits.iter().map(|entry| entry.detail["until"].to_string()).collect();
    assert_eq!(ends.len(), waits.len(), "a wait is told twice");
    for entry in waits {
        assert_eq!((entry.actor_name.as_str(), &entry.target), ("ann", &wrong[0].target));
        assert!(entry.detail["waits_seconds"].as_i64().is_some_and(|seconds| (1..=900).contains(&seconds)), "{:?}", entry.detail);
        assert!(entry.address.as_ref().is_some_and(|address| address.starts_with("192.0.2.")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_waits_is_in_the_audit_trail_and_names_of_nobody_are_not() {
    let studio = TestStudio::idle().await;
    guess(&studio, (0..60).map(|n| (format!("my-secret-{n}"), "2001:db8::7".to_owned()))).await;
    let entries = studio.store.audit_entries(200).await.expect("entries");
    let waits: Vec<_> = entries.iter().filter(|entry| entry.detail["throttled"] == true).collect();
    assert!(!waits.is_empty() && waits.len() <= 5, "{}", waits.len());
    assert!(waits.iter().all(|entry| entry.target == "address:2001:db8:0:0::/64" && entry.actor_name == "unknown"));
    assert!(!format!("{entries:?}").contains("my-secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_password_tried_on_many_accounts_is_slowed_down_by_address() {
    let studio = TestStudio::idle().await;
    let (looked_at, told_to_wait) = guess(&studio, (0..200).map(|n| (format!("user{n}"), address(n % 2)))).await;
    assert!((40..=56).contains(&looked_at), "{looked_at}");
    assert_eq!(looked_at + told_to_wait, 200);
}

#[tokio::test]
async fn an_unknown_name_is_told_to_wait_like_a_known_one_and_takes_as_long() {
    let studio = TestStudio::idle().await;
    let accounts = &studio.services.accounts;
    accounts.sign_up(None, sign_up("ann"), None).await.expect("the first");
    let mut best = Vec::new();
    for name in ["ann", "nobody"] {
        let mut fastest = Duration::MAX;
        for _ in 0..5 {
            let start = Instant::now();
            let refused = accounts.log_in(name, SecretString::from("not the password"), None).await;
            fastest = fastest.min(start.elapsed());
            assert!(matches!(refused, Err(ServiceError::WrongPassword)));
        }
        let refused = accounts.log_in(name, SecretString::from("not the password"), None).await;
        assert!(matches!(refused, Err(ServiceError::Throttled { .. })), "{name}");
        best.push(fastest);
    }
    // The best of several: what the machine does beside this test only ever adds.
    let apart = best[0].abs_diff(best[1]);
    assert!(apart < best[0] / 2 + Duration::from_millis(10), "{best:?}");
}
