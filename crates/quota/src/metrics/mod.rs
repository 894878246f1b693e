//! What the ledger counts: how wishes for leases were answered and how leases were closed, who waits, and how accounts
//! stand altogether. Nothing is counted by account or client, of which there may be many.

mod census;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use domain::{
    FailureKind,
    lease::{Acquired, Closing, Scarcity, Shortage},
};
use opentelemetry::{
    KeyValue, global,
    metrics::{Counter, Histogram, Meter},
};

use self::census::Census;
use crate::{broker::Broker, view::View};

/// Bounds between which durations are told apart, in seconds: an answer takes a millisecond, a turn in the queue up to
/// three minutes.
const SECONDS: [f64; 10] = [0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0, 120.0];

/// The instruments.
#[derive(Clone)]
pub(crate) struct Metrics {
    acquire: Histogram<f64>,
    closings: Counter<u64>,
    expired: Counter<u64>,
}

impl Metrics {
    /// Instruments of the meter that the process has set up.
    pub(crate) fn new() -> Self {
        let meter = meter();
        let count = |name, description| {
            meter.u64_counter(name).with_unit("{lease}").with_description(description).build()
        };
        let metrics = Self {
            acquire: meter
                .f64_histogram("tessera.lease.acquire.duration")
                .with_unit("s")
                .with_description("How long wishes for leases took to be answered, by the answer")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            closings: count(
                "tessera.leases.closed",
                "Last words on leases, by what became of them; duplicates are replays",
            ),
            expired: count("tessera.leases.expired", "Leases that expired unsettled"),
        };
        // Told as nought from the start: else the first could not be seen as a rise.
        metrics.expired(0);
        metrics
    }

    /// A wish was answered, after so long.
    pub(crate) fn answered(&self, answer: &Acquired, after: Duration) {
        self.asked(answer_name(answer), after);
    }

    /// A wish could not be answered.
    pub(crate) fn failed(&self, kind: FailureKind, after: Duration) {
        self.asked(kind.as_str(), after);
    }

    /// A last word on a lease was heard.
    pub(crate) fn closed(&self, how: &'static str, closing: Closing) {
        let labels = [KeyValue::new("how", how), KeyValue::new("closing", closing_name(closing))];
        self.closings.add(1, &labels);
    }

    /// Leases expired.
    pub(crate) fn expired(&self, leases: usize) {
        self.expired.add(leases as u64, &[]);
    }

    fn asked(&self, answer: &'static str, after: Duration) {
        self.acquire.record(after.as_secs_f64(), &[KeyValue::new("answer", answer)]);
    }
}

/// Has it told, whenever metrics are read, who waits and how accounts stand.
pub(crate) fn observe(view: &Arc<View>, broker: &Arc<Broker>) {
    let meter = meter();
    let broker = Arc::downgrade(broker);
    meter
        .u64_observable_gauge("tessera.queue.length")
        .with_unit("{lease}")
        .with_description("Leases that are waited for, by model")
        .with_callback(move |gauge| {
            for (model, leases) in broker.upgrade().iter().flat_map(|broker| broker.queued()) {
                gauge.observe(leases, &[KeyValue::new("gen_ai.request.model", model)]);
            }
        })
        .build();
    gauge(
        &meter,
        view,
        "tessera.accounts",
        "{account}",
        "Accounts of each model, by how they stand",
        Census::states,
    );
    gauge(
        &meter,
        view,
        "tessera.quota.used",
        "{call}",
        "What is used of the windows of projects altogether",
        Census::used,
    );
    gauge(
        &meter,
        view,
        "tessera.quota.limit",
        "{call}",
        "What the windows of projects hold altogether",
        Census::limit,
    );
}

fn gauge(
    meter: &Meter,
    view: &Arc<View>,
    name: &'static str,
    unit: &'static str,
    description: &'static str,
    read: impl Fn(&Census) -> Vec<(u64, Vec<KeyValue>)> + Send + Sync + 'static,
) {
    let view: Weak<View> = Arc::downgrade(view);
    let callback = move |gauge: &dyn opentelemetry::metrics::AsyncInstrument<u64>| {
        if let Some(view) = view.upgrade() {
            for (value, labels) in read(&Census::of(&view)) {
                gauge.observe(value, &labels);
            }
        }
    };
    meter
        .u64_observable_gauge(name)
        .with_unit(unit)
        .with_description(description)
        .with_callback(callback)
        .build();
}

fn meter() -> Meter {
    global::meter("tessera.quota")
}

/// A stable name for an answer.
pub(crate) const fn answer_name(answer: &Acquired) -> &'static str {
    match answer {
        Acquired::Granted(_) => "granted",
        Acquired::Refused(Shortage::NoAccount) => "no_account",
        Acquired::Refused(Shortage::Limited { scarcity: Scarcity::Quota, .. }) => "limited",
        Acquired::Refused(Shortage::Limited { scarcity: Scarcity::Capacity, .. }) => "no_capacity",
        Acquired::Refused(Shortage::Limited { scarcity: Scarcity::Failing, .. }) => "failing",
        Acquired::Refused(Shortage::ClientLimited { .. }) => "client_limited",
    }
}

const fn closing_name(closing: Closing) -> &'static str {
    match closing {
        Closing::Closed => "closed",
        Closing::Duplicate => "duplicate",
        Closing::Conflict => "conflict",
        Closing::Late => "late",
        Closing::Fenced => "fenced",
        Closing::Unknown => "unknown",
    }
}
