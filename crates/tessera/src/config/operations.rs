//! `[operations]`: what those who run Tessera look at.

use std::{net::SocketAddr, time::Duration};

use serde::Deserialize;

use super::value::Seconds;

/// The section.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Operations {
    /// Where metrics and the process's health are told over HTTP; nowhere when nothing is said.
    pub listen: Option<SocketAddr>,
    /// How long a process that is asked to stop goes on taking what comes, while it says that it is not ready; not at
    /// all when nothing is said.
    pub drain_seconds: Option<Seconds>,
}

impl Operations {
    /// How long a process that is asked to stop goes on taking what comes.
    pub(crate) fn drain(&self) -> Duration {
        self.drain_seconds.map_or(Duration::ZERO, Seconds::get)
    }
}
