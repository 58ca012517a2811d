//! How to log in: a key, a key with a certificate, or a password. In memory only.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use domain::credential::split_passphrase;
use russh::keys::{Certificate, Error as KeyError, PrivateKey, decode_secret_key};
use secrecy::{ExposeSecret, SecretString};

/// What is wrong with a login.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    /// It holds nothing.
    #[error("it is empty")]
    Empty,
    /// It looks like a private key and is none.
    #[error("the private key cannot be read; OpenSSH, PKCS#8 and PKCS#1 files are understood")]
    KeyUnreadable,
    /// The key wants a passphrase.
    #[error("the private key is protected by a passphrase")]
    PassphraseMissing,
    /// The passphrase does not open the key.
    #[error("the passphrase does not open the private key")]
    PassphraseWrong,
    /// The certificate's line is damaged.
    #[error("the certificate cannot be read")]
    CertificateUnreadable,
    /// The certificate was made for another key.
    #[error("the certificate belongs to another key")]
    CertificateOfAnotherKey,
    /// Its time is over, or has not come.
    #[error("the certificate is not valid at this time")]
    CertificateNotValidNow,
}

/// How to log in. `Debug` never prints a secret.
#[derive(Clone, Debug)]
pub(crate) enum Login {
    /// By a private key.
    Key {
        /// An OpenSSH, PKCS#8 or PKCS#1 file.
        private_key: SecretString,
        /// What opens it, when it is protected.
        passphrase: Option<SecretString>,
        /// The line of an OpenSSH certificate (`…-cert-v01@openssh.com AAAA…`).
        certificate: Option<String>,
    },
    /// By a password, also where the server asks for it in a dialogue.
    Password(SecretString),
}

/// A key that is open, ready to sign.
pub(super) struct OpenedKey {
    pub(super) key: Arc<PrivateKey>,
    pub(super) certificate: Option<Certificate>,
}

impl Login {
    /// Tells by its text what a secret is: one with a private key in it is a key, with the line of a certificate before or
    /// after it where there is one, and before all that its passphrase (see `domain::credential`); anything else is a password.
    pub(crate) fn from_secret(secret: &SecretString) -> Result<Self, LoginError> {
        let text = secret.expose_secret();
        if text.trim().is_empty() {
            return Err(LoginError::Empty);
        }
        if !text.contains("PRIVATE KEY") {
            // Whoever pastes a password easily takes the line break along.
            return Ok(Self::Password(text.trim_end_matches(['\r', '\n']).into()));
        }
        let (passphrase, text) = split_passphrase(text);
        let (certificates, key): (Vec<&str>, Vec<&str>) =
            text.lines().map(str::trim).partition(|line| line.contains("-cert-v01@openssh.com "));
        let login = Self::Key {
            private_key: key.join("\n").into(),
            passphrase: passphrase.map(Into::into),
            certificate: certificates.first().map(ToString::to_string),
        };
        match login.open_key() {
            Err(error) if !matches!(error, LoginError::PassphraseMissing | LoginError::CertificateNotValidNow) => Err(error),
            _ => Ok(login),
        }
    }

    /// Opens the key; nothing for a password.
    pub(super) fn open_key(&self) -> Result<Option<OpenedKey>, LoginError> {
        let Self::Key { private_key, passphrase, certificate } = self else { return Ok(None) };
        let key = open(private_key, passphrase.as_ref())?;
        let certificate = certificate.as_deref().map(|line| read_certificate(line, &key)).transpose()?;
        Ok(Some(OpenedKey { key: Arc::new(key), certificate }))
    }
}

/// Does what opens keys on a thread of its own: the key derivation of a protected one takes a good part of a second.
pub(crate) async fn unhurried<T: Send + 'static>(open: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(open).await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(opened) => opened,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The runtime is ending, and whoever waits here with it.
        Err(Err(_)) => std::future::pending().await,
    }
}

fn open(private_key: &SecretString, passphrase: Option<&SecretString>) -> Result<PrivateKey, LoginError> {
    let text = private_key.expose_secret();
    let opened = decode_secret_key(text, passphrase.map(ExposeSecret::expose_secret));
    let protected = || text.contains("ENCRYPTED") || matches!(&opened, Err(KeyError::KeyIsEncrypted));
    match (&opened, passphrase) {
        (Ok(key), _) if !key.is_encrypted() => Ok(key.clone()),
        (Ok(_), None) => Err(LoginError::PassphraseMissing),
        (Err(_), None) if protected() => Err(LoginError::PassphraseMissing),
        (_, None) => Err(LoginError::KeyUnreadable),
        (_, Some(_)) => Err(LoginError::PassphraseWrong),
    }
}

fn read_certificate(line: &str, key: &PrivateKey) -> Result<Certificate, LoginError> {
    let certificate = Certificate::from_openssh(line).map_err(|_| LoginError::CertificateUnreadable)?;
    if certificate.public_key() != key.public_key().key_data() {
        return Err(LoginError::CertificateOfAnotherKey);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if now < certificate.valid_after() || now >= certificate.valid_before() {
        return Err(LoginError::CertificateNotValidNow);
    }
    Ok(certificate)
}
