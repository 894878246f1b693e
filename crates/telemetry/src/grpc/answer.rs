//! An answer that leaves, and how the call ended with it.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use opentelemetry::metrics::Histogram;
use tracing::Span;

use super::{labels, status};

/// The body of an answer. When it ends, or whoever called goes away, the call is over.
#[derive(Debug)]
pub struct Answer<B> {
    inner: B,
    record: Option<Record>,
}

/// What will be told of a call.
#[derive(Debug)]
pub(super) struct Record {
    span: Span,
    method: String,
    duration: Histogram<f64>,
    begun: Instant,
    status: &'static str,
}

impl<B> Answer<B> {
    /// A body behind these headers, which tell the status where nothing follows.
    pub(super) fn new(inner: B, mut record: Option<Record>, headers: &HeaderMap) -> Self {
        if let (Some(record), Some(status)) = (&mut record, status::told(headers)) {
            record.status = status;
        }
        Self { inner, record }
    }
}

impl Record {
    /// Of a call that begins, and counts as cancelled until its status is told.
    pub(super) const fn new(span: Span, method: String, duration: Histogram<f64>, begun: Instant) -> Self {
        Self { span, method, duration, begun, status: status::CANCELLED }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.span.record("rpc.response.status_code", self.status);
        if status::is_error(self.status) {
            self.span.record("otel.status_code", "ERROR");
            self.span.record("error.type", self.status);
        }
        // Strangers may not make up labels.
        let method = if self.status == status::UNIMPLEMENTED { "_OTHER" } else { &self.method };
        self.duration.record(self.begun.elapsed().as_secs_f64(), &labels(method, self.status));
    }
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let polled = {
            let Self { inner, record } = &mut *self;
            let _within = record.as_ref().map(|record| record.span.enter());
            Pin::new(inner).poll_frame(cx)
        };
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let (Some(trailers), Some(record)) = (frame.trailers_ref(), &mut self.record) {
                    record.status = status::told(trailers).unwrap_or(record.status);
                }
            }
            Poll::Ready(None) => drop(self.record.take()),
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
