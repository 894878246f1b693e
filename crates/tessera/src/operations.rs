//! What those who run Tessera look at, over HTTP: whether a process lives, whether it can serve, and its metrics.
//!
//! It listens on a port of its own, so that none of it is told to strangers, and it has no part in serving: that the
//! process cannot serve now is no reason to end it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::{config::Operations, serving};

/// How long one who asks may take to say what.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a process can serve now, and if not, why.
type Ready = Arc<dyn Fn() -> BoxFuture<'static, Result<(), &'static str>> + Send + Sync>;

/// Tells all that, until the process ends, where the configuration says where. One that was asked to `stop` takes
/// nothing new, and says so.
pub(crate) async fn start<F>(
    config: &Operations,
    stop: CancellationToken,
    ready: impl Fn() -> F + Clone + Send + Sync + 'static,
) -> anyhow::Result<()>
where
    F: Future<Output = Result<(), &'static str>> + Send + 'static,
{
    let Some(address) = config.listen else { return Ok(()) };
    let listener = serving::bind("operations", address).await?;
    serving::announce(&format!("metrics and health are at {}", serving::url_of(listener.local_addr()?)));
    let ready: Ready = Arc::new(move || {
        let (stopping, asking) = (stop.is_cancelled(), ready());
        Box::pin(async move { if stopping { Err("stopping") } else { asking.await } })
    });
    tokio::spawn(accept(listener, ready));
    Ok(())
}

async fn accept(listener: TcpListener, ready: Ready) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                tokio::spawn(converse(socket, Arc::clone(&ready)));
            }
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted for operations");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn converse(socket: TcpStream, ready: Ready) {
    let answer = service_fn(|request| answer(request, Arc::clone(&ready)));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    if let Err(error) = server.serve_connection(TokioIo::new(socket), answer).await {
        tracing::debug!(%error, "a connection for operations broke");
    }
}

async fn answer(request: Request<Incoming>, ready: Ready) -> Result<Response<Full<Bytes>>, Infallible> {
    const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
    const TEXT: &str = "text/plain; charset=utf-8";
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(told(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET is answered here\n"));
    }
    Ok(match request.uri().path() {
        "/metrics" => told(StatusCode::OK, METRICS, telemetry::scrape()),
        "/healthz" => told(StatusCode::OK, TEXT, "ok\n"),
        "/readyz" => match ready().await {
            Ok(()) => told(StatusCode::OK, TEXT, "ready\n"),
            Err(why) => told(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{why}\n")),
        },
        _ => told(StatusCode::NOT_FOUND, TEXT, "here are /metrics, /healthz and /readyz\n"),
    })
}

fn told(status: StatusCode, media_type: &'static str, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
    response
}
