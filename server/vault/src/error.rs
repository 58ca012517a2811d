//! What can go wrong in this crate, a variant for each operation that failed.
//!
//! No message holds a secret, a key or a part of one.

use std::io;
use std::path::PathBuf;

/// Why the vault could not do what it was asked. `Display` names the operation; the cause is the source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The identity file could not be made.
    #[error("cannot create the identity file {}", path.display())]
    CreateIdentity {
        /// The file that was to be made.
        path: PathBuf,
        /// What the file system answered.
        #[source]
        source: io::Error,
    },
    /// The identity file could not be read.
    #[error("cannot read the identity file {}", path.display())]
    ReadIdentity {
        /// The file that was to be read.
        path: PathBuf,
        /// What the file system answered.
        #[source]
        source: io::Error,
    },
    /// The identity file could not be replaced by one with other identities.
    #[error("cannot replace the identity file {}", path.display())]
    ReplaceIdentity {
        /// The file that was to be replaced.
        path: PathBuf,
        /// What the file system answered.
        #[source]
        source: io::Error,
    },
    /// Others than the owner may read or write the identity file.
    #[error(
        "the identity file {path} has mode {mode:04o}, open to group or others; run: chmod 600 {path}",
        path = path.display()
    )]
    ExposedIdentity {
        /// The file in question.
        path: PathBuf,
        /// Its permission bits, such as `0o644`.
        mode: u32,
    },
    /// A line of the identity file is no X25519 age identity.
    #[error("line {line} of the identity file {} is no X25519 age identity: {reason}", path.display())]
    ParseIdentity {
        /// The file in question.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What age says of it; never the line itself.
        reason: &'static str,
    },
    /// The identity file holds comments or blank lines only.
    #[error("the identity file {} holds no identity", path.display())]
    NoIdentity {
        /// The file in question.
        path: PathBuf,
    },
    /// Encrypting failed.
    #[error("cannot encrypt the secret of record {record_id}")]
    Seal {
        /// The record the secret belongs to.
        record_id: String,
        /// What age or its writer answered.
        #[source]
        source: io::Error,
    },
    /// The id of a record does not fit the envelope (65,535 bytes).
    #[error("a record id of {length} bytes is too long to seal a secret for")]
    RecordIdTooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// Decrypting failed: no identity fits, or the ciphertext was changed or cut.
    #[error("cannot decrypt the secret of record {record_id}")]
    Open {
        /// The record the secret was read from.
        record_id: String,
        /// What age answered.
        #[source]
        source: age::DecryptError,
    },
    /// What was decrypted is not an envelope of this product.
    #[error("the decrypted secret of record {record_id} is not in an envelope this version can read")]
    Envelope {
        /// The record the secret was read from.
        record_id: String,
    },
    /// The ciphertext is sound but was made for another record or version: somebody moved it.
    #[error("the secret stored in record {record_id} version {version} was sealed for another record or version")]
    Swapped {
        /// The record the secret was read from.
        record_id: String,
        /// The version it was read from.
        version: u32,
    },
    /// Hashing a password failed.
    #[error("cannot hash the password")]
    HashPassword(#[source] argon2::password_hash::Error),
    /// The stored password hash is no PHC string.
    #[error("cannot parse the stored password hash")]
    ParsePasswordHash(#[source] argon2::password_hash::phc::Error),
    /// The stored password hash could not be computed again, for example for its parameters.
    #[error("cannot check the password against the stored hash")]
    VerifyPassword(#[source] argon2::password_hash::Error),
    /// The blocking task that hashes passwords died.
    #[error("the password task did not finish")]
    PasswordTask(#[source] tokio::task::JoinError),
    /// The system gave no random bytes.
    #[error("cannot draw random bytes for a token")]
    GenerateToken(#[source] getrandom::Error),
}

impl VaultError {
    /// Whether a ciphertext is sound so far as can be told, and was made for an identity that is not at hand.
    #[must_use]
    pub fn is_for_another_key(&self) -> bool {
        matches!(self, Self::Open { source: age::DecryptError::NoMatchingKeys, .. })
    }
}
