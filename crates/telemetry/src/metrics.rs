//! Metrics, counted always, read by whoever scrapes and sent where a collector is named.

use std::sync::OnceLock;

use opentelemetry::global;
use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::{Resource, metrics::SdkMeterProvider};
use prometheus::{Registry, TextEncoder};

use crate::{StartError, process, traces::is_collected};

pub(crate) type Provider = SdkMeterProvider;

/// The variables that name a collector, for metrics alone or for everything.
const COLLECTOR: [&str; 2] = ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// What [`scrape`] reads.
static REGISTRY: OnceLock<Registry> = OnceLock::new();

/// Begins to count.
pub(crate) fn start(resource: Resource) -> Result<Provider, StartError> {
    let registry = REGISTRY.get_or_init(Registry::new).clone();
    let scraped =
        opentelemetry_prometheus::exporter().with_registry(registry).scope_info_enabled(false).build();
    let scraped = scraped.map_err(|error| StartError::Exporter(error.to_string()))?;
    let mut provider = SdkMeterProvider::builder().with_resource(resource).with_reader(scraped);
    if is_collected(&COLLECTOR) {
        let sent = MetricExporter::builder().with_tonic().build();
        provider =
            provider.with_periodic_exporter(sent.map_err(|error| StartError::Exporter(error.to_string()))?);
    }
    let provider = provider.build();
    global::set_meter_provider(provider.clone());
    process::observe();
    Ok(provider)
}

/// Everything that was counted, in the text format of Prometheus; nothing before [`start`](crate::start).
pub fn scrape() -> String {
    let families = REGISTRY.get().map(Registry::gather).unwrap_or_default();
    TextEncoder::new().encode_to_string(&families).unwrap_or_else(|error| {
        tracing::error!(%error, "the metrics cannot be written");
        String::new()
    })
}
