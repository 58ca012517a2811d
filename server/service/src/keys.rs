//! The keys to the stored secrets: replaced while everything goes on, and checked at the start.
//!
//! A rotation makes a new identity first, seals every secret for it in small batches, and drops the old identity last, so that
//! nothing is unreadable at any moment. Its state is the identity file, which marks the old identities until it is finished, and
//! the store: what stopped half way goes on at the next start, or when somebody asks again. Several identities without a mark are kept
//! as they are.
//!
//! Secrets whose key is lost keep the server from starting. Whoever holds the store and the key file may have them forgotten.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{Actor, AuditAction, AuditEntry, KeyStatus, Permission, RotationState};
use serde_json::json;
use store::{Resealed, Sealed, SealedKind, Store};
use tokio::sync::OwnedMutexGuard;
use vault::{Vault, VaultError};

use crate::audit::{SYSTEM, by, by_nobody};
use crate::authorise::{authorise, authorise_look};
use crate::{Result, ServiceError, now};

/// The version under which every secret is sealed.
const VERSION: u32 = 1;
/// How many rows are read at once, and how many are written in one transaction.
const ROWS: u32 = 500;
const BATCH: usize = 20;
/// How often all of it is looked through before that is given up.
const MOST_PASSES: u32 = 20;
/// What everybody else gets between two batches.
const BREATH: Duration = Duration::from_millis(5);

/// Replacing the keys to the stored secrets.
#[derive(Clone)]
pub struct Keys {
    store: Store,
    vault: Vault,
    /// One rotation at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
    status: Arc<Mutex<KeyStatus>>,
}

/// A stored secret that no key at hand opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Whose it is, for people.
    pub what: String,
    kind: SealedKind,
    sealed: Sealed,
}

impl Keys {
    /// Over a store and its keys.
    #[must_use]
    pub fn new(store: Store, vault: Vault) -> Self {
        Self { store, vault, turn: Arc::default(), status: Arc::default() }
    }

    /// The keys, and how far a rotation is.
    ///
    /// # Errors
    /// `Forbidden` below admin.
    pub fn status(&self, actor: &Actor) -> Result<KeyStatus> {
        authorise_look(actor, Permission::Administer)?;
        Ok(self.current())
    }

    /// Makes a new key, and seals every secret for it in the background; one that stopped half way goes on instead.
    ///
    /// # Errors
    /// `Forbidden` below admin, `Conflict` while one is under way.
    pub async fn rotate(&self, actor: &Actor) -> Result<KeyStatus> {
        authorise(actor, Permission::Administer)?;
        let actor = actor.clone();
        self.begin(move |action, detail| by(&actor, action, "keys", "secrets", detail)).await?;
        Ok(self.current())
    }

    /// The same, for whoever holds the store and the key file itself; returns at the end.
    ///
    /// # Errors
    /// `Conflict` while one is under way, and when it stops half way.
    pub async fn rotate_here(&self) -> Result<KeyStatus> {
        self.begin(by_system).await?;
        drop(self.turn.lock().await);
        let status = self.current();
        match status.error {
            Some(why) => Err(ServiceError::conflict(why)),
            None => Ok(status),
        }
    }

