//! Who we are to other services, and whom we believe: three files, which may be renewed while we run.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tokio::time::sleep;

use super::Certificate;

/// How often it is looked whether the files were renewed.
const ROUND: Duration = Duration::from_secs(2);

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
    /// What the files held when they were last read well.
    contents: Contents,
    configs: Configs,
    /// What was wrong when they were last looked at, and was told.
    trouble: Option<TlsError>,
}

type Contents = [Vec<u8>; 3];

struct Configs {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    certificate: Arc<Certificate>,
}

impl Identity {
    /// Reads the files, and again every few seconds for as long as somebody goes by them. Needs a runtime.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let contents = files.read()?;
        let configs = files.configs(&contents)?;
        let state = Mutex::new(State { contents, configs, trouble: None });
        let inner = Arc::new(Inner { files, state });
        tokio::spawn(keep_up(Arc::downgrade(&inner)));
        Ok(Self(inner))
    }

    /// The certificate that is shown now.
    pub fn certificate(&self) -> Arc<Certificate> {
        Arc::clone(&self.0.state().configs.certificate)
    }

    /// How to call others.
    pub(super) fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0.state().configs.client)
    }

    /// How to be called by others.
    pub(super) fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.state().configs.server)
    }

    /// Has the files looked at now.
    #[cfg(test)]
    pub(super) fn look_again(&self) {
        self.0.look();
    }
}

/// Has those who go by the files go by what they hold now.
async fn keep_up(identity: Weak<Inner>) {
    loop {
        sleep(ROUND).await;
        let Some(inner) = identity.upgrade() else { return };
        inner.look();
    }
}

impl Inner {
    /// Takes over what the files hold. Files that changed for the worse change nothing, and that is told once.
    fn look(&self) {
        let mut state = self.state();
        let trouble = match self.files.renewed(&mut state) {
            Ok(true) => {
                tracing::info!(certificate = %self.files.cert.display(), "the certificate was renewed");
                None
            }
            Ok(false) => None,
            Err(error) => Some(error),
        };
        if let Some(error) = &trouble
            && state.trouble != trouble
        {
            tracing::error!(%error, "the certificate cannot be renewed, and the old one holds; write all three files anew");
        }
        state.trouble = trouble;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Looks whether the files can be used together.
    pub fn certificate(&self) -> Result<Certificate, TlsError> {
        let contents = self.read()?;
        self.configs(&contents)?;
        self.shown(&contents)
    }

    fn shown(&self, [ca, cert, _]: &Contents) -> Result<Certificate, TlsError> {
        let mut authorities = RootCertStore::empty();
        for authority in certificates(&self.ca, ca)? {
            authorities
                .add(authority)
                .map_err(|error| wrong(&self.ca, format!("cannot be used: {error}")))?;
        }
        Ok(Certificate { chain: certificates(&self.cert, cert)?, authorities: Arc::new(authorities) })
    }

    fn configs(&self, contents: &Contents) -> Result<Configs, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificate = Arc::new(self.shown(contents)?);
        let (chain, roots) = (&certificate.chain, &certificate.authorities);
        let [.., key] = contents;
        let key = || {
            PrivateKeyDer::from_pem_slice(key)
                .map_err(|_| wrong(&self.key, "holds no private key in PEM".into()))
        };
        let misfit = |error: rustls::Error| {
            let key = self.key.display();
            wrong(&self.cert, format!("cannot be used with the key in {key}: {error}"))
        };
        let mut client = versions(ClientConfig::builder_with_provider(Arc::clone(&provider)))
            .with_root_certificates(Arc::clone(roots))
            .with_client_auth_cert(chain.clone(), key()?)
            .map_err(misfit)?;
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(&provider)).build();
        let verifier = verifier.map_err(|error| wrong(&self.ca, format!("cannot be used: {error}")))?;
        let mut server = versions(ServerConfig::builder_with_provider(provider))
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain.clone(), key()?)
            .map_err(misfit)?;
        client.alpn_protocols = vec![b"h2".to_vec()];
        server.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Configs { client: Arc::new(client), server: Arc::new(server), certificate })
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
