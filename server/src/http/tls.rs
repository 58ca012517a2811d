//! TLS with a certificate and key from files, which are read again on SIGHUP.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;

/// The certificate that is shown. A clone is a handle to the same.
#[derive(Clone)]
pub struct Tls {
    files: TlsFiles,
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

/// Where certificate and key are, both in PEM (RFC 7468): the chain, the server's own first, and its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificates.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// When one cannot be read, holds nothing of the kind, or the two do not belong together.
    pub fn open(files: TlsFiles) -> anyhow::Result<Self> {
        let config = read(&files)?;
        Ok(Self { files, current: Arc::new(RwLock::new(config)) })
    }

    /// What the next connection is accepted with.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Reads the files again; connections that are open keep what they have.
    ///
    /// # Errors
    /// As [`Tls::open`]; the old certificate is then still shown.
    pub fn reload(&self) -> anyhow::Result<()> {
        let config = read(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Reads the files again whenever this process gets a SIGHUP.
    ///
    /// # Errors
    /// When the signal cannot be listened for.
    pub fn reload_on_hangup(self) -> anyhow::Result<()> {
        let mut hangups = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            while hangups.recv().await.is_some() {
                match self.reload() {
                    Ok(()) => {
                        tracing::info!(certificate = %self.files.certificate.display(), "the TLS certificate was read again")
                    }
                    Err(error) => {
                        tracing::error!(
                            error = format!("{error:#}"),
                            "the TLS certificate could not be read again; the old one stays"
                        );
                    }
                }
            }
        });
        Ok(())
    }
}

fn read(files: &TlsFiles) -> anyhow::Result<Arc<ServerConfig>> {
    let text = |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let what = || format!("cannot read a certificate in {}", files.certificate.display());
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&text(&files.certificate)?).collect::<Result<_, _>>().with_context(what)?;
    anyhow::ensure!(!chain.is_empty(), "there is no certificate in {}", files.certificate.display());
    let key = PrivateKeyDer::from_pem_slice(&text(&files.key)?)
        .with_context(|| format!("cannot read a private key in {}", files.key.display()))?;
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).with_context(|| {
        format!("the certificate in {} and the key in {} do not do", files.certificate.display(), files.key.display())
    })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
