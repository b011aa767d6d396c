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

#[cfg(test)]
mod tests {
    use std::fs;

    use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
    use tokio_rustls::TlsConnector;

    use super::*;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls").join(name)
    }

    /// A folder with the pair `name` as `certificate` and `key`.
    fn folder(test: &str, name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("kalends-tls-{test}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        place(&folder, name);
        folder
    }

    fn place(folder: &Path, name: &str) {
        fs::copy(fixture(&format!("{name}.pem")), folder.join("certificate")).unwrap();
        fs::copy(fixture(&format!("{name}.key")), folder.join("key")).unwrap();
        // Fixtures may have been written within the clock's grain.
        let at = SystemTime::now() + Duration::from_secs(name.len() as u64 * u64::from(name == "two"));
        fs::File::open(folder.join("certificate")).unwrap().set_modified(at).unwrap();
    }

    /// The certificate that a client is shown, and the protocol agreed on.
    async fn shown(tls: &Tls) -> (CertificateDer<'static>, Vec<u8>) {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(fixture("ca.pem")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut client = client.with_root_certificates(roots).with_no_client_auth();
        client.alpn_protocols = vec![b"h2".to_vec()];
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let acceptor = tls.acceptor();
        tokio::spawn(async move { acceptor.accept(ours).await.map(drop) });
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(client)).connect(name, theirs).await.unwrap();
        let session = stream.get_ref().1;
        let certificate = session.peer_certificates().unwrap()[0].clone().into_owned();
        (certificate, session.alpn_protocol().unwrap_or_default().to_vec())
    }

    fn certificate(name: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(fixture(&format!("{name}.pem"))).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewed_certificate_is_used_within_seconds() {
        let folder = folder("renewed", "one");
        let tls = Tls::load(&folder.join("certificate"), &folder.join("key")).unwrap();
        assert_eq!(shown(&tls).await, (certificate("one"), b"h2".to_vec()));
        tokio::spawn(tls.clone().follow());
        tokio::task::yield_now().await;
        place(&folder, "two");
        tokio::time::sleep(Duration::from_secs(2 * LOOK_SECONDS)).await;
        assert_eq!(shown(&tls).await.0, certificate("two"));
        fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn a_broken_renewal_leaves_the_old_certificate() {
        let folder = folder("broken", "one");
        let tls = Tls::load(&folder.join("certificate"), &folder.join("key")).unwrap();
        fs::copy(fixture("two.pem"), folder.join("certificate")).unwrap();
        assert!(tls.reload().is_err(), "certificate two with key one");
        fs::write(folder.join("certificate"), "nonsense").unwrap();
        assert!(tls.reload().is_err());
        assert_eq!(shown(&tls).await.0, certificate("one"));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_missing_file_is_named() {
        let error =
            Tls::load(Path::new("/nowhere.pem"), Path::new("/nowhere.key")).err().unwrap().to_string();
        assert!(error.contains("/nowhere.pem"), "{error}");
    }
}
