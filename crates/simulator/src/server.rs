//! Serving on a listener: HTTP/1.1 and HTTP/2, until told to stop.

use std::{convert::Infallible, io, time::Duration};

use axum::{
    Router,
    http::Request,
    response::{IntoResponse, Response},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tower::ServiceExt as _;

use crate::Simulator;

/// Serves a simulator until `shutdown`, and then gives calls in flight a second to end.
///
/// Errors are those of the listener itself; a connection that fails ends alone.
pub async fn serve(
    listener: TcpListener,
    simulator: Simulator,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = simulator.router();
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, router.clone(), graceful.watcher()));
                }
                Err(error) => survive(error).await?,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    // What has not ended by then hangs on purpose; dropping the set ends it.
    let _ = timeout(GRACE, graceful.shutdown()).await;
    Ok(())
}

/// How long calls in flight may go on after the end was asked for.
const GRACE: Duration = Duration::from_secs(1);
/// How long to wait for connections to end where no more can be opened.
const CROWDED: Duration = Duration::from_millis(100);

/// Asks [`serve`] to close the connection instead of answering.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the script commands to close the connection")]
pub(crate) struct Sever;

impl IntoResponse for Sever {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(self);
        response
    }
}

async fn converse(stream: TcpStream, router: Router, watcher: Watcher) {
    // Without it the last bytes of an answer may wait for an acknowledgement; not every socket has it.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(router.clone(), request));
    let builder = auto::Builder::new(TokioExecutor::new());
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection ended early");
    }
}

async fn answer(router: Router, request: Request<Incoming>) -> Result<Response, Sever> {
    let response = router.oneshot(request).await.unwrap_or_else(|never: Infallible| match never {});
    match response.extensions().get::<Sever>() {
        Some(sever) => Err(*sever),
        None => Ok(response),
    }
}

/// Goes on after an error that says nothing of the listener.
async fn survive(error: io::Error) -> io::Result<()> {
    /// Too many open files, in the process and in the system.
    const CROWDS: [i32; 2] = [24, 23];
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    match error.kind() {
        ConnectionAborted | ConnectionRefused | ConnectionReset => Ok(()),
        _ if error.raw_os_error().is_some_and(|code| CROWDS.contains(&code)) => {
            tracing::warn!(%error, "cannot take more connections for now");
            sleep(CROWDED).await;
            Ok(())
        }
        _ => Err(error),
    }
}
