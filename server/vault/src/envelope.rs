//! The plaintext inside a ciphertext: which record and version a secret was sealed for, then the secret.
//!
//! age proves that a ciphertext is whole, not that it lies where it was put. Someone who can write the
//! store could copy the ciphertext of a credential they may not use over one they may; the record id
//! and version inside turn that into an error of its own.
//!
//! Format 1, integers big-endian:
//!
//! | bytes | content |
//! |---|---|
//! | 4 | `RBSV` |
//! | 1 | format: `1` |
//! | 4 | version of the record, u32 |
//! | 2 | n, length of the record id in bytes, u16 |
//! | n | record id, UTF-8 |
//! | rest | the secret, UTF-8 |
//!
//! The whole is one binary age v1 file (<https://age-encryption.org/v1>) to one X25519 recipient.
//! A later format gets a new number; this one stays readable.

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::VaultError;

const MAGIC: &[u8; 4] = b"RBSV";
const FORMAT: u8 = 1;
const HEADER_BYTES: usize = MAGIC.len() + 1 + 4 + 2;

/// The envelope as bytes, wiped when dropped.
pub(crate) fn encode(record_id: &str, version: u32, secret: &SecretString) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let id_length = u16::try_from(record_id.len()).map_err(|_| VaultError::RecordIdTooLong { length: record_id.len() })?;
    let secret = secret.expose_secret();
    // The exact capacity: a vector that grows leaves unwiped copies behind.
    let capacity = HEADER_BYTES + record_id.len() + secret.len();
    let mut envelope = Zeroizing::new(Vec::with_capacity(capacity));
    envelope.extend_from_slice(MAGIC);
    envelope.push(FORMAT);
    envelope.extend_from_slice(&version.to_be_bytes());
    envelope.extend_from_slice(&id_length.to_be_bytes());
    envelope.extend_from_slice(record_id.as_bytes());
    envelope.extend_from_slice(secret.as_bytes());
    debug_assert_eq!(envelope.len(), capacity);
    Ok(envelope)
}

/// The secret of an envelope, if it was made for this record and version.
pub(crate) fn decode(record_id: &str, version: u32, envelope: &[u8]) -> Result<SecretString, VaultError> {
    let Some((sealed_version, sealed_id, secret)) = split(envelope) else {
        return Err(VaultError::Envelope { record_id: record_id.to_owned() });
    };
    if sealed_version != version || sealed_id != record_id.as_bytes() {
        return Err(VaultError::Swapped { record_id: record_id.to_owned(), version });
    }
    Ok(SecretString::from(secret))
}

/// Version, record id and secret; `None` for anything but format 1.
fn split(envelope: &[u8]) -> Option<(u32, &[u8], &str)> {
    let rest = envelope.strip_prefix(MAGIC)?;
    let rest = rest.strip_prefix(&[FORMAT])?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    let (id_length, rest) = rest.split_first_chunk::<2>()?;
    let (id, secret) = rest.split_at_checked(usize::from(u16::from_be_bytes(*id_length)))?;
    Some((u32::from_be_bytes(*version), id, std::str::from_utf8(secret).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Zeroizing<Vec<u8>> {
        encode("credential:7", 3, &SecretString::from("s3cret")).unwrap()
    }

    #[test]
    fn the_format_is_the_documented_one() {
        assert_eq!(envelope().as_slice(), b"RBSV\x01\x00\x00\x00\x03\x00\x0ccredential:7s3cret");
    }

    #[test]
    fn the_secret_comes_back_for_its_own_record_and_version() {
        let secret = decode("credential:7", 3, &envelope()).unwrap();
        assert_eq!(secret.expose_secret(), "s3cret");
    }

    #[test]
    fn another_record_or_version_is_a_swap() {
        for (record_id, version) in [("credential:8", 3), ("credential:7", 4), ("credential:7s", 3)] {
            let outcome = decode(record_id, version, &envelope());
            assert!(matches!(outcome, Err(VaultError::Swapped { .. })));
        }
    }

    #[test]
    fn every_cut_header_is_malformed() {
        let envelope = envelope();
        for length in 0..HEADER_BYTES + "credential:7".len() {
            let outcome = decode("credential:7", 3, &envelope[..length]);
            assert!(matches!(outcome, Err(VaultError::Envelope { .. })), "{length}");
        }
    }

    #[test]
    fn an_unknown_format_is_refused() {
        let mut envelope = envelope();
        envelope[4] = 2;
        let outcome = decode("credential:7", 3, &envelope);
        assert!(matches!(outcome, Err(VaultError::Envelope { .. })));
    }

    #[test]
    fn an_id_too_long_for_its_length_field_is_refused() {
        let outcome = encode(&"x".repeat(65_536), 1, &SecretString::from("s"));
        assert!(matches!(outcome, Err(VaultError::RecordIdTooLong { length: 65_536 })));
    }
}
