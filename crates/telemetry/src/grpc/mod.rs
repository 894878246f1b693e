//! Spans around the calls between our services, each part of its caller's trace, and how long they took.

mod answer;
mod status;

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use http::{Request, Response};
use opentelemetry::{KeyValue, global, metrics::Histogram};
use tower::{Layer, Service};
use tracing::{Instrument as _, Span, debug_span, field, instrument::Instrumented};

pub use self::answer::Answer;
use self::answer::Record;
use crate::carrier;

/// Bounds between which durations of calls are told apart, in seconds.
const SECONDS: [f64; 9] = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 20.0];

/// A channel with a span for every call that leaves, and its trace in the call's headers.
pub const fn calls<S>(channel: S) -> Traced<S> {
    Traced { inner: channel }
}

/// What [`calls`] makes of a channel.
#[derive(Debug, Clone)]
pub struct Traced<S> {
    inner: S,
}

/// Around a server: a span for every call that comes, part of its caller's trace, until its answer has ended.
#[derive(Debug, Clone)]
pub struct Answers {
    duration: Histogram<f64>,
}

/// What [`Answers`] makes of a service.
#[derive(Debug, Clone)]
pub struct Answered<S> {
    inner: S,
    duration: Histogram<f64>,
}

/// An answer that is on its way.
#[derive(Debug)]
pub struct Answering<F> {
    future: Pin<Box<Instrumented<F>>>,
    record: Option<Record>,
}

impl Answers {
    /// Around a server of the process whose metrics were set up.
    pub fn new() -> Self {
        let duration = global::meter("tessera.grpc")
            .f64_histogram("rpc.server.call.duration")
            .with_unit("s")
            .with_description("How long calls of other services took, until the answer had ended")
            .with_boundaries(SECONDS.to_vec())
            .build();
        Self { duration }
    }
}

impl Default for Answers {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for Answers {
    type Service = Answered<S>;

    fn layer(&self, inner: S) -> Answered<S> {
        Answered { inner, duration: self.duration.clone() }
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
        let span = span("client", method(request.uri().path()));
        carrier::tell(&span, request.headers_mut());
        self.inner.call(request).instrument(span)
    }
}

impl<S, B, R> Service<Request<B>> for Answered<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<Answer<R>>;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let method = method(request.uri().path());
        let span = span("server", method);
        carrier::adopt(&span, request.headers());
        let record = Record::new(span.clone(), method.to_owned(), self.duration.clone(), Instant::now());
        let future = Box::pin(self.inner.call(request).instrument(span));
        Answering { future, record: Some(record) }
    }
}

impl<F, R, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<Answer<R>>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answered = ready!(self.future.as_mut().poll(cx));
        let record = self.record.take();
        Poll::Ready(answered.map(|response| {
            let (parts, body) = response.into_parts();
            let answer = Answer::new(body, record, &parts.headers);
            Response::from_parts(parts, answer)
        }))
    }
}

/// What the path `/package.Service/Method` calls.
fn method(path: &str) -> &str {
    path.trim_start_matches('/')
}

/// A span for a call, named as OpenTelemetry's conventions ask. Log lines are better off without it: what the call is
/// about has a span of its own.
fn span(kind: &'static str, method: &str) -> Span {
    debug_span!(
        "grpc",
        otel.name = method,
        otel.kind = kind,
        otel.status_code = field::Empty,
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.response.status_code = field::Empty,
        "error.type" = field::Empty,
    )
}

/// What is counted of a call by its method and its end.
fn labels(method: &str, status: &'static str) -> Vec<KeyValue> {
    let mut labels = vec![
        KeyValue::new("rpc.system.name", "grpc"),
        KeyValue::new("rpc.method", method.to_owned()),
        KeyValue::new("rpc.response.status_code", status),
    ];
    if status::is_error(status) {
        labels.push(KeyValue::new("error.type", status));
    }
    labels
}
