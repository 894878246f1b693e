//! Services that know each other: both ends of a connection show a certificate.

mod accepting;
mod admission;
mod certificate;
mod identity;
mod mistrust;
mod role;
#[cfg(test)]
mod tests;

use std::io;

use http::uri::Scheme;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tonic::async_trait;

use super::dialing::{Address, Dial, Network, Wire};

pub(super) use self::mistrust::of_called;
pub use self::{
    accepting::{Caller, CallerInfo, callers},
    admission::Admission,
    certificate::{Certificate, Standing},
    identity::{Identity, TlsError, TlsFiles},
};

/// Over the network to those alone who have a certificate for the host that was named.
#[derive(Debug, Clone)]
pub(super) struct Secured(pub(super) Identity);

#[async_trait]
impl Dial for Secured {
    async fn dial(&self, address: &Address) -> io::Result<Box<dyn Wire>> {
        let wire = Network.dial(address).await?;
        let host = address.authority.host().trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(Box::new(TlsConnector::from(self.0.client()).connect(name, wire).await?))
    }

    fn scheme(&self) -> Scheme {
        Scheme::HTTPS
    }
}
