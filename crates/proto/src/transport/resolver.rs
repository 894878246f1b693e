//! From names to addresses.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{net::lookup_host, time::timeout};
use tonic::async_trait;

use super::service_url::Host;

/// How long the machine's resolver may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Knows the addresses of hosts.
#[async_trait]
pub(super) trait Resolve: Send + Sync {
    /// Every address of a host; at least one.
    async fn resolve(&self, host: &Host) -> io::Result<Vec<SocketAddr>>;
}

/// The machine's own resolver.
#[derive(Debug, Clone, Copy)]
pub(super) struct OfMachine;

#[async_trait]
impl Resolve for OfMachine {
    async fn resolve(&self, host: &Host) -> io::Result<Vec<SocketAddr>> {
        if let Some(address) = host.address() {
            return Ok(vec![(address, host.port).into()]);
        }
        let found = timeout(PATIENCE, lookup_host((host.name(), host.port))).await;
        let found: Vec<_> = found.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??.collect();
        if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) }
    }
}
