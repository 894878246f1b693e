//! The accept loop: HTTP/1 and HTTP/2 without TLS, patience that ends, and a shutdown that finishes its work.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown, graceful::Watcher},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
    time::{sleep, timeout},
};
use tower::ServiceExt as _;

use crate::Settings;

/// The most headers of one request, and their most bytes.
const HEADERS: usize = 100;
const HEADER_BYTES: u32 = 32 << 10;

/// Bytes buffered on a connection in either direction before its peer is waited for.
const BUFFER: usize = 64 << 10;

/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 256;

/// How long to wait before accepting again when the machine has no more sockets to give.
const BREATHER: Duration = Duration::from_millis(100);

/// Serves until `shutdown`, then takes no more connections and returns when every answer in flight has left.
/// Dropping it ends every connection at once.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: Settings,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let server = Arc::new(server(&settings));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => {
                    let (server, router) = (server.clone(), router.clone());
                    connections.spawn(converse(server, socket, peer, router, settings, graceful.watcher()));
                }
                Err(error) => tire(&error).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    graceful.shutdown().await;
    connections.join_all().await;
    Ok(())
}

type Server = auto::Builder<TokioExecutor>;

fn server(settings: &Settings) -> Server {
    let mut server = Server::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_headers(HEADERS)
        .max_buf_size(BUFFER);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10))
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_BYTES)
        .max_send_buf_size(BUFFER);
    server
}

/// Everything said on one connection.
async fn converse(
    server: Arc<Server>,
    socket: TcpStream,
    peer: SocketAddr,
    router: Router,
    settings: Settings,
    watcher: Watcher,
) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "connection lost before its first byte");
        return;
    }
    let heard = Arc::new(Notify::new());
    let service = service_fn(|mut request: Request<Incoming>| {
        heard.notify_one();
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = router.clone().oneshot(request.map(Body::new));
        async move { answer.await.map_err(|never: Infallible| never) }
    });
    let connection = watcher.watch(server.serve_connection(TokioIo::new(socket), service));
    tokio::pin!(connection);
    // Until the protocol is known no timer of hyper's runs: whoever connects must say something.
    let first_request = timeout(settings.header_timeout, heard.notified());
    let ended = tokio::select! {
        ended = &mut connection => ended,
        first = first_request => match first {
            Ok(()) => connection.await,
            Err(_) => return tracing::debug!("connection closed that asked for nothing"),
        },
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended early");
    }
}

/// A connection that failed before it was accepted is its client's matter; any other error is the machine's.
async fn tire(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "cannot accept connections");
        sleep(BREATHER).await;
    }
}
