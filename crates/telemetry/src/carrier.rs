//! Takes a trace from one process to the next, in the headers that W3C Trace Context defines.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    global,
    propagation::{Extractor, Injector},
    trace::TraceContextExt as _,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Makes a span part of the trace that a request came with, or else the first of a new one.
pub fn adopt(span: &Span, headers: &HeaderMap) {
    let caller = global::get_text_map_propagator(|propagator| propagator.extract(&Incoming(headers)));
    // A span that nobody collects belongs to no trace.
    let _ = span.set_parent(caller);
}

/// Notes the id of its trace in the field `trace_id` of a span, which declares it empty: so log lines lead to the
/// trace.
pub fn note_trace(span: &Span) {
    if let Some(trace) = trace_id(span) {
        span.record("trace_id", trace);
    }
}

/// The id of a span's trace, in 32 hexadecimal digits, where traces are collected.
pub fn trace_id(span: &Span) -> Option<String> {
    let context = span.context();
    let within = context.span();
    let trace = within.span_context();
    trace.is_valid().then(|| trace.trace_id().to_string())
}

/// Tells the trace of this span in the headers of a request that leaves.
pub fn tell(span: &Span, headers: &mut HeaderMap) {
    let context = span.context();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut Outgoing(headers)));
}

struct Incoming<'a>(&'a HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Outgoing<'a>(&'a mut HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}
