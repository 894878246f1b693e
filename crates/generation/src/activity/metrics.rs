//! What is counted of requests and of their attempts, by the names that OpenTelemetry gives them where it has one.

use std::time::Duration;

use domain::{
    Provider, Timestamp,
    activity::{AttemptOutcome, AttemptRecord, RequestOutcome, RequestRecord},
};
use opentelemetry::{
    KeyValue, global,
    metrics::{Counter, Histogram, UpDownCounter},
};

/// Bounds between which durations are told apart, in seconds: of pictures, which take up to three minutes, ...
const SLOW: [f64; 9] = [0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0];
/// ... and of words with the ledger, which take milliseconds unless one must wait.
const QUICK: [f64; 10] = [0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0, 40.0, 160.0];
/// The same of lengths of pictures, in bytes, ...
const BYTES: [f64; 7] = [1e5, 3e5, 1e6, 3e6, 6e6, 1.2e7, 2.4e7];
/// ... and of counts of tokens.
const TOKENS: [f64; 6] = [64.0, 256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0];

/// The instruments.
pub(super) struct Metrics {
    requests: Counter<u64>,
    duration: Histogram<f64>,
    active: UpDownCounter<i64>,
    pictures: UpDownCounter<i64>,
    waiting: UpDownCounter<i64>,
    attempts: Counter<u64>,
    lease: Histogram<f64>,
    call: Histogram<f64>,
    first_byte: Histogram<f64>,
    settle: Histogram<f64>,
    tokens: Histogram<u64>,
    size: Histogram<u64>,
    spend: Counter<f64>,
    retries_refused: Counter<u64>,
}

