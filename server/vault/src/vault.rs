//! Sealing secrets for the store and opening them again.
//!
//! A ciphertext is bound to a record and a version of it; see [`crate::envelope`] for the format.

use std::fmt;
use std::io::{self, Read, Write};
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use age::x25519::{Identity, Recipient};
use age::{DecryptError, Decryptor, Encryptor};
use secrecy::SecretString;
use tokio::sync::OwnedRwLockReadGuard;
use zeroize::Zeroizing;

use crate::identity::Kept;
use crate::{VaultError, envelope, identity};

/// The keys to the stored secrets. A clone is a handle to the same keys, also after a change of them; `Debug` shows public keys only.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    /// The identity file; none for keys that live in memory.
    file: Option<PathBuf>,
    keys: RwLock<Arc<Keys>>,
    /// One change of the keys at a time.
    changing: Mutex<()>,
    /// Held by whoever has sealed something that is not stored yet.
    storing: Arc<tokio::sync::RwLock<()>>,
}

struct Keys {
    /// Never empty; the first one is `recipient`'s, and never replaced.
    identities: Vec<Kept>,
    /// What the file holds no more: who read a ciphertext just before it was replaced still opens it.
    retired: Vec<Identity>,
    recipient: Recipient,
}

/// Keeps [`Vault::settled`] waiting: something was sealed and is being stored.
#[derive(Debug)]
pub struct Storing {
    _guard: OwnedRwLockReadGuard<()>,
}

