//! Spans around the calls between our services, each part of its caller's trace.

use std::task::{Context, Poll};

use http::{Request, Response};
use tower::{Layer, Service};
use tracing::{Instrument as _, Span, debug_span, instrument::Instrumented};

use crate::carrier;

/// A channel with a span for every call that leaves, and its trace in the call's headers.
pub const fn calls<S>(channel: S) -> Traced<S> {
    Traced { inner: channel, side: Side::Client }
}

/// Around a server: a span for every call that comes, part of its caller's trace.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answers;

/// What [`calls`] and [`Answers`] make of a service.
#[derive(Debug, Clone)]
pub struct Traced<S> {
    inner: S,
    side: Side,
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Client,
    Server,
}

impl<S> Layer<S> for Answers {
    type Service = Traced<S>;

    fn layer(&self, inner: S) -> Traced<S> {
        Traced { inner, side: Side::Server }
    }
}

impl<S, B, R> Service<Request<B>> for Traced<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Instrumented<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let span = match self.side {
            Side::Client => {
                let span = span("client", request.uri().path());
                carrier::tell(&span, request.headers_mut());
                span
            }
            Side::Server => {
                let span = span("server", request.uri().path());
                carrier::adopt(&span, request.headers());
                span
            }
        };
        self.inner.call(request).instrument(span)
    }
}

/// A span for a call of `/package.Service/Method`, named as OpenTelemetry's conventions ask. Log lines are better
/// off without it: what the call is about has a span of its own.
fn span(kind: &'static str, path: &str) -> Span {
    let name = path.trim_start_matches('/');
    let (service, method) = name.split_once('/').unwrap_or((name, ""));
    debug_span!(
        "grpc",
        otel.name = name,
        otel.kind = kind,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
    )
}
