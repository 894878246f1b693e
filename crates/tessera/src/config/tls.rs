//! `[tls]`: how the roles know each other.

use std::path::PathBuf;

use proto::transport::TlsFiles;
use serde::Deserialize;

/// The section, read: nothing, or all three files.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "Section")]
pub(crate) struct Tls(pub Option<TlsFiles>);

/// The section as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    #[serde(rename = "ca_file")]
    ca: Option<PathBuf>,
    #[serde(rename = "cert_file")]
    cert: Option<PathBuf>,
    #[serde(rename = "key_file")]
    key: Option<PathBuf>,
}

impl TryFrom<Section> for Tls {
    type Error = &'static str;

    fn try_from(written: Section) -> Result<Self, &'static str> {
        match (written.ca, written.cert, written.key) {
            (Some(ca), Some(cert), Some(key)) => Ok(Self(Some(TlsFiles { ca, cert, key }))),
            (None, None, None) => Ok(Self(None)),
            _ => Err("needs all of ca_file, cert_file and key_file, or none"),
        }
    }
}