impl Vault {
    /// Reads the identity file, or makes one with a new identity (mode 0600, on disk before this returns).
    /// One identity a line, `#` for comments; the first encrypts, all decrypt.
    ///
    /// # Errors
    /// When the file can be neither read nor made, when group or others have rights to it, when a line
    /// is no X25519 age identity or there is none.
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        Ok(Self::new(Some(path.to_owned()), identity::load_or_create(path)?))
    }

    /// A vault whose key lives as long as it does: for tests and for stores kept in memory.
    #[must_use]
    pub fn ephemeral() -> Self {
        Self::new(None, vec![Kept::generate()])
    }

    /// `identities` must not be empty; the first encrypts.
    fn new(file: Option<PathBuf>, identities: Vec<Kept>) -> Self {
        let keys = RwLock::new(Arc::new(Keys::new(identities, Vec::new())));
        Self { inner: Arc::new(Inner { file, keys, changing: Mutex::default(), storing: Arc::default() }) }
    }

    #[cfg(test)]
    pub(crate) fn with_identities(identities: Vec<Identity>) -> Self {
        Self::new(None, identities.into_iter().map(Kept::from).collect())
    }

    /// How many identities there are; more than one where a rotation is not finished, or somebody keeps several.
    #[must_use]
    pub fn identities(&self) -> usize {
        self.keys().identities.len()
    }

    /// Whether a rotation has begun and not ended: an identity is marked as replaced.
    #[must_use]
    pub fn is_rotating(&self) -> bool {
        self.keys().identities.iter().any(|kept| kept.replaced)
    }

    /// The public key for which secrets are sealed.
    #[must_use]
    pub fn recipient(&self) -> String {
        self.keys().recipient.to_string()
    }

    /// Makes a new identity the first one and marks the others as replaced: from now on every handle seals for the new one, and opens
    /// what was sealed for the old ones. It is on disk before it is used; a crash leaves the old file or the new one.
    ///
    /// # Errors
    /// When the file cannot be read, is exposed or malformed, or cannot be replaced; then nothing has changed.
    pub fn add_identity(&self) -> Result<(), VaultError> {
        let _changing = self.changing();
        let keys = self.keys();
        let mut identities = vec![Kept::generate()];
        identities.extend(keys.identities.iter().map(|kept| Kept { replaced: true, ..kept.clone() }));
        if let Some(file) = &self.inner.file {
            add_unknown(&mut identities, identity::load(file)?);
            identity::replace(file, &identities)?;
        }
        self.adopt(Keys::new(identities, keys.retired.clone()));
        Ok(())
    }

    /// Drops every identity that is marked as replaced from the file. Only once nothing in the store needs them
    /// ([`Vault::reseal`]): what was sealed for a dropped identity is lost when this process ends.
    ///
    /// # Errors
    /// When the file cannot be read or replaced; then nothing has changed.
    pub fn retire_identities(&self) -> Result<(), VaultError> {
        let _changing = self.changing();
        let keys = self.keys();
        let (replaced, mut left): (Vec<_>, Vec<_>) = keys.identities.iter().cloned().partition(|kept| kept.replaced);
        if let Some(file) = &self.inner.file {
            let written = identity::load(file)?.into_iter().filter(|kept| !is_among(&replaced, kept)).collect();
            add_unknown(&mut left, written);
            identity::replace(file, &left)?;
        }
        let retired = replaced.into_iter().map(|kept| kept.identity).chain(keys.retired.iter().cloned()).collect();
        self.adopt(Keys::new(left, retired));
        Ok(())
    }

    /// To be held from before something is sealed until it is stored, so that a rotation does not miss it.
    pub async fn storing(&self) -> Storing {
        Storing { _guard: Arc::clone(&self.inner.storing).read_owned().await }
    }

    /// Waits until all that was sealed before this call is stored.
    pub async fn settled(&self) {
        drop(self.inner.storing.write().await);
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.inner.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.inner.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn adopt(&self, keys: Keys) {
        *self.inner.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// Encrypts a secret for one version of one record; about 0.1 ms.
    ///
    /// # Errors
    /// When the record id is longer than 65,535 bytes, or encrypting fails.
    pub fn seal(&self, record_id: &str, version: u32, secret: &SecretString) -> Result<Vec<u8>, VaultError> {
        let plaintext = envelope::encode(record_id, version, secret)?;
        self.encrypt(&plaintext).map_err(|source| VaultError::Seal { record_id: record_id.to_owned(), source })
    }

    /// Decrypts what [`Vault::seal`] made for this very record and version.
    ///
    /// # Errors
    /// [`VaultError::Swapped`] when it was sealed for another record or version; [`VaultError::Open`]
    /// when no identity fits or the ciphertext is damaged.
    pub fn open_sealed(&self, record_id: &str, version: u32, sealed: &[u8]) -> Result<SecretString, VaultError> {
        let keys = self.keys();
        let plaintext = decrypt(sealed, keys.identities.iter().map(|kept| &kept.identity).chain(&keys.retired))
            .map_err(|source| VaultError::Open { record_id: record_id.to_owned(), source })?;
        envelope::decode(record_id, version, &plaintext)
    }

    /// Whether a ciphertext was made for another identity than the one that encrypts now, so that it
    /// must be sealed again before that other identity is retired. True for a damaged one.
    #[must_use]
    pub fn needs_resealing(&self, sealed: &[u8]) -> bool {
        decrypt(sealed, self.keys().identities.iter().map(|kept| &kept.identity).take(1)).is_err()
    }

    /// Seals a secret again where it was sealed for another identity than the one that encrypts now; `None` where it was not.
    ///
    /// # Errors
    /// As [`Vault::open_sealed`] and [`Vault::seal`].
    pub fn reseal(&self, record_id: &str, version: u32, sealed: &[u8]) -> Result<Option<Vec<u8>>, VaultError> {
        if !self.needs_resealing(sealed) {
            return Ok(None);
        }
        let secret = self.open_sealed(record_id, version, sealed)?;
        self.seal(record_id, version, &secret).map(Some)
    }

    fn encrypt(&self, plaintext: &[u8]) -> io::Result<Vec<u8>> {
        let keys = self.keys();
        let recipient: &dyn age::Recipient = &keys.recipient;
        let encryptor = Encryptor::with_recipients(iter::once(recipient)).map_err(io::Error::other)?;
        let mut sealed = Vec::new();
        let mut writer = encryptor.wrap_output(&mut sealed)?;
        writer.write_all(plaintext)?;
        writer.finish()?;
        Ok(sealed)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.keys();
        formatter
            .debug_struct("Vault")
            .field("recipient", &keys.recipient)
            .field("identities", &keys.identities.len())
            .finish_non_exhaustive()
    }
}

impl Keys {
    fn new(identities: Vec<Kept>, retired: Vec<Identity>) -> Self {
        let recipient = identities[0].identity.to_public();
        Self { identities, retired, recipient }
    }
}

/// Somebody may have written more into the file meanwhile: theirs come last.
fn add_unknown(identities: &mut Vec<Kept>, written: Vec<Kept>) {
    let unknown: Vec<_> = written.into_iter().filter(|kept| !is_among(identities, kept)).collect();
    identities.extend(unknown);
}

fn is_among(identities: &[Kept], one: &Kept) -> bool {
    identities.iter().any(|kept| kept.identity.to_public() == one.identity.to_public())
}

fn decrypt<'a>(sealed: &[u8], identities: impl Iterator<Item = &'a Identity>) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let decryptor = Decryptor::new_buffered(sealed)?;
    let identities = identities.map(|identity| identity as &dyn age::Identity);
    let mut reader = decryptor.decrypt(identities)?;
    // A plaintext is shorter than its ciphertext: the vector never grows, so no unwiped copy is left.
    let mut plaintext = Zeroizing::new(Vec::with_capacity(sealed.len()));
    reader.read_to_end(&mut plaintext)?;
    Ok(plaintext)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn secret() -> SecretString {
        SecretString::from("correct horse battery staple")
    }

    #[test]
    fn a_sealed_secret_opens_again() {
        let vault = Vault::ephemeral();
        for text in ["", "x", "äöü \u{1F511}\n", &"long ".repeat(50_000)] {
            let sealed = vault.seal("credential:1", 1, &SecretString::from(text)).unwrap();
            let opened = vault.open_sealed("credential:1", 1, &sealed).unwrap();
            assert_eq!(opened.expose_secret(), text);
        }
    }

    #[test]
    fn the_ciphertext_shows_neither_secret_nor_record_and_is_new_each_time() {
        let vault = Vault::ephemeral();
        let sealed = vault.seal("credential:1", 1, &secret()).unwrap();
        let text = String::from_utf8_lossy(&sealed);
        assert!(!text.contains("horse") && !text.contains("credential:1"));
        assert_ne!(sealed, vault.seal("credential:1", 1, &secret()).unwrap());
    }

    #[test]
    fn a_ciphertext_moved_to_another_record_or_version_fails_with_its_own_error() {
        let vault = Vault::ephemeral();
        let sealed = vault.seal("credential:1", 1, &secret()).unwrap();
        for (record_id, version) in [("credential:2", 1), ("credential:1", 2)] {
            let outcome = vault.open_sealed(record_id, version, &sealed);
            assert!(matches!(outcome, Err(VaultError::Swapped { .. })));
        }
    }

    #[test]
    fn another_vault_cannot_open_it() {
        let sealed = Vault::ephemeral().seal("c:1", 1, &secret()).unwrap();
        let error = Vault::ephemeral().open_sealed("c:1", 1, &sealed).unwrap_err();
        assert!(matches!(error, VaultError::Open { source: DecryptError::NoMatchingKeys, .. }));
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_noticed() {
        let vault = Vault::ephemeral();
        let sealed = vault.seal("c:1", 1, &secret()).unwrap();
        for index in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[index] ^= 1;
            assert!(vault.open_sealed("c:1", 1, &damaged).is_err(), "byte {index}");
            assert!(vault.open_sealed("c:1", 1, &sealed[..index]).is_err(), "cut {index}");
        }
    }

    #[test]
    fn debug_shows_no_secret_key() {
        let shown = format!("{:?}", Vault::ephemeral());
        assert!(shown.contains("age1"), "{shown}");
        assert!(!shown.to_uppercase().contains("SECRET"), "{shown}");
    }

    #[test]
    fn a_vault_is_shared_between_threads() {
        fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
        shared(&Vault::ephemeral());
    }
}
