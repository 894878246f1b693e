//! What the edge counts, by the names that OpenTelemetry gives an HTTP server.

use std::time::Duration;

use opentelemetry::{
    KeyValue, global,
    metrics::{Histogram, UpDownCounter},
};

/// Bounds between which durations are told apart, in seconds: a refusal takes a millisecond, a picture two minutes.
const SECONDS: [f64; 12] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0];

/// Bounds between which lengths are told apart, in bytes: from an error to ten pictures.
const BYTES: [f64; 8] = [1e3, 1e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8];

/// The instruments.
pub(crate) struct Metrics {
    duration: Histogram<f64>,
    length: Histogram<u64>,
    active: UpDownCounter<i64>,
}

/// One exchange that is being counted.
pub(crate) struct Labels([KeyValue; 2]);

/// How an exchange ended.
pub(crate) struct Ended {
    /// The status it was answered with; none where the client left before.
    pub(crate) status: Option<u16>,
    /// Whether the client took the whole answer.
    pub(crate) complete: bool,
    /// Until the last byte had left, or the client had.
    pub(crate) duration: Duration,
    /// Bytes of the answer that left.
    pub(crate) bytes: u64,
}

impl Metrics {
    /// Instruments of the meter that the process has set up.
    pub(crate) fn new() -> Self {
        let meter = global::meter("tessera.gateway");
        Self {
            duration: meter
                .f64_histogram("http.server.request.duration")
                .with_unit("s")
                .with_description("How long requests took, until the last byte of the answer had left")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            length: meter
                .u64_histogram("http.server.response.body.size")
                .with_unit("By")
                .with_description("How long answers were")
                .with_boundaries(BYTES.to_vec())
                .build(),
            active: meter
                .i64_up_down_counter("http.server.active_requests")
                .with_unit("{request}")
                .with_description("Requests that are being answered")
                .build(),
        }
    }

    /// Notes that an exchange began. A method that HTTP does not define, and a path that leads nowhere, get no label
    /// of their own: strangers may not make up labels.
    pub(crate) fn begin(&self, method: &http::Method, route: &str) -> Labels {
        const KNOWN: [http::Method; 4] =
            [http::Method::GET, http::Method::POST, http::Method::HEAD, http::Method::OPTIONS];
        let method = KNOWN.iter().find(|known| *known == method).map_or("_OTHER", http::Method::as_str);
        let labels = [
            KeyValue::new("http.request.method", method.to_owned()),
            KeyValue::new("http.route", route.to_owned()),
        ];
        self.active.add(1, &labels);
        Labels(labels)
    }

    /// Notes how it ended.
    pub(crate) fn end(&self, labels: Labels, ended: &Ended) {
        let Labels(labels) = labels;
        self.active.add(-1, &labels);
        let mut labels = labels.to_vec();
        labels
            .extend(ended.status.map(|status| KeyValue::new("http.response.status_code", i64::from(status))));
        if !ended.complete {
            labels.push(KeyValue::new("error.type", "client_left"));
        }
        self.duration.record(ended.duration.as_secs_f64(), &labels);
        self.length.record(ended.bytes, &labels);
    }
}
