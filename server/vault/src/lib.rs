//! Encrypts secrets, hashes passwords and keys, redacts output.
//!
//! The only crate that names `age` and `argon2`: what protects a secret at rest, in a login and in a
//! log can be read, and changed, here alone.
//!
//! | to … | use |
//! |---|---|
//! | encrypt a credential for the store, and read it back | [`Vault`] |
//! | replace the key without a moment in which nothing can be read | [`Vault::add_identity`], [`Vault::reseal`], [`Vault::retire_identities`] |
//! | hash and check passwords without stalling the server | [`PasswordHasher`] |
//! | make API keys and session ids, and look them up by hash | [`ApiKey`], [`SessionToken`], [`token_hash`], [`hashes_equal`] |
//! | keep secrets out of output, logs and errors | [`Redactor`], [`RedactStream`] |
//!
//! Knows nothing of stores, users or runs; ids are plain strings.

mod encodings;
mod envelope;
mod error;
mod identity;
mod password;
mod redact;
mod token;
mod vault;

pub use crate::error::VaultError;
pub use crate::password::PasswordHasher;
pub use crate::redact::{MASK, RedactStream, Redactor};
pub use crate::token::{API_KEY_PREFIX, ApiKey, SessionToken, hashes_equal, token_hash};
pub use crate::vault::{Storing, Vault};
