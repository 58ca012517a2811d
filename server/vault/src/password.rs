//! Hashing and checking passwords: argon2id as OWASP's Password Storage Cheat Sheet has it
//! (19 MiB, 2 passes, 1 lane), stored as PHC strings.
//!
//! A hash costs tens of milliseconds of a core and 19 MiB, so it runs on a blocking thread and no more
//! of them at once than there are cores: a burst of logins queues here instead of stalling the server.

use std::sync::Arc;
use std::thread;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error as HashError, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use tokio::task;

use crate::VaultError;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What an unknown user's password is checked against, so that the answer takes as long as for a known
/// one. Salt and hash are made up: no password is known to fit, and [`verify`] says no even if one did.
const DUMMY_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$cnVuYm9va3N0dWRpb18xNg$UkTTBOYhiY3wS3rKYm0kKc5sAnVqyNfYwRyT0h0gP2c";

/// Hashes and checks passwords, a few at a time. A clone is a handle to the same queue.
#[derive(Clone, Debug)]
pub struct PasswordHasher {
    permits: Arc<Semaphore>,
}

impl PasswordHasher {
    /// As many hashes at once as there are cores.
    #[must_use]
    pub fn new() -> Self {
        Self::with_concurrency(thread::available_parallelism().map_or(1, usize::from))
    }

    /// At most `hashes_at_once` (at least 1) at a time, 19 MiB each.
    #[must_use]
    pub fn with_concurrency(hashes_at_once: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(hashes_at_once.clamp(1, Semaphore::MAX_PERMITS))) }
    }

    /// The PHC string to store, with a random salt of its own.
    ///
    /// # Errors
    /// When the password is too long for argon2 (4 GiB), memory or random bytes are lacking, or the
    /// blocking task dies.
    pub async fn hash(&self, password: SecretString) -> Result<String, VaultError> {
        self.run(move || hash(&password)).await
    }

    /// Whether the password is the one behind `stored`. Without a stored hash (an unknown user) the
    /// answer is no, after the same work.
    ///
    /// # Errors
    /// When the stored hash is no argon2 PHC string, or the blocking task dies. A wrong password is
    /// `Ok(false)`.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<bool, VaultError> {
        self.run(move || verify(&password, stored.as_deref())).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.expect("the semaphore is never closed");
        let task = task::spawn_blocking(move || {
            // Held by the work, not by the caller: a caller who goes away does not free the core.
            let _permit = permit;
            work()
        });
        task.await.map_err(VaultError::PasswordTask)?
    }
}

impl Default for PasswordHasher {
    fn default() -> Self {
        Self::new()
    }
}

fn hash(password: &SecretString) -> Result<String, VaultError> {
    let hash: PasswordHash = argon2().hash_password(password.expose_secret().as_bytes()).map_err(VaultError::HashPassword)?;
    Ok(hash.to_string())
}

fn verify(password: &SecretString, stored: Option<&str>) -> Result<bool, VaultError> {
    let parsed = PasswordHash::new(stored.unwrap_or(DUMMY_HASH)).map_err(VaultError::ParsePasswordHash)?;
    match argon2().verify_password(password.expose_secret().as_bytes(), &parsed) {
        Ok(()) => Ok(stored.is_some()),
        Err(HashError::PasswordInvalid) => Ok(false),
        Err(error) => Err(VaultError::VerifyPassword(error)),
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the constants are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn password(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[tokio::test]
    async fn the_right_password_fits_and_others_do_not() {
        let hasher = PasswordHasher::new();
        let stored = hasher.hash(password("hunter2")).await.unwrap();
        assert!(hasher.verify(password("hunter2"), Some(stored.clone())).await.unwrap());
        for wrong in ["hunter3", "", "Hunter2", "hunter2 "] {
            assert!(!hasher.verify(password(wrong), Some(stored.clone())).await.unwrap());
        }
    }

    #[tokio::test]
    async fn the_hash_is_argon2id_with_the_documented_cost_and_a_salt_of_its_own() {
        let hasher = PasswordHasher::new();
        let first = hasher.hash(password("same")).await.unwrap();
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert_ne!(first, hasher.hash(password("same")).await.unwrap());
    }

    #[test]
    fn the_dummy_costs_what_a_stored_hash_costs() {
        let stored = hash(&password("x")).unwrap();
        let (stored, dummy) = (PasswordHash::new(&stored).unwrap(), PasswordHash::new(DUMMY_HASH).unwrap());
        assert_eq!(dummy.algorithm, stored.algorithm);
        assert_eq!(dummy.version, stored.version);
        assert_eq!(dummy.params, stored.params);
        assert_eq!(dummy.salt.unwrap().len(), stored.salt.unwrap().len());
        assert_eq!(dummy.hash.unwrap().len(), stored.hash.unwrap().len());
    }

    #[test]
    fn an_unknown_user_gets_no_after_the_same_work() {
        let stored = hash(&password("hunter2")).unwrap();
        // The best of several: what the machine does beside this test only ever adds.
        let best = |stored: Option<&str>| {
            let once = |_| {
                let start = Instant::now();
                assert!(!verify(&password("guess"), stored).unwrap());
                start.elapsed()
            };
            (0..5).map(once).min().unwrap()
        };
        let (known, unknown) = (best(Some(&stored)), best(None));
        let apart = known.abs_diff(unknown);
        assert!(apart < known / 2 + Duration::from_millis(5), "{known:?} {unknown:?}");
    }

    #[tokio::test]
    async fn a_broken_stored_hash_is_an_error_and_not_a_wrong_password() {
        let outcome = PasswordHasher::new().verify(password("x"), Some("plaintext".to_owned())).await;
        assert!(matches!(outcome, Err(VaultError::ParsePasswordHash(_))));
    }

    #[tokio::test]
    async fn a_hash_of_another_algorithm_is_an_error() {
        let stored = DUMMY_HASH.replace("argon2id", "scrypt");
        let outcome = PasswordHasher::new().verify(password("x"), Some(stored)).await;
        assert!(matches!(outcome, Err(VaultError::VerifyPassword(_))));
    }

    #[tokio::test]
    async fn no_more_run_at_once_than_allowed() {
        let hasher = PasswordHasher::with_concurrency(1);
        let held = Arc::clone(&hasher.permits).acquire_owned().await.unwrap();
        let queued = tokio::spawn({
            let hasher = hasher.clone();
            async move { hasher.hash(password("x")).await }
        });
        task::yield_now().await;
        assert!(!queued.is_finished());
        drop(held);
        assert!(queued.await.unwrap().is_ok());
    }
}
