//! TLS by rustls: the certificate and its key from PEM files, read again when they change.
//!
//! A renewed certificate counts within [`LOOK_SECONDS`], without a restart and for new connections only; files
//! that cannot be read leave the old certificate in use and say so in the log.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
pub const LOOK_SECONDS: u64 = 5;

/// The certificate in use.
#[derive(Clone)]
pub struct Tls {
    files: Arc<Files>,
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// Why a certificate cannot be used; names the file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read {what} in {path}: {why}. It must be PEM")]
    File { what: &'static str, path: PathBuf, why: String },
    #[error("the certificate in {path} and its key do not serve: {why}")]
    Pair { path: PathBuf, why: rustls::Error },
}

type Stamp = (Option<SystemTime>, Option<SystemTime>);

impl Tls {
    pub fn load(certificate: &Path, key: &Path) -> Result<Tls, TlsError> {
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned() };
        let config = files.read()?;
        Ok(Tls { files: Arc::new(files), current: Arc::new(RwLock::new(config)) })
    }

    /// For one new connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(current.clone())
    }

    /// Looks at the files for ever.
    pub async fn follow(self) {
        let mut seen = self.files.stamp();
        loop {
            tokio::time::sleep(Duration::from_secs(LOOK_SECONDS)).await;
            let now = self.files.stamp();
            if now == seen {
                continue;
            }
            match self.reload() {
                Ok(()) => {
                    seen = now;
                    tracing::info!("the TLS certificate was read again");
                }
                // Tried again at the next look: the key may be written a moment after the certificate.
                Err(error) => tracing::warn!(%error, "the changed TLS certificate is not used"),
            }
        }
    }

    fn reload(&self) -> Result<(), TlsError> {
        let config = self.files.read()?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }
}

impl Files {
    fn stamp(&self) -> Stamp {
        let modified = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
        (modified(&self.certificate), modified(&self.key))
    }

    fn read(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let chain: Vec<_> = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .map_err(|error| unreadable("the certificate", &self.certificate, error))?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| unreadable("the private key", &self.key, error))?;
        let pair = |why| TlsError::Pair { path: self.certificate.clone(), why };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(pair)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(pair)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn unreadable(what: &'static str, path: &Path, error: rustls::pki_types::pem::Error) -> TlsError {
    TlsError::File { what, path: path.to_owned(), why: error.to_string() }
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}
