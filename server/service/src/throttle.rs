//! Slows down guessing: after some wrong passwords, each next one must wait twice as long.
//!
//! The counts are in the store, so a restart or another process is no way around. A try is counted before the password is checked and
//! taken back when it was right, so that many tries at once are no way around either.
//!
//! That somebody is told to wait is noted once for each wait, in the same table: whoever tries on and on fills no audit trail.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use domain::{Timestamp, Username};
use store::{Store, Tries};
use tokio::sync::Mutex;
use vault::token_hash;

use crate::Result;

/// The longest wait.
const LONGEST: TimeDelta = TimeDelta::minutes(15);
/// How long after its last try an account or address is forgotten.
const MEMORY: TimeDelta = TimeDelta::hours(1);
/// How often the forgotten ones are deleted, in seconds.
const SWEEP: i64 = 600;
/// How often a count is tried anew because another process counted too.
const ROUNDS: usize = 20;

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject<'a> {
    /// An account, or a name that no account has: nobody is told which.
    Account(&'a Username),
    /// An address.
    Address(&'a str),
}

impl Subject<'_> {
    /// Tries before the first wait. Many people may share an address.
    const fn free_tries(self) -> u32 {
        match self {
            Self::Account(_) => 5,
            Self::Address(_) => 20,
        }
    }

    /// What it is, for the audit trail: of an address the part that waits.
    pub(crate) fn address(self) -> Option<String> {
        match self {
            Self::Account(_) => None,
            Self::Address(address) => Some(network(address)),
        }
    }

    /// Under what it is kept that a wait was noted.
    fn noted_key(self) -> String {
        token_hash(&format!("noted:{}", self.key()))
    }

    /// Under what it is counted. Hashed: people type passwords into the wrong field.
    fn key(self) -> String {
        match self {
            Self::Account(name) => token_hash(&format!("account:{name}")),
            Self::Address(address) => token_hash(&format!("address:{}", network(address))),
        }
    }

    fn tried(self, known: &[Tries], now: Timestamp) -> Tries {
        let key = self.key();
        let before = known.iter().find(|tries| tries.key == key && now - tries.last < MEMORY).map_or(0, |tries| tries.count);
        let count = before.saturating_add(1);
        Tries { key, count, last: now, waits_until: now + wait_after(count, self.free_tries()) }
    }
}

/// What becomes of a try.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission<'a> {
    /// It is counted, and may be made.
    Counted,
    /// It is too early.
    Waits {
        /// How long still.
        retry_after: Duration,
        /// Who waits of whom it is not in the audit trail yet.
        unnoted: Vec<Wait<'a>>,
    },
}

/// A wait that is not in the audit trail yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wait<'a> {
    /// Who waits.
    pub(crate) subject: Subject<'a>,
    /// Under what it is kept that it was noted.
    pub(crate) key: String,
    /// Until when.
    pub(crate) until: Timestamp,
}

/// Counts tries per account and per address.
#[derive(Clone)]
pub(crate) struct Throttle {
    store: Store,
    /// Held while counting: within one process nobody has to count twice.
    turn: Arc<Mutex<()>>,
    /// When the forgotten ones were last deleted, in seconds since 1970.
    swept: Arc<AtomicI64>,
}

