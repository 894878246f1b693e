//! `[gateway]`: the edge.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
};

use proto::transport::ServiceUrl;
use serde::Deserialize;

use super::value::{Parsed, Seconds};

/// The section.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Gateway {
    /// Where the edge listens for HTTP; `127.0.0.1:8045`.
    pub listen: SocketAddr,
    /// Where generation is; `http://127.0.0.1:8050`.
    pub generation_url: Parsed<ServiceUrl>,
    /// Where quota is; `http://127.0.0.1:8051`.
    pub quota_url: Parsed<ServiceUrl>,
    /// The largest request body, in bytes; 32 MiB.
    pub body_limit_bytes: NonZeroUsize,
    /// How long a client may take to send its request's headers; 10.
    pub header_timeout_seconds: Seconds,
    /// How long a request body may stand still; 30.
    pub body_idle_timeout_seconds: Seconds,
    /// The pause between signs of life on a stream that has nothing else to say; 10.
    pub keep_alive_seconds: Seconds,
}

impl Gateway {
    /// What the edge itself needs to know.
    pub(crate) fn settings(&self) -> ::gateway::Settings {
        ::gateway::Settings {
            body_limit_bytes: self.body_limit_bytes.get(),
            header_timeout: self.header_timeout_seconds.get(),
            body_idle_timeout: self.body_idle_timeout_seconds.get(),
            keep_alive: self.keep_alive_seconds.get(),
        }
    }
}

impl Default for Gateway {
    fn default() -> Self {
        let settings = ::gateway::Settings::default();
        let local = |port| Parsed(format!("http://127.0.0.1:{port}").parse().expect("is a service URL"));
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8045).into(),
            generation_url: local(8050),
            quota_url: local(8051),
            body_limit_bytes: NonZeroUsize::new(settings.body_limit_bytes).expect("is not zero"),
            header_timeout_seconds: settings.header_timeout.into(),
            body_idle_timeout_seconds: settings.body_idle_timeout.into(),
            keep_alive_seconds: settings.keep_alive.into(),
        }
    }
}
