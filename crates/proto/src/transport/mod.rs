//! How Tessera's services reach one another: over HTTP/2 in a cluster, straight in one process, and with the same
//! gRPC messages on both.

mod channel;
mod connection;
mod deadline;
mod dialing;
mod letter;
mod pool;
mod replica;
mod replicas;
mod resolver;
mod seat;
mod sending;
mod service_url;
mod setbacks;
#[cfg(test)]
mod tests;
mod tls;

use std::{io, sync::Arc, time::Duration};

use futures_util::{Stream, stream};
use http::uri::Authority;
use tokio::{io::DuplexStream, sync::mpsc};
use tonic::transport::Server;

use self::{
    dialing::{Address, Dial, Network, Pipes, Spot},
    pool::Pool,
    resolver::OfMachine,
    service_url::Place,
    tls::Secured,
};
use crate::limits;

pub use self::{
    channel::Channel,
    deadline::deadline,
    replicas::Replicas,
    service_url::{InvalidUrl, ServiceUrl},
    tls::{Admission, Caller, CallerInfo, Certificate, Identity, Standing, TlsError, TlsFiles, callers},
};

/// A gRPC server with the window sizes and keep-alives that every service uses.
pub fn server() -> Server {
    Server::builder()
        .initial_stream_window_size(limits::STREAM_WINDOW)
        .initial_connection_window_size(limits::CONNECTION_WINDOW)
        .max_frame_size(limits::FRAME)
        .http2_max_pending_accept_reset_streams(Some(RESETS))
        .http2_max_local_error_reset_streams(None)
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
}

/// A channel to the service at this [`ServiceUrl`], for one who has no certificate. It connects when first used and
/// again whenever needed.
pub fn connect(url: &str) -> Result<Channel, InvalidUrl> {
    connect_as(url, None)
}

/// The same for one who is known by a certificate, where the URL asks for it.
pub fn connect_as(url: &str, identity: Option<&Identity>) -> Result<Channel, InvalidUrl> {
    let url: ServiceUrl = url.parse()?;
    Ok(url.pool(identity)?.into())
}

/// A channel over HTTP/2 and the connections that it makes, which need no network: one end of a pipe each.
pub fn pipe() -> (Channel, impl Stream<Item = io::Result<DuplexStream>> + Send + Unpin + 'static) {
    let (dial, dialled) = mpsc::unbounded_channel();
    let address = Address { spot: Spot::Within, authority: Authority::from_static("in-process") };
    let channel = Pool::of_one(address, Arc::new(Pipes(dial))).into();
    let incoming = stream::unfold(dialled, |mut dialled: mpsc::UnboundedReceiver<DuplexStream>| async move {
        dialled.recv().await.map(|connection| (Ok(connection), dialled))
    });
    (channel, Box::pin(incoming))
}

impl ServiceUrl {
    /// The replicas there, for one who is known by this certificate.
    fn pool(self, identity: Option<&Identity>) -> Result<Arc<Pool>, InvalidUrl> {
        let dial: Arc<dyn Dial> = match identity {
            Some(identity) if self.secure => Arc::new(Secured(identity.clone())),
            None if self.secure => return Err(InvalidUrl::Anonymous(self.to_string())),
            Some(_) | None => Arc::new(Network),
        };
        Ok(match self.place {
            Place::Hosts(hosts) => Pool::of_hosts(hosts, Arc::new(OfMachine), dial),
            Place::Socket(path) => {
                let authority = Authority::from_static("localhost");
                Pool::of_one(Address { spot: Spot::Socket(path), authority }, dial)
            }
        })
    }
}

/// Streams that may be cancelled at about the same time. Clients hang up, often many together, and each hang-up
/// cancels a stream between our services; the usual bounds, made against strangers, would end the connection and
/// with it every other picture on it.
const RESETS: usize = 8_192;