    /// Goes on with a rotation that the last process did not finish. Whether there was one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resume(&self) -> Result<bool> {
        let unfinished = self.vault.is_rotating();
        if unfinished {
            tracing::info!(identities = self.vault.identities(), "the rotation of the key to the stored secrets goes on");
            self.begin(by_system).await?;
        }
        Ok(unfinished)
    }

    /// Reads some secrets of each kind, all credentials among them, and refuses when one was sealed for a key that is not at hand.
    /// How many were read.
    ///
    /// # Errors
    /// `Conflict` in plain words; when the store fails.
    pub async fn check(&self) -> Result<u64> {
        let (mut read, mut lost, mut first) = (0_u64, 0_u64, None);
        for kind in SealedKind::ALL {
            let mut after = String::new();
            loop {
                let page = self.store.sealed_values(kind, &after, ROWS).await?;
                let next = page.next.clone();
                let vault = self.vault.clone();
                let opened = move || {
                    let open = |value: &Sealed| vault.open_sealed(&value.id, VERSION, &value.bytes).err();
                    page.values.into_iter().map(|value| (open(&value), value.id)).collect::<Vec<_>>()
                };
                for (error, id) in tokio::task::spawn_blocking(opened).await.map_err(ServiceError::internal)? {
                    read += 1;
                    match error {
                        Some(error) if error.is_for_another_key() => {
                            lost += 1;
                            first.get_or_insert(format!("{} {id}", name(kind)));
                        }
                        Some(error) => tracing::warn!(error = &error as &dyn std::error::Error, "a stored secret is damaged"),
                        None => {}
                    }
                }
                match next {
                    // Runs are many, and the newest tell enough.
                    Some(next) if kind == SealedKind::Credential => after = next,
                    _ => break,
                }
            }
        }
        match first {
            None => Ok(read),
            Some(first) => Err(ServiceError::conflict(format!(
                "{lost} of {read} stored secrets (the first: {first}) were encrypted for another key"
            ))),
        }
    }

    /// What no key at hand opens.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn lost(&self) -> Result<Vec<Lost>> {
        let mut lost = Vec::new();
        for kind in SealedKind::ALL {
            let mut after = Some(String::new());
            while let Some(from) = after {
                let page = self.store.sealed_values(kind, &from, ROWS).await?;
                after = page.next;
                for sealed in self.not_opened(page.values).await? {
                    let what = self.describe(kind, &sealed.id).await?;
                    lost.push(Lost { what, kind, sealed });
                }
            }
        }
        Ok(lost)
    }

    /// Deletes the ciphertext of these secrets, for whoever holds the store and the key file themself: credentials stay and say that
    /// their secret is to be entered anew, runs that still need an answer fail.
    ///
    /// # Errors
    /// When the store fails; what was forgotten until then stays forgotten.
    pub async fn forget(&self, lost: &[Lost]) -> Result<()> {
        for kind in SealedKind::ALL {
            let values: Vec<&Lost> = lost.iter().filter(|lost| lost.kind == kind).collect();
            for some in values.chunks(BATCH) {
                let names: Vec<&str> = some.iter().map(|lost| lost.what.as_str()).collect();
                let entry = by_system(AuditAction::SecretsForgotten, json!({ "secrets": names }));
                let sealed: Vec<Sealed> = some.iter().map(|lost| lost.sealed.clone()).collect();
                self.store.forget_sealed(kind, &sealed, now(), &entry).await?;
            }
        }
        tracing::warn!(secrets = lost.len(), "stored secrets whose key is lost were deleted");
        Ok(())
    }

    /// Those of some sealed values that were sealed for another key.
    async fn not_opened(&self, values: Vec<Sealed>) -> Result<Vec<Sealed>> {
        let vault = self.vault.clone();
        let look = move || {
            let is_lost = |value: &Sealed| {
                vault.open_sealed(&value.id, VERSION, &value.bytes).is_err_and(|error| error.is_for_another_key())
            };
            values.into_iter().filter(is_lost).collect()
        };
        tokio::task::spawn_blocking(look).await.map_err(ServiceError::internal)
    }

    /// Whose secret it is, for people.
    async fn describe(&self, kind: SealedKind, id: &str) -> Result<String> {
        let known = match kind {
            SealedKind::Credential => self
                .store
                .credential(id)
                .await?
                .map(|(credential, _)| format!("credential “{}” ({})", credential.name, credential.kind.as_str())),
            SealedKind::Parameters => match id.parse() {
                Ok(id) => (self.store.run(id).await?)
                    .map(|run| format!("the secret answers of run {} of “{}”", run.number, run.runbook_title)),
                Err(_) => None,
            },
        };
        Ok(known.unwrap_or_else(|| format!("{} {id}", name(kind))))
    }

    async fn begin(&self, entry: impl Fn(AuditAction, serde_json::Value) -> AuditEntry + Send + Sync + 'static) -> Result<()> {
        let busy = |_| ServiceError::conflict("the key to the stored secrets is being replaced already");
        let turn = Arc::clone(&self.turn).try_lock_owned().map_err(busy)?;
        let keys = self.clone();
        // Not in this task: who asked may go away.
        let begun = tokio::spawn(async move {
            let resumed = keys.vault.is_rotating();
            let detail = json!({ "resumed": resumed, "old_key": keys.vault.recipient() });
            keys.store.append_audit(&entry(AuditAction::KeyRotationStarted, detail)).await?;
            if !resumed {
                keys.change(Vault::add_identity).await?;
            }
            keys.set(|status| {
                let started_at = Some(now());
                *status = KeyStatus { rotation: RotationState::Running, started_at, ..KeyStatus::default() };
            });
            tracing::info!(recipient = keys.vault.recipient(), "a new key to the stored secrets is in use");
            tokio::spawn(async move { keys.work(entry, turn).await });
            Ok::<_, ServiceError>(())
        });
        begun.await.map_err(ServiceError::internal)?
    }

    async fn work(self, entry: impl Fn(AuditAction, serde_json::Value) -> AuditEntry + Send, turn: OwnedMutexGuard<()>) {
        let outcome = self.reseal_all(entry).await;
        self.set(|status| {
            status.ended_at = Some(now());
            match &outcome {
                Ok(()) => status.rotation = RotationState::Finished,
                Err(error) => {
                    status.rotation = RotationState::Failed;
                    status.error =
                        Some(format!("it stopped half way: {error}; old and new key are both kept, rotate again to go on"));
                }
            }
        });
        match outcome {
            Ok(()) => tracing::info!(recipient = self.vault.recipient(), "the old key to the stored secrets is dropped"),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the rotation of the key to the stored secrets stopped"
                );
            }
        }
        drop(turn);
    }

    async fn reseal_all(&self, entry: impl Fn(AuditAction, serde_json::Value) -> AuditEntry) -> Result<()> {
        // What was sealed for the old key is stored before the first look.
        self.vault.settled().await;
        let mut total = 0;
        for kind in SealedKind::ALL {
            let mut after = Some(String::new());
            while let Some(from) = after {
                let page = self.store.sealed_values(kind, &from, ROWS).await?;
                total += u64::try_from(page.values.len()).unwrap_or(u64::MAX);
                after = page.next;
            }
        }
        self.set(|status| status.total = total);
        // Once more until there is nothing to do: somebody may have changed a row between our look and our writing.
        let mut passes = 1;
        while self.pass().await? > 0 {
            passes += 1;
            if passes > MOST_PASSES {
                return Err(ServiceError::conflict("others keep changing stored secrets meanwhile"));
            }
        }
        let status = self.current();
        let detail = json!({ "secrets": status.done, "unreadable": status.unreadable, "new_key": status.recipient });
        self.store.append_audit(&entry(AuditAction::KeyRotationFinished, detail)).await?;
        self.change(Vault::retire_identities).await
    }

    /// Looks at every secret once. How many had to be sealed again.
    async fn pass(&self) -> Result<u64> {
        self.set(|status| (status.done, status.unreadable) = (0, 0));
        let mut changed = 0;
        for kind in SealedKind::ALL {
            let mut after = Some(String::new());
            while let Some(from) = after {
                let page = self.store.sealed_values(kind, &from, ROWS).await?;
                after = page.next;
                let mut values = page.values.into_iter().peekable();
                while values.peek().is_some() {
                    let some: Vec<_> = values.by_ref().take(BATCH).collect();
                    changed += self.batch(kind, some).await?;
                }
            }
        }
        Ok(changed)
    }

    async fn batch(&self, kind: SealedKind, values: Vec<Sealed>) -> Result<u64> {
        let (looked, vault) = (values.len(), self.vault.clone());
        let reseal = move || {
            let (mut resealed, mut unreadable) = (Vec::new(), 0);
            for Sealed { id, bytes } in values {
                match vault.reseal(&id, VERSION, &bytes) {
                    Ok(None) => {}
                    Ok(Some(new)) => resealed.push(Resealed { id, old: bytes, new }),
                    Err(error) => {
                        tracing::warn!(error = &error as &dyn std::error::Error, "no key opens a stored secret");
                        unreadable += 1;
                    }
                }
            }
            (resealed, unreadable)
        };
        let (resealed, unreadable) = tokio::task::spawn_blocking(reseal).await.map_err(ServiceError::internal)?;
        let changed = u64::try_from(resealed.len()).unwrap_or(u64::MAX);
        if changed > 0 {
            self.store.replace_sealed(kind, &resealed).await?;
        }
        self.set(|status| {
            status.done += u64::try_from(looked).unwrap_or(u64::MAX) - unreadable;
            status.unreadable += unreadable;
            // What came meanwhile was sealed for the new key.
            status.total = status.total.max(status.done + status.unreadable);
        });
        if changed > 0 {
            tokio::time::sleep(BREATH).await;
        }
        Ok(changed)
    }

    async fn change(&self, how: fn(&Vault) -> std::result::Result<(), VaultError>) -> Result<()> {
        let vault = self.vault.clone();
        Ok(tokio::task::spawn_blocking(move || how(&vault)).await.map_err(ServiceError::internal)??)
    }

    fn current(&self) -> KeyStatus {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        KeyStatus { recipient: self.vault.recipient(), identities: self.vault.identities(), ..status }
    }

    fn set(&self, change: impl FnOnce(&mut KeyStatus)) {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn by_system(action: AuditAction, detail: serde_json::Value) -> AuditEntry {
    by_nobody(SYSTEM, None, action, "keys:secrets".to_owned(), detail)
}

const fn name(kind: SealedKind) -> &'static str {
    match kind {
        SealedKind::Credential => "credential",
        SealedKind::Parameters => "the secret answers of run",
    }
}