impl Throttle {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, turn: Arc::default(), swept: Arc::default() }
    }

    /// Counts a try for each subject, or says how long to wait where one of them has had too many.
    pub(crate) async fn admit<'a>(&self, subjects: &[Subject<'a>], now: Timestamp) -> Result<Admission<'a>> {
        self.sweep(now).await?;
        let keys: Vec<String> = subjects.iter().map(|subject| subject.key()).collect();
        let _turn = self.turn.lock().await;
        for _ in 0..ROUNDS {
            let known = self.store.tries(&keys).await?;
            let wait = known.iter().filter_map(|tries| (tries.waits_until - now).to_std().ok()).max();
            if let Some(retry_after) = wait.filter(|wait| !wait.is_zero()) {
                return Ok(Admission::Waits { retry_after, unnoted: self.unnoted(subjects, &known, now).await? });
            }
            let counted: Vec<Tries> = subjects.iter().map(|subject| subject.tried(&known, now)).collect();
            if self.store.change_tries(&known, &counted).await? {
                return Ok(Admission::Counted);
            }
        }
        Ok(Admission::Waits { retry_after: Duration::from_secs(1), unnoted: Vec::new() })
    }

    /// Those of the subjects that wait and of whom it was not noted yet.
    async fn unnoted<'a>(&self, subjects: &[Subject<'a>], known: &[Tries], now: Timestamp) -> Result<Vec<Wait<'a>>> {
        let waiting = subjects.iter().filter_map(|subject| {
            let tries = known.iter().find(|tries| tries.key == subject.key() && tries.waits_until > now)?;
            Some(Wait { subject: *subject, key: subject.noted_key(), until: tries.waits_until })
        });
        let waiting: Vec<Wait<'a>> = waiting.collect();
        let keys: Vec<String> = waiting.iter().map(|wait| wait.key.clone()).collect();
        let noted = self.store.tries(&keys).await?;
        let is_noted = |wait: &Wait<'_>| noted.iter().any(|tries| tries.key == wait.key && tries.waits_until == wait.until);
        Ok(waiting.into_iter().filter(|wait| !is_noted(wait)).collect())
    }

    /// The password was right: the account starts anew, the address gets its try back.
    pub(crate) async fn succeeded(&self, subjects: &[Subject<'_>]) -> Result<()> {
        let keys: Vec<String> = subjects.iter().map(|subject| subject.key()).collect();
        let _turn = self.turn.lock().await;
        for _ in 0..ROUNDS {
            let known = self.store.tries(&keys).await?;
            let forgiven: Vec<Tries> = subjects
                .iter()
                .zip(&keys)
                .filter_map(|(subject, key)| {
                    let tries = known.iter().find(|tries| tries.key == *key)?;
                    let count = match subject {
                        Subject::Account(_) => 0,
                        Subject::Address(_) => tries.count.saturating_sub(1),
                    };
                    Some(Tries { count, waits_until: tries.last, ..tries.clone() })
                })
                .collect();
            if self.store.change_tries(&known, &forgiven).await? {
                return Ok(());
            }
        }
        // It stays counted; the next right one takes it back.
        Ok(())
    }

    async fn sweep(&self, now: Timestamp) -> Result<()> {
        let (seconds, last) = (now.timestamp(), self.swept.load(Ordering::Relaxed));
        let due =
            seconds - last >= SWEEP && self.swept.compare_exchange(last, seconds, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if due { Ok(self.store.forget_tries(now - MEMORY).await?) } else { Ok(()) }
    }
}

fn wait_after(count: u32, free: u32) -> TimeDelta {
    match count.checked_sub(free) {
        None => TimeDelta::zero(),
        Some(beyond) => TimeDelta::seconds(1 << beyond.min(20)).min(LONGEST),
    }
}

/// The part of an address that one household or machine has: all of IPv4, the first half of IPv6.
fn network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(address) => address.to_string(),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Subject<'_> = Subject::Address("192.0.2.1");

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000 + seconds, 0).expect("a time")
    }

    async fn throttle() -> Throttle {
        Throttle::new(Store::connect("mem://", None).await.expect("a store in memory"))
    }

    async fn wait(throttle: &Throttle, subjects: &[Subject<'_>], second: i64) -> i64 {
        match throttle.admit(subjects, at(second)).await.expect("a store") {
            Admission::Counted => 0,
            Admission::Waits { retry_after, .. } => i64::try_from(retry_after.as_secs()).expect("few seconds"),
        }
    }

    #[tokio::test]
    async fn each_wrong_password_doubles_the_wait_up_to_a_quarter_of_an_hour() {
        let (throttle, ann) = (throttle().await, Username::parse("ann").expect("a name"));
        let ann = [Subject::Account(&ann)];
        for _ in 0..5 {
            assert_eq!(wait(&throttle, &ann, 0).await, 0);
        }
        let (mut waits, mut second) = (Vec::new(), 0);
        for _ in 0..12 {
            let wait_here = wait(&throttle, &ann, second).await;
            waits.push(wait_here);
            second += wait_here;
            assert_eq!(wait(&throttle, &ann, second).await, 0);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(wait(&throttle, &ann, second + 3600).await, 0, "forgotten after an hour");
        assert_eq!(wait(&throttle, &ann, second + 3600).await, 0);
    }

    #[tokio::test]
    async fn the_right_password_starts_anew() {
        let (throttle, ann) = (throttle().await, Username::parse("ann").expect("a name"));
        let both = [Subject::Account(&ann), ADDRESS];
        for _ in 0..50 {
            assert_eq!(wait(&throttle, &both, 0).await, 0);
            throttle.succeeded(&both).await.expect("a store");
        }
    }

    #[tokio::test]
    async fn an_address_waits_for_every_account_and_so_does_its_whole_network() {
        let throttle = throttle().await;
        let names: Vec<Username> = (0..20).map(|n| Username::parse(&format!("user{n}")).expect("a name")).collect();
        for address in ["192.0.2.1", "2001:db8::1"] {
            for name in &names {
                assert_eq!(wait(&throttle, &[Subject::Address(address), Subject::Account(name)], 0).await, 0);
            }
            for name in &names {
                throttle.succeeded(&[Subject::Account(name)]).await.expect("a store");
            }
        }
        let ann = Username::parse("ann").expect("a name");
        for (address, waits) in
            [("192.0.2.1", 1), ("::ffff:192.0.2.1", 1), ("192.0.2.2", 0), ("2001:db8::ffff", 1), ("2001:db8:0:1::1", 0)]
        {
            assert_eq!(wait(&throttle, &[Subject::Address(address), Subject::Account(&ann)], 0).await, waits, "{address}");
        }
    }

    #[tokio::test]
    async fn another_process_knows_what_was_tried() {
        let (one, ann) = (throttle().await, Username::parse("ann").expect("a name"));
        let other = Throttle::new(one.store.clone());
        for _ in 0..5 {
            assert_eq!(wait(&one, &[Subject::Account(&ann)], 0).await, 0);
        }
        assert_eq!(wait(&other, &[Subject::Account(&ann)], 0).await, 1);
    }
}
