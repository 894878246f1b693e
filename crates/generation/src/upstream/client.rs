//! The HTTP client that every provider is called with.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, redirect, retry};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

use super::Timeouts;
use crate::SettingsError;

/// How long an idle connection is kept. Shorter than the servers' own habit, so that a call rarely goes out on
/// a connection that is being closed: such a call cannot be told from one that was paid for.
const POOL_IDLE: Duration = Duration::from_mins(1);

/// Unread bytes of one answer, and of all answers on one HTTP/2 connection.
const STREAM_WINDOW: u32 = 2 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;

/// A pooled client for HTTP/1.1 and HTTP/2 that trusts Mozilla's roots and nothing of its environment: it
/// follows no redirect, uses no proxy, keeps no cookie and repeats nothing of its own accord.
pub(crate) fn build(timeouts: &Timeouts) -> Result<Client, SettingsError> {
    Client::builder()
        .tls_backend_preconfigured(tls()?)
        .user_agent(concat!("tessera/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .referer(false)
        .connect_timeout(timeouts.connect)
        .pool_idle_timeout(POOL_IDLE)
        .tcp_nodelay(true)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .http2_keep_alive_timeout(Duration::from_secs(10))
        .build()
        .map_err(|error| SettingsError::Client(error.to_string()))
}

fn tls() -> Result<ClientConfig, SettingsError> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| SettingsError::Client(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
