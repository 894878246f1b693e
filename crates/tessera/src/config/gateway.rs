//! `[gateway]`: the edge.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    path::PathBuf,
    str::FromStr,
};

use proto::transport::ServiceUrl;
use serde::Deserialize;

use super::{
    secret::{Secret, SecretSource},
    value::{Parsed, Seconds},
};

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
    /// Where the console listens; nowhere for `tessera gateway`, `127.0.0.1:8046` for `tessera up`.
    console_listen: Option<Parsed<ConsoleListen>>,
    /// What opens the console; `tessera up` makes it once when nothing is said.
    console_token: Option<Secret>,
    console_token_env: Option<String>,
    console_token_file: Option<PathBuf>,
}

/// Where a console listens, if anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConsoleListen {
    /// Nowhere.
    Off,
    /// On this address.
    At(SocketAddr),
}

impl FromStr for ConsoleListen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            address => address
                .parse()
                .map(Self::At)
                .map_err(|_| format!("`{address}` must be an IP address and a port, or off")),
        }
    }
}

impl Gateway {
    /// Where the console listens, where anything is said of it.
    pub(crate) fn console_listen(&self) -> Option<ConsoleListen> {
        self.console_listen.map(|Parsed(listen)| listen)
    }

    /// Where the console's token is.
    pub(crate) fn console_token(&self) -> Result<Option<SecretSource>, String> {
        let (variable, file) = (self.console_token_env.clone(), self.console_token_file.clone());
        SecretSource::one_of("console_token", self.console_token.clone(), variable, file)
    }

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
            console_listen: None,
            console_token: None,
            console_token_env: None,
            console_token_file: None,
        }
    }
}
