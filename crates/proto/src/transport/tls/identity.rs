//! Who we are to other services, and whom we believe: three files, which may be renewed while we run.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tokio::time::Instant;

/// How long the files are believed to be what they were.
const BELIEVED: Duration = Duration::from_secs(3);

/// Where the files are, all in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authorities whose certificates are believed.
    pub ca: PathBuf,
    /// Our certificate, and those between it and an authority.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} {problem}", file.display())]
pub struct TlsError {
    file: PathBuf,
    problem: String,
}

/// Who we are, by the files as they are now. Clones are the same.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    files: TlsFiles,
    state: Mutex<State>,
}

struct State {
    /// What the files held when they were last read.
    contents: Contents,
    configs: Configs,
    look_at: Instant,
}

type Contents = [Vec<u8>; 3];

#[derive(Clone)]
struct Configs {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Identity {
    /// Reads the files for the first time.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let contents = files.read()?;
        let configs = files.configs(&contents)?;
        let state = Mutex::new(State { contents, configs, look_at: Instant::now() + BELIEVED });
        Ok(Self(Arc::new(Inner { files, state })))
    }

    /// How to call others.
    pub(super) fn client(&self) -> Arc<ClientConfig> {
        self.current().client
    }

    /// How to be called by others.
    pub(super) fn server(&self) -> Arc<ServerConfig> {
        self.current().server
    }

    /// Has the files looked at when they are needed next.
    #[cfg(test)]
    pub(super) fn look_again(&self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).look_at = Instant::now();
    }

    /// What holds now. Files that changed for the worse change nothing.
    fn current(&self) -> Configs {
        let Inner { files, state } = &*self.0;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.look_at <= Instant::now() {
            state.look_at = Instant::now() + BELIEVED;
            match files.renewed(&mut state) {
                Ok(true) => {
                    tracing::info!(certificate = %files.cert.display(), "the certificate was renewed");
                }
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "the certificate cannot be renewed; the old one holds"),
            }
        }
        state.configs.clone()
    }
}

impl TlsFiles {
    fn read(&self) -> Result<Contents, TlsError> {
        let read = |file: &Path| {
            let unreadable = |error: io::Error| wrong(file, format!("cannot be read: {error}"));
            fs::read(file).map_err(unreadable)
        };
        Ok([read(&self.ca)?, read(&self.cert)?, read(&self.key)?])
    }

    /// Takes over what the files hold, where it is other than before.
    fn renewed(&self, state: &mut State) -> Result<bool, TlsError> {
        let contents = self.read()?;
        if contents == state.contents {
            return Ok(false);
        }
        state.configs = self.configs(&contents)?;
        state.contents = contents;
        Ok(true)
    }

    fn configs(&self, [ca, cert, key]: &Contents) -> Result<Configs, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        for authority in certificates(&self.ca, ca)? {
            roots.add(authority).map_err(|error| wrong(&self.ca, format!("cannot be used: {error}")))?;
        }
        let (chain, roots) = (certificates(&self.cert, cert)?, Arc::new(roots));
        let key = || {
            PrivateKeyDer::from_pem_slice(key)
                .map_err(|_| wrong(&self.key, "holds no private key in PEM".into()))
        };
        let misfit = |error: rustls::Error| {
            let key = self.key.display();
            wrong(&self.cert, format!("cannot be used with the key in {key}: {error}"))
        };
        let mut client = versions(ClientConfig::builder_with_provider(Arc::clone(&provider)))
            .with_root_certificates(Arc::clone(&roots))
            .with_client_auth_cert(chain.clone(), key()?)
            .map_err(misfit)?;
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
        let verifier = verifier.map_err(|error| wrong(&self.ca, format!("cannot be used: {error}")))?;
        let mut server = versions(ServerConfig::builder_with_provider(provider))
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key()?)
            .map_err(misfit)?;
        client.alpn_protocols = vec![b"h2".to_vec()];
        server.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Configs { client: Arc::new(client), server: Arc::new(server) })
    }
}

fn versions<S: rustls::ConfigSide>(
    builder: rustls::ConfigBuilder<S, rustls::WantsVersions>,
) -> rustls::ConfigBuilder<S, rustls::WantsVerifier> {
    builder.with_safe_default_protocol_versions().expect("the provider has the usual versions of TLS")
}

fn certificates(file: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| wrong(file, format!("is no PEM: {error}")))?;
    if found.is_empty() { Err(wrong(file, "holds no certificate in PEM".into())) } else { Ok(found) }
}

fn wrong(file: &Path, problem: String) -> TlsError {
    TlsError { file: file.to_owned(), problem }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.files.fmt(f)
    }
}
