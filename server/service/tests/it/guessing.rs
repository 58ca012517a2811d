//! People who try passwords until one fits.

use std::time::{Duration, Instant};

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
