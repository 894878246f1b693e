//! Spans, sent to a collector.

use opentelemetry::{global, trace::TracerProvider as _};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::{Level, Metadata};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{Layer, filter::filter_fn, layer::Filter, registry::LookupSpan};

use crate::StartError;

pub(crate) type Provider = SdkTracerProvider;

/// The variables that name a collector, for traces alone or for everything.
const COLLECTOR: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Our crates: a library's own spans would show how it works, not what we do.
const OURS: [&str; 5] = ["gateway", "generation", "quota", "telemetry", "tessera"];

/// Begins to send spans where a collector is named. Sampling follows the caller's, and where there is none
/// `OTEL_TRACES_SAMPLER`.
pub(crate) fn start(resource: Resource) -> Result<Option<Provider>, StartError> {
    global::set_text_map_propagator(TraceContextPropagator::new());
    if !is_collected(&COLLECTOR) {
        return Ok(None);
    }
    let exporter = SpanExporter::builder().with_tonic().build();
    let exporter = exporter.map_err(|error| StartError::Exporter(error.to_string()))?;
    let provider = SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build();
    global::set_tracer_provider(provider.clone());
    Ok(Some(provider))
}

/// Turns our spans into a trace's. Log lines stay lines: they find their trace by its id.
pub(crate) fn layer<S>(provider: &Provider) -> impl Layer<S> + use<S>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let tracer = provider.tracer("tessera");
    OpenTelemetryLayer::new(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(spans_of_ours())
}

/// Whether one of these variables names a collector.
pub(crate) fn is_collected(variables: &[&str]) -> bool {
    let switched_off =
        std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    !switched_off
        && variables.iter().any(|name| std::env::var_os(name).is_some_and(|address| !address.is_empty()))
}

fn spans_of_ours<S>() -> impl Filter<S> {
    filter_fn(|metadata: &Metadata<'_>| {
        let root = metadata.target().split("::").next().unwrap_or_default();
        metadata.is_span() && *metadata.level() <= Level::DEBUG && OURS.contains(&root)
    })
}
