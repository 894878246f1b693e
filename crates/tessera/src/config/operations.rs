//! `[operations]`: what those who run Tessera look at.

use std::net::SocketAddr;

use serde::Deserialize;

/// The section.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Operations {
    /// Where metrics and the process's health are told over HTTP; nowhere when nothing is said.
    pub listen: Option<SocketAddr>,
}
