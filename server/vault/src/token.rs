//! API keys and session ids: 256 random bits, shown once, stored as SHA-256.
//!
//! A plain hash is enough here, unlike for passwords: nobody can try 2²⁵⁶ values.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::VaultError;

/// What every API key begins with, so that secret scanners and people recognise one.
pub const API_KEY_PREFIX: &str = "rbs_";

const TOKEN_BYTES: usize = 32;

/// A new API key: `rbs_` and 43 characters of base64url.
pub struct ApiKey(SecretString);

impl ApiKey {
    /// Draws a new key.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, VaultError> {
        random_token(API_KEY_PREFIX).map(Self)
    }
}

/// A new session id, the value of the session cookie: 43 characters of base64url.
pub struct SessionToken(SecretString);

impl SessionToken {
    /// Draws a new session id.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, VaultError> {
        random_token("").map(Self)
    }
}

/// What both kinds of token are for their owners and for the store.
macro_rules! token {
    ($name:ident) => {
        impl $name {
            /// The token itself, to be shown or sent once.
            #[must_use]
            pub fn secret(&self) -> &SecretString {
                &self.0
            }

            /// The token itself, by value.
            #[must_use]
            pub fn into_secret(self) -> SecretString {
                self.0
            }

            /// What to store; see [`token_hash`].
            #[must_use]
            pub fn hash(&self) -> String {
                token_hash(self.0.expose_secret())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    };
}

token!(ApiKey);
token!(SessionToken);

/// What the store keeps instead of a key or session id: SHA-256 as 64 lower-case hexadecimal digits.
#[must_use]
pub fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// Whether two hashes are the same, in a time that tells nothing about where they differ.
#[must_use]
pub fn hashes_equal(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

fn random_token(prefix: &str) -> Result<SecretString, VaultError> {
    let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
    getrandom::fill(bytes.as_mut_slice()).map_err(VaultError::GenerateToken)?;
    let encoded = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(bytes.as_slice()));
    // The exact capacity, so that no copy is left behind.
    let mut token = String::with_capacity(prefix.len() + encoded.len());
    token.push_str(prefix);
    token.push_str(&encoded);
    Ok(SecretString::from(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_key_is_recognisable_and_holds_256_bits() {
        let key = ApiKey::generate().unwrap();
        let encoded = key.secret().expose_secret().strip_prefix("rbs_").unwrap();
        assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(encoded).unwrap().len(), 32);
    }

    #[test]
    fn a_session_token_fits_a_cookie_and_holds_256_bits() {
        let token = SessionToken::generate().unwrap();
        let decoded = BASE64_URL_SAFE_NO_PAD.decode(token.secret().expose_secret());
        assert_eq!(decoded.unwrap().len(), 32);
    }

    #[test]
    fn no_two_tokens_are_alike() {
        let first = ApiKey::generate().unwrap().hash();
        assert_ne!(first, ApiKey::generate().unwrap().hash());
    }

    #[test]
    fn the_hash_is_sha_256_in_hexadecimal() {
        assert_eq!(token_hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let key = ApiKey::generate().unwrap();
        assert_eq!(key.hash(), token_hash(key.secret().expose_secret()));
    }

    #[test]
    fn hashes_are_compared_whole() {
        let hash = token_hash("abc");
        assert!(hashes_equal(&hash, &token_hash("abc")));
        assert!(!hashes_equal(&hash, &token_hash("abd")));
        assert!(!hashes_equal(&hash, &hash[..63]));
        assert!(!hashes_equal(&hash, ""));
    }

    #[test]
    fn debug_shows_no_token() {
        let (key, session) = (ApiKey::generate().unwrap(), SessionToken::generate().unwrap());
        assert_eq!(format!("{key:?}"), "ApiKey(redacted)");
        assert_eq!(format!("{session:?}"), "SessionToken(redacted)");
    }
}
