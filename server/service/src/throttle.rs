//! Slows down guessing: after some wrong passwords, each next one must wait twice as long.
//!
//! In the memory of this process. A try is counted before the password is checked and taken back when it was right, so that many
//! tries at once are no way around.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::{Result, ServiceError};

/// Tries before the first wait.
const FREE_TRIES: u32 = 5;
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// How long after its last try an account or address is forgotten.
const MEMORY: Duration = Duration::from_secs(60 * 60);
/// How many are remembered before the old ones are looked for.
const CROWD: usize = 10_000;

/// Counts tries per account and per address.
#[derive(Clone, Default)]
pub(crate) struct Throttle {
    tries: Arc<Mutex<HashMap<String, Tries>>>,
}

struct Tries {
    count: u32,
    last: Instant,
    until: Instant,
}

impl Throttle {
    /// Counts a try for each key, or says how long to wait where one of them has had too many.
    pub(crate) fn admit(&self, keys: &[String]) -> Result<()> {
        let now = Instant::now();
        let mut tries = self.lock();
        if tries.len() > CROWD {
            tries.retain(|_, entry| now < entry.until || now - entry.last < MEMORY);
        }
        let wait = keys.iter().filter_map(|key| tries.get(key)).map(|entry| entry.until.saturating_duration_since(now)).max();
        if let Some(retry_after) = wait.filter(|wait| !wait.is_zero()) {
            return Err(ServiceError::Throttled { retry_after });
        }
        for key in keys {
            let entry = tries.entry(key.clone()).or_insert(Tries { count: 0, last: now, until: now });
            if now - entry.last >= MEMORY {
                entry.count = 0;
            }
            entry.count = entry.count.saturating_add(1);
            entry.last = now;
            entry.until = now + wait_after(entry.count);
        }
        Ok(())
    }

    /// The password was right: the account starts anew, the address gets its try back.
    pub(crate) fn succeeded(&self, account: &str, others: &[String]) {
        let mut tries = self.lock();
        tries.remove(account);
        for key in others.iter().filter(|key| *key != account) {
            if let Some(entry) = tries.get_mut(key) {
                entry.count = entry.count.saturating_sub(1);
                entry.until = entry.last;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Tries>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait_after(count: u32) -> Duration {
    match count.checked_sub(FREE_TRIES) {
        None => Duration::ZERO,
        Some(beyond) => Duration::from_secs(1 << beyond.min(20)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Vec<String> {
        vec!["account:ann".to_owned(), "address:192.0.2.1".to_owned()]
    }

    #[tokio::test(start_paused = true)]
    async fn each_wrong_password_doubles_the_wait_up_to_a_quarter_of_an_hour() {
        let throttle = Throttle::default();
        for _ in 0..FREE_TRIES {
            assert!(throttle.admit(&keys()).is_ok());
        }
        let mut waits = Vec::new();
        for _ in 0..12 {
            let Err(ServiceError::Throttled { retry_after }) = throttle.admit(&keys()) else { panic!("not throttled") };
            waits.push(retry_after.as_secs());
            tokio::time::advance(retry_after).await;
            assert!(throttle.admit(&keys()).is_ok());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_right_password_starts_anew() {
        let throttle = Throttle::default();
        for _ in 0..50 {
            assert!(throttle.admit(&keys()).is_ok());
            throttle.succeeded("account:ann", &keys());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_waits_for_every_account() {
        let throttle = Throttle::default();
        for name in 0..FREE_TRIES {
            assert!(throttle.admit(&[format!("account:{name}"), "address:192.0.2.1".to_owned()]).is_ok());
        }
        assert!(throttle.admit(&keys()).is_err());
        assert!(throttle.admit(&["account:ann".to_owned(), "address:192.0.2.2".to_owned()]).is_ok());
    }
}
