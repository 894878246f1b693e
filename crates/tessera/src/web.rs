//! The HTTP client of the commands.

use std::{sync::Arc, time::Duration};

use reqwest::Client;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

/// A client that trusts Mozilla's roots, and works where no certificates are installed. It may take so long to connect,
/// and be so long without an answer.
pub(crate) fn client(connect: Duration, silence: Duration) -> anyhow::Result<Client> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = Client::builder().tls_backend_preconfigured(tls).no_proxy().tcp_nodelay(true);
    Ok(client.connect_timeout(connect).read_timeout(silence).build()?)
}
