//! `[generation]`, `[generation.gemini]` and `[generation.vertex]`: the core and its providers.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use ::generation::upstream;
use proto::{sealing::SealingKey, transport::ServiceUrl};
use serde::Deserialize;

use super::{
    secret::{Secret, SecretSource},
    value::{Endpoint, Origin, Parsed, Seconds},
};

/// The section.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Generation {
    /// Where generation listens for gRPC; `127.0.0.1:8050`.
    pub listen: SocketAddr,
    /// Where quota is; `http://127.0.0.1:8051`.
    pub quota_url: Parsed<ServiceUrl>,
    /// The most calls for one picture, each on another account; 3.
    pub max_attempts: u32,
    /// How long one request may take in all, its wait for quota included; 180.
    pub deadline_seconds: Seconds,
    /// The directory of what quota was not yet told of leases; `outbox` in the data directory.
    pub outbox: Option<PathBuf>,
    /// Whether the record of recent requests, which operators watch, has their prompts; no.
    pub keep_prompts: bool,
    /// What sealed credentials are opened with; in `tessera up` made once when nothing is said.
    sealing_key: Option<Secret>,
    sealing_key_env: Option<String>,
    sealing_key_file: Option<PathBuf>,
    /// The Gemini API.
    pub gemini: Gemini,
    /// Vertex AI.
    pub vertex: Vertex,
}

/// How to reach the Gemini API. The times and the limit are those of Vertex AI too.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Gemini {
    /// Scheme and host; Google's own.
    pub base_url: Parsed<Origin>,
    /// How long connecting may take; 5.
    pub connect_timeout_seconds: Seconds,
    /// How long the first byte of an answer may take, which is nearly the whole time of drawing; 170.
    pub first_byte_timeout_seconds: Seconds,
    /// How long an answer that has begun may stand still; 30.
    pub idle_timeout_seconds: Seconds,
    /// How long one call may take in all; 175.
    pub total_timeout_seconds: Seconds,
    /// The largest answer, in bytes, its base64 included; 64 MiB.
    pub answer_limit_bytes: usize,
}

/// How to reach Vertex AI.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Vertex {
    /// Scheme and host; without it those of each account's location.
    pub base_url: Option<Parsed<Origin>>,
    /// Where tokens are had; without it where each account's file says.
    pub token_url: Option<Parsed<Endpoint>>,
}

impl Generation {
    /// Where its sealing key is.
    pub(crate) fn sealing_key(&self) -> Result<Option<SecretSource>, String> {
        let (variable, file) = (self.sealing_key_env.clone(), self.sealing_key_file.clone());
        SecretSource::one_of("sealing_key", self.sealing_key.clone(), variable, file)
    }

    /// What generation itself needs to know; the outbox is the one that is named here, or else the data directory's.
    pub(crate) fn settings(
        &self,
        outbox: PathBuf,
        sealing_key: Option<SealingKey>,
    ) -> ::generation::Settings {
        ::generation::Settings {
            max_attempts: self.max_attempts,
            deadline: self.deadline_seconds.get(),
            outbox: Some(outbox),
            keep_prompts: self.keep_prompts,
            sealing_key: sealing_key.map(Arc::new),
            gemini: self.gemini.settings(),
            vertex: self.vertex.settings(),
        }
    }
}

impl Gemini {
    /// Whether calls go where they go when nothing is said: to Google.
    pub(crate) fn is_google(&self) -> bool {
        self.base_url == Self::default().base_url
    }

    /// Has calls go to a server of this machine.
    pub(crate) fn call(&mut self, address: SocketAddr) {
        self.base_url = Parsed(format!("http://{address}").parse().expect("an address is an origin"));
    }

    fn settings(&self) -> upstream::gemini::Settings {
        upstream::gemini::Settings {
            base_url: self.base_url.0.as_str().to_owned(),
            timeouts: upstream::Timeouts {
                connect: self.connect_timeout_seconds.get(),
                first_byte: self.first_byte_timeout_seconds.get(),
                idle: self.idle_timeout_seconds.get(),
                total: self.total_timeout_seconds.get(),
            },
            answer_limit_bytes: self.answer_limit_bytes,
        }
    }
}

impl Vertex {
    fn settings(&self) -> upstream::vertex::Settings {
        upstream::vertex::Settings {
            base_url: self.base_url.as_ref().map(|Parsed(url)| url.as_str().to_owned()),
            token_url: self.token_url.as_ref().map(|Parsed(url)| url.as_str().to_owned()),
        }
    }
}

impl Default for Generation {
    fn default() -> Self {
        let settings = ::generation::Settings::default();
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8050).into(),
            quota_url: Parsed("http://127.0.0.1:8051".parse().expect("is a service URL")),
            max_attempts: settings.max_attempts,
            deadline_seconds: settings.deadline.into(),
            outbox: None,
            keep_prompts: settings.keep_prompts,
            sealing_key: None,
            sealing_key_env: None,
            sealing_key_file: None,
            gemini: settings.gemini.into(),
            vertex: Vertex::default(),
        }
    }
}

impl Default for Gemini {
    fn default() -> Self {
        upstream::gemini::Settings::default().into()
    }
}

impl From<upstream::gemini::Settings> for Gemini {
    fn from(settings: upstream::gemini::Settings) -> Self {
        let upstream::gemini::Settings { base_url, timeouts, answer_limit_bytes } = settings;
        Self {
            base_url: Parsed(base_url.parse().expect("generation's own default is an origin")),
            connect_timeout_seconds: timeouts.connect.into(),
            first_byte_timeout_seconds: timeouts.first_byte.into(),
            idle_timeout_seconds: timeouts.idle.into(),
            total_timeout_seconds: timeouts.total.into(),
            answer_limit_bytes,
        }
    }
}