impl Metrics {
    /// Instruments of the meter that the process has set up.
    pub(super) fn new() -> Self {
        let meter = global::meter("tessera.generation");
        let count = |name, unit, description| {
            meter.u64_counter(name).with_unit(unit).with_description(description).build()
        };
        let level = |name, unit, description| {
            meter.i64_up_down_counter(name).with_unit(unit).with_description(description).build()
        };
        let seconds = |name, bounds: &[f64], description| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(description);
            histogram.with_boundaries(bounds.to_vec()).build()
        };
        let sizes = |name, unit, bounds: &[f64], description| {
            let histogram = meter.u64_histogram(name).with_unit(unit).with_description(description);
            histogram.with_boundaries(bounds.to_vec()).build()
        };
        let metrics = Self {
            requests: count("tessera.requests", "{request}", "Requests that ended, by how"),
            duration: seconds(
                "tessera.request.duration",
                &SLOW,
                "How long requests took in which a picture came",
            ),
            active: level("tessera.requests.active", "{request}", "Requests that are being answered"),
            pictures: level(
                "tessera.pictures.active",
                "{picture}",
                "Pictures that have a lease and are being made",
            ),
            waiting: level(
                "tessera.wishes.waiting",
                "{wish}",
                "Wishes for accounts that wait for their turn",
            ),
            attempts: count(
                "tessera.attempts",
                "{attempt}",
                "Attempts at pictures that had a lease, by how they ended",
            ),
            lease: seconds("tessera.lease.wait", &QUICK, "How long leases were waited for that were granted"),
            call: seconds("gen_ai.client.operation.duration", &SLOW, "How long calls of providers took"),
            first_byte: seconds(
                "tessera.upstream.first_byte",
                &SLOW,
                "How long providers took to begin their answers",
            ),
            settle: seconds(
                "tessera.settle.delay",
                &QUICK,
                "How long after its call was over a lease was closed",
            ),
            tokens: sizes(
                "gen_ai.client.token.usage",
                "{token}",
                &TOKENS,
                "Tokens that calls of providers took",
            ),
            size: sizes("tessera.picture.size", "By", &BYTES, "How long pictures were"),
            spend: meter
                .f64_counter("tessera.spend.usd")
                .with_description("What is reckoned for calls of providers, in US dollars")
                .build(),
            retries_refused: count(
                "tessera.retries.refused",
                "{attempt}",
                "Further attempts that were not made because the provider fails too often",
            ),
        };
        metrics.are_there();
        metrics
    }

    /// What has not happened yet is told as nought: else its first time could not be seen as a rise.
    fn are_there(&self) {
        for level in [&self.active, &self.pictures, &self.waiting] {
            level.add(0, &[]);
        }
        self.retries_refused.add(0, &[]);
    }

    /// A request has come.
    pub(super) fn begun(&self) {
        self.active.add(1, &[]);
    }

    /// A request has ended.
    pub(super) fn ended(&self, record: &RequestRecord, outcome: RequestOutcome, at: Timestamp) {
        self.active.add(-1, &[]);
        // A name that the catalog does not have is no label: strangers may not make up labels.
        let known = !record.pictures.is_empty();
        let mut labels = vec![KeyValue::new("outcome", outcome.as_str())];
        labels.extend(known.then(|| model(&record.model)));
        self.requests.add(1, &labels);
        if outcome == RequestOutcome::Delivered {
            self.duration.record(at.since(record.begun_at).as_secs_f64(), &[model(&record.model)]);
        }
    }

    /// So many more wishes wait.
    pub(super) fn waits(&self, change: i32) {
        self.waiting.add(change.into(), &[]);
    }

    /// A picture has a lease.
    pub(super) fn leased(&self, waited: Duration) {
        self.pictures.add(1, &[]);
        self.lease.record(waited.as_secs_f64(), &[]);
    }

    /// An attempt that had a lease is over.
    pub(super) fn attempted(&self, of: &str, attempt: &AttemptRecord) {
        self.pictures.add(-1, &[]);
        let (Some(lease), Some(outcome)) = (&attempt.lease, attempt.outcome) else { return };
        let whom = [KeyValue::new("gen_ai.provider.name", provider_name(lease.provider)), model(of)];
        let with = |label: Option<KeyValue>| whom.iter().cloned().chain(label).collect::<Vec<_>>();
        self.attempts.add(1, &with(Some(KeyValue::new("outcome", outcome.as_str()))));
        if let (Some(called), Some(answered)) = (attempt.called_at, attempt.answered_at) {
            let failed = (outcome != AttemptOutcome::DELIVERED).then_some(outcome.as_str());
            let mut labels = with(failed.map(|error| KeyValue::new("error.type", error)));
            labels.push(KeyValue::new("gen_ai.operation.name", OPERATION));
            self.call.record(answered.since(called).as_secs_f64(), &labels);
            let first_byte = attempt.first_byte_at.filter(|_| failed.is_none());
            if let Some(first_byte) = first_byte {
                self.first_byte.record(first_byte.since(called).as_secs_f64(), &whom);
            }
        }
        for (kind, tokens) in
            [("input", attempt.tokens.input_tokens()), ("output", attempt.tokens.output_tokens())]
        {
            if tokens > 0 {
                let mut labels = with(Some(KeyValue::new("gen_ai.token.type", kind)));
                labels.push(KeyValue::new("gen_ai.operation.name", OPERATION));
                self.tokens.record(tokens, &labels);
            }
        }
        self.spend.add(usd(attempt.cost_micro_usd), &whom);
    }

    /// The ledger has heard how an attempt ended.
    pub(super) fn settled(&self, delay: Duration) {
        self.settle.record(delay.as_secs_f64(), &[]);
    }

    /// A picture came.
    pub(super) fn drawn(&self, of: &str, bytes: u64) {
        self.size.record(bytes, &[model(of)]);
    }

    /// An attempt was not made again, for want of a budget.
    pub(super) fn retry_refused(&self, of: &str) {
        self.retries_refused.add(1, &[model(of)]);
    }
}

/// What OpenTelemetry calls the method of Google's that draws.
pub(crate) const OPERATION: &str = "generate_content";

/// What OpenTelemetry calls a provider.
pub(crate) const fn provider_name(provider: Provider) -> &'static str {
    match provider {
        Provider::Gemini => "gcp.gemini",
        Provider::Vertex => "gcp.vertex_ai",
    }
}

fn model(name: &str) -> KeyValue {
    KeyValue::new("gen_ai.request.model", name.to_owned())
}

fn usd(micro: u64) -> f64 {
    f64::from(u32::try_from(micro).unwrap_or(u32::MAX)) / 1e6
}
