//! Where a service is.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr};

use http::uri::Authority;

/// Where a service is: `http://host:port`, with more hosts after commas where it has several, or `unix:PATH`, a socket
/// of this machine. A host may stand for many addresses, and each of them is a replica. With `https` both ends show a
/// certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceUrl {
    text: String,
    pub(super) secure: bool,
    pub(super) place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Hosts(Vec<Host>),
    Socket(PathBuf),
}

/// One host of a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Host {
    /// `host:port`, as it was written.
    pub(super) authority: Authority,
    pub(super) port: u16,
}

/// Why a service cannot be spoken to there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// The text is no [`ServiceUrl`].
    #[error(
        "`{0}` must be http://host:port or https://, where more hosts may follow after commas, or unix:PATH"
    )]
    Malformed(String),
    /// We have no certificate to show.
    #[error("`{0}` asks for certificates; name them in [tls]")]
    Anonymous(String),
}

impl ServiceUrl {
    /// As it was written, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Host {
    /// Its name, or its address without brackets.
    pub(super) fn name(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    /// Its address, where that is what was written.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.name().parse().ok()
    }
}

impl FromStr for ServiceUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let secure = text.starts_with("https://");
        let place = match text.split_once(':') {
            Some(("unix", path)) if !path.is_empty() => Some(Place::Socket(path.into())),
            _ => hosts(text).map(Place::Hosts),
        };
        let place = place.ok_or_else(|| InvalidUrl::Malformed(text.to_owned()))?;
        Ok(Self { text: text.trim_end_matches('/').to_owned(), secure, place })
    }
}

fn hosts(text: &str) -> Option<Vec<Host>> {
    let hosts = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"))?;
    hosts.strip_suffix('/').unwrap_or(hosts).split(',').map(host).collect()
}

fn host(text: &str) -> Option<Host> {
    let authority: Authority = text.trim().parse().ok()?;
    let port = authority.port_u16()?;
    let plain = !authority.as_str().contains('@') && !authority.host().is_empty() && port > 0;
    plain.then_some(Host { authority, port })
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_one_host_or_several_or_a_socket_and_nothing_else() {
        let hosts = |text: &str| match text.parse::<ServiceUrl>().unwrap().place {
            Place::Hosts(hosts) => hosts.iter().map(|it| format!("{} {}", it.name(), it.port)).collect(),
            Place::Socket(path) => vec![path.display().to_string()],
        };
        assert_eq!(hosts("http://quota:8051"), ["quota 8051"]);
        assert_eq!(hosts("http://quota-1:8051,10.0.0.7:99/"), ["quota-1 8051", "10.0.0.7 99"]);
        assert_eq!(hosts("https://quota:8051"), ["quota 8051"]);
        assert_eq!(hosts("http://[::1]:8051"), ["::1 8051"]);
        assert_eq!(hosts("unix:/run/tessera.sock"), ["/run/tessera.sock"]);
        for text in [
            "",
            "quota:8051",
            "http://quota",
            "http://quota:0",
            "http://:8051",
            "http://quota:8051,",
            "http://a:1,http://b:2",
            "http://quota:8051/path",
            "http://user@quota:8051",
            "ftp://quota:8051",
            "unix:",
        ] {
            assert_eq!(text.parse::<ServiceUrl>(), Err(InvalidUrl::Malformed(text.to_owned())));
        }
    }
}
