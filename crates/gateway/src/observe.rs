//! What surrounds every exchange: its name, its span, its one log line, and a net under panics.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use domain::{Failure, FailureKind, RequestId, Timestamp};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue};
use http_body::{Frame, SizeHint};
use telemetry::carrier;
use tracing::{Instrument as _, Span, field};

use crate::{
    dialect::{ClaudeMessages, OpenAiImages},
    edge::Edge,
    metrics::{Ended, Labels},
    refusal::{Refusal, refuse},
};

/// What a handler may know of the exchange it is part of; travels in the request's extensions.
#[derive(Clone)]
pub(crate) struct Exchange {
    /// Names the request.
    pub(crate) id: RequestId,
    refuse: fn(&Refusal, &RequestId) -> Response,
}

/// The middleware around every route.
pub(crate) async fn observe(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let exchange = Exchange::begin(&request);
    let method = request.method();
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let span = tracing::info_span!(
        "gateway.request",
        request_id = %exchange.id,
        client = field::Empty,
        trace_id = field::Empty,
        otel.kind = "server",
        otel.name = %format_args!("{method} {route}"),
        http.request.method = %method,
        http.route = route,
        url.path = request.uri().path(),
        http.response.status_code = field::Empty,
    );
    carrier::adopt(&span, request.headers());
    carrier::note_trace(&span);
    let labels = edge.metrics.begin(method, route);
    let mut record = Record::begin(span.clone(), edge, labels);
    request.extensions_mut().insert(exchange.clone());
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await;
    let mut response = answer.unwrap_or_else(|_| span.in_scope(|| exchange.refuse(&after_panic())));
    exchange.sign(response.headers_mut());
    record.status = Some(response.status().as_u16());
    // As a number: what is unsigned would be told as text.
    span.record("http.response.status_code", i64::from(response.status().as_u16()));
    response.map(|inner| Body::new(Observed { inner, record }))
}

fn after_panic() -> Refusal {
    Failure::new(FailureKind::Internal, "the request met a fault of ours; its request id helps to find it")
        .into()
}

impl Exchange {
    fn begin(request: &Request) -> Self {
        let id = RequestId::new(format!("req_{}", uuid::Uuid::new_v4().simple()))
            .expect("a prefix and 32 hexadecimal digits are an identifier");
        let path = request.uri().path();
        let anthropic =
            request.headers().contains_key("anthropic-version") || path.starts_with("/v1/messages");
        Self { id, refuse: if anthropic { refuse::<ClaudeMessages> } else { refuse::<OpenAiImages> } }
    }

    /// The refusal in the words of whichever family of SDKs asks.
    pub(crate) fn refuse(&self, refusal: &Refusal) -> Response {
        (self.refuse)(refusal, &self.id)
    }

    fn sign(&self, headers: &mut HeaderMap) {
        if let Ok(id) = HeaderValue::from_str(self.id.as_str()) {
            headers.insert("request-id", id.clone());
            headers.insert("x-request-id", id);
        }
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    }
}

/// What will be logged of an exchange, when its last byte has left or its client has.
struct Record {
    span: Span,
    edge: Arc<Edge>,
    labels: Option<Labels>,
    started: Timestamp,
    status: Option<u16>,
    bytes: u64,
    complete: bool,
}

impl Record {
    fn begin(span: Span, edge: Arc<Edge>, labels: Labels) -> Self {
        let started = edge.clock.now();
        Self { span, edge, labels: Some(labels), started, status: None, bytes: 0, complete: false }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let Self { status, bytes, complete, .. } = *self;
        let duration = self.edge.clock.now().since(self.started);
        let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.span.in_scope(|| tracing::info!(status, ms, bytes, complete, "request"));
        if let Some(labels) = self.labels.take() {
            self.edge.metrics.end(labels, &Ended { status, complete, duration, bytes });
        }
    }
}

/// A response body that counts what leaves.
struct Observed {
    inner: Body,
    record: Record,
}

impl http_body::Body for Observed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { inner, record } = &mut *self;
        let _within = record.span.enter();
        let polled = Pin::new(&mut *inner).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                record.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                record.complete = inner.is_end_stream();
            }
            Poll::Ready(None) => record.complete = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
