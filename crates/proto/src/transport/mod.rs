//! How Tessera's services reach one another: over HTTP/2 in a cluster, straight in one process, and with the same
//! gRPC messages on both.

mod channel;
mod deadline;

use std::{io, time::Duration};

use futures_util::{Stream, stream};
use hyper_util::rt::TokioIo;
use tokio::{io::DuplexStream, sync::mpsc};
use tonic::transport::{Endpoint, Server, Uri};
use tower::service_fn;

use crate::limits;

pub use channel::Channel;
pub use deadline::deadline;

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

/// A channel to the service at `http://host:port`, or at the socket `unix:PATH` of this machine. It connects when
/// first used and again whenever needed.
pub fn connect(url: &str) -> Result<Channel, tonic::transport::Error> {
    Ok(tuned(Endpoint::from_shared(url.to_owned())?).connect_lazy().into())
}

/// A channel over HTTP/2 and the connections that it makes, which need no network: one end of a pipe each.
pub fn pipe() -> (Channel, impl Stream<Item = io::Result<DuplexStream>> + Send + Unpin + 'static) {
    let (dial, dialled) = mpsc::unbounded_channel();
    let connector = service_fn(move |_: Uri| {
        let (near, far) = tokio::io::duplex(PIPE);
        let accepted = dial.send(far).map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused));
        std::future::ready(accepted.map(|()| TokioIo::new(near)))
    });
    let channel = tuned(Endpoint::from_static("http://in-process")).connect_with_connector_lazy(connector);
    let incoming = stream::unfold(dialled, |mut dialled: mpsc::UnboundedReceiver<DuplexStream>| async move {
        dialled.recv().await.map(|connection| (Ok(connection), dialled))
    });
    (channel.into(), Box::pin(incoming))
}

/// Bytes that an in-memory pipe holds before its writer waits.
const PIPE: usize = 256 << 10;

/// Streams that may be cancelled at about the same time. Clients hang up, often many together, and each hang-up
/// cancels a stream between our services; the usual bounds, made against strangers, would end the connection and
/// with it every other picture on it.
const RESETS: usize = 8_192;

fn tuned(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(Duration::from_secs(2))
        .initial_stream_window_size(limits::STREAM_WINDOW)
        .initial_connection_window_size(limits::CONNECTION_WINDOW)
        .max_frame_size(limits::FRAME)
        .http2_max_concurrent_reset_streams(RESETS)
        .http2_max_local_error_reset_streams(None)
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(10))
        // Else a service that vanished without a word is asked again and again on a connection that is dead.
        .keep_alive_while_idle(true)
        .tcp_nodelay(true)
}
