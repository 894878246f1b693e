//! `[tls]`: how the roles know each other.

use std::path::PathBuf;

use proto::transport::TlsFiles;
use serde::Deserialize;

/// The section.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    #[serde(rename = "ca_file")]
    ca: Option<PathBuf>,
    #[serde(rename = "cert_file")]
    cert: Option<PathBuf>,
    #[serde(rename = "key_file")]
    key: Option<PathBuf>,
}

impl Tls {
    /// All three files, or none.
    pub(super) fn files(self) -> Result<Option<TlsFiles>, &'static str> {
        match (self.ca, self.cert, self.key) {
            (Some(ca), Some(cert), Some(key)) => Ok(Some(TlsFiles { ca, cert, key })),
            (None, None, None) => Ok(None),
            _ => Err("needs all of ca_file, cert_file and key_file, or none"),
        }
    }
}
