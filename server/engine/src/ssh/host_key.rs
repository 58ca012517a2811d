//! The public key by which a host proves itself.

use std::{fmt, str::FromStr};

use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey};

/// What was given is no host key that can be pinned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidHostKey {
    /// It is not a line as in `/etc/ssh/ssh_host_ed25519_key.pub`.
    #[error("a host key is one line of the form `ssh-ed25519 AAAA…`")]
    Unreadable,
    /// DSA, a certificate, a hardware key.
    #[error("a host key of type {0} is not supported; use ed25519, ecdsa or rsa")]
    Unsupported(String),
}

/// The public key of a host. `Display` and `FromStr` are the line of an OpenSSH public key file, without its comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostKey(PublicKey);

impl HostKey {
    /// The key as OpenSSH shows it to people: `SHA256:…`.
    pub(crate) fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    /// What the host showed.
    pub(super) fn seen(key: &PublicKey) -> Self {
        let mut key = key.clone();
        key.set_comment("");
        Self(key)
    }
}

impl FromStr for HostKey {
    type Err = InvalidHostKey;

    fn from_str(line: &str) -> Result<Self, InvalidHostKey> {
        let key = PublicKey::from_openssh(line.trim()).map_err(|_| InvalidHostKey::Unreadable)?;
        match key.algorithm() {
            Algorithm::Ed25519 | Algorithm::Ecdsa { .. } | Algorithm::Rsa { .. } => Ok(Self::seen(&key)),
            other => Err(InvalidHostKey::Unsupported(other.to_string())),
        }
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_openssh().map_err(|_| fmt::Error)?)
    }
}

/// The algorithms a host may prove itself by, the pinned key's own first: a host with several keys then shows that one.
/// Never `ssh-rsa`, which signs with SHA-1.
pub(super) fn algorithms(pinned: Option<&HostKey>) -> Vec<Algorithm> {
    let mut all = vec![
        Algorithm::Ed25519,
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
        Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
        Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
    ];
    if let Some(pinned) = pinned.map(|key| key.0.algorithm()) {
        let is_rsa = |algorithm: &Algorithm| matches!(algorithm, Algorithm::Rsa { .. });
        all.sort_by_key(|algorithm| *algorithm != pinned && !(is_rsa(algorithm) && is_rsa(&pinned)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBJmDS4j8h/m1g+aU74j8pHZb2O6z\
        CNgYAGn7IsYFEfT9lFG2gumBpXSquZ9G29iFTLgM+R/TmhMrGao5+z0PLPw=";
    const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDGw7Nf5v+S7cboxRJ7uS5zUZlvNZBtI//6V+DAVANsVi9gwqLqV89IiRIRkaoG\
        xx1t4eROeKJMMJQ7h1ytdw4/NAa2Wupep/2FfL+XqmBVudUYqU6xgGEukXitG+EAvaEcVaPWgw1/l9QwGAW+t/DtLiYitjsGG9Nm\
        5mrHEufE8r+3yuXihXdpG53efY7zWHkUIQuHma/8qTRzGUtpT8abYG7kRGKMlovnwUP9A3CnkA5wCxiPydZevh86BZjAb5qu6OWq\
        ADf9YdY1mxf1AgAsTf8FjQXn7fDu0Q1iEqoqdWJI9Ty+2Fp943GmOVqgZia/5lssGu74qDZugx+nSgKJ";

    #[test]
    fn a_key_is_read_and_shown_as_openssh_does() {
        let key: HostKey = format!("  {LINE} root@web-1\n").parse().expect("a key");
        assert_eq!(key.to_string(), LINE);
        assert_eq!(key, LINE.parse().expect("the same key"));
        assert!(key.fingerprint().starts_with("SHA256:"));
        assert_eq!(key.fingerprint().len(), "SHA256:".len() + 43);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "ssh-ed25519", "web-1 ssh-ed25519 AAAA", "ssh-ed25519 AAAA", &LINE[..40]] {
            assert!(text.parse::<HostKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_pinned_type_is_asked_for_first_and_sha1_never() {
        let first = |key: &str| algorithms(Some(&key.parse().expect("a key")))[0].to_string();
        assert_eq!(first(LINE), "ssh-ed25519");
        assert_eq!(first(ECDSA), "ecdsa-sha2-nistp256");
        assert_eq!(first(RSA), "rsa-sha2-512");
        assert!(algorithms(None).iter().all(|algorithm| algorithm.to_string() != "ssh-rsa"));
    }
}
