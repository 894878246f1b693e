//! How a process tells what it does: log lines on standard error, traces and metrics for OpenTelemetry.
//!
//! Libraries only use `tracing` for lines and spans, and `opentelemetry`'s global meter for metrics; the binary calls
//! [`start`] once, before anything can log. Spans become traces where OpenTelemetry's own variables name a collector
//! (`OTEL_EXPORTER_OTLP_ENDPOINT`); elsewhere they only say in which request a line was written. Metrics are counted
//! always, and read by [`scrape`].
//!
//! - [`carrier`] takes a trace from one process to the next
//! - [`grpc`] does so for every call between our services

pub mod carrier;
pub mod grpc;
mod logs;
mod metrics;
mod process;
mod traces;

use std::io;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use tracing_subscriber::{filter::ParseError, layer::SubscriberExt as _, util::SubscriberInitExt as _};

pub use logs::Format;
pub use metrics::scrape;

/// What a process tells, and as who.
#[derive(Debug, Clone)]
pub struct Settings<'a> {
    /// The process's name among others, such as `tessera-gateway`; `OTEL_SERVICE_NAME` stands above it.
    pub service: &'a str,
    /// How log lines are written.
    pub format: Format,
    /// Which: `info`, or `info,generation=debug`.
    pub filter: &'a str,
}

/// Why a process cannot tell what it does.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The filter is not in the syntax of [`tracing_subscriber::EnvFilter`].
    #[error("the log filter `{filter}` is not understood; try `info` or `info,generation=debug`")]
    Filter {
        /// As it was given.
        filter: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// The collector's address or the exporter's other variables cannot be used.
    #[error("traces and metrics cannot be exported: {0}; look at the OTEL_ variables")]
    Exporter(String),
    /// Something in this process tells already.
    #[error("logging has begun already in this process")]
    Twice,
}

/// What is told until the process ends. To be shut down last, so that the last spans arrive.
#[must_use]
pub struct Telemetry {
    traces: Option<traces::Provider>,
    metrics: metrics::Provider,
}

/// Begins to tell, for the whole process. Within a runtime, where a collector is named.
pub fn start(settings: &Settings<'_>) -> Result<Telemetry, StartError> {
    let lines = logs::lines(settings.format, settings.filter, io::stderr)?;
    let resource = resource(settings.service);
    let metrics = metrics::start(resource.clone())?;
    let traces = traces::start(resource)?;
    let spans = traces.as_ref().map(traces::layer);
    tracing_subscriber::registry().with(lines).with(spans).try_init().map_err(|_| StartError::Twice)?;
    Ok(Telemetry { traces, metrics })
}

impl Telemetry {
    /// Sends what is still to be sent.
    pub fn shutdown(self) {
        let traces = self.traces.map(|provider| provider.shutdown());
        let metrics = self.metrics.shutdown();
        for result in traces.into_iter().chain([metrics]) {
            if let Err(error) = result {
                tracing::debug!(%error, "the last spans or metrics were not sent");
            }
        }
    }
}

/// Who tells: the SDK adds `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`.
fn resource(service: &str) -> Resource {
    let named = std::env::var_os("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty());
    let builder = Resource::builder().with_attributes([
        KeyValue::new("service.namespace", "tessera"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ]);
    if named { builder } else { builder.with_service_name(service.to_owned()) }.build()
}
