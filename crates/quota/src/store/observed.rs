//! A store of which is told what it does: a span for every operation, and how long each took.

use std::time::Instant;

use async_trait::async_trait;
use domain::{
    Fence, Lease, LeaseId, Settlement, UsageFilter, UsageTotal,
    lease::{Closing, Renewal},
};
use opentelemetry::{KeyValue, global, metrics::Histogram};
use tokio::sync::broadcast;
use tracing::{Instrument as _, debug_span, field};

use super::{Acquisition, Candidate, Change, Store, StoreError, Survey, UsageCursor, UsagePage, Wish};

/// Bounds between which durations are told apart, in seconds.
const SECONDS: [f64; 9] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0];

/// A store that is watched.
pub(super) struct Observed<S> {
    inner: S,
    /// What OpenTelemetry calls a database of its kind.
    system: &'static str,
    duration: Histogram<f64>,
}

impl<S: Store> Observed<S> {
    /// Watches a store that is kept in such a database.
    pub(super) fn new(inner: S, system: &'static str) -> Self {
        let duration = global::meter("tessera.quota")
            .f64_histogram("db.client.operation.duration")
            .with_unit("s")
            .with_description("How long operations of the ledger's store took")
            .with_boundaries(SECONDS.to_vec())
            .build();
        Self { inner, system, duration }
    }

    async fn observe<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let span = debug_span!(
            "quota.store",
            otel.name = operation,
            otel.kind = "client",
            otel.status_code = field::Empty,
            db.system.name = self.system,
            db.operation.name = operation,
            "error.type" = field::Empty,
        );
        let begun = Instant::now();
        let result = work.instrument(span.clone()).await;
        let mut labels =
            vec![KeyValue::new("db.system.name", self.system), KeyValue::new("db.operation.name", operation)];
        if let Err(error) = &result {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", error.name());
            labels.push(KeyValue::new("error.type", error.name()));
        }
        self.duration.record(begun.elapsed().as_secs_f64(), &labels);
        result
    }
}

impl StoreError {
    /// A stable name.
    const fn name(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "in_use",
            Self::Format { .. } => "format",
            Self::Corrupt(_) => "corrupt",
            Self::Learning { .. } => "learning",
            Self::Failed { .. } => "failed",
            Self::Closed => "closed",
        }
    }
}

#[async_trait]
impl<S: Store> Store for Observed<S> {
    async fn acquire(&self, wish: &Wish) -> Result<Acquisition, StoreError> {
        self.observe("acquire", self.inner.acquire(wish)).await
    }

    async fn renew(&self, id: &LeaseId, fence: Fence) -> Result<Renewal, StoreError> {
        self.observe("renew", self.inner.renew(id, fence)).await
    }

    async fn settle(
        &self,
        id: &LeaseId,
        fence: Fence,
        settlement: &Settlement,
    ) -> Result<Closing, StoreError> {
        self.observe("settle", self.inner.settle(id, fence, settlement)).await
    }

    async fn release(&self, id: &LeaseId, fence: Fence) -> Result<Closing, StoreError> {
        self.observe("release", self.inner.release(id, fence)).await
    }

    async fn expire(&self) -> Result<Vec<Lease>, StoreError> {
        self.observe("expire", self.inner.expire()).await
    }

    async fn standing(&self, candidates: &[Candidate]) -> Result<Survey, StoreError> {
        self.observe("standing", self.inner.standing(candidates)).await
    }

    async fn usage(
        &self,
        filter: &UsageFilter,
        from: Option<&UsageCursor>,
        limit: usize,
    ) -> Result<UsagePage, StoreError> {
        self.observe("usage", self.inner.usage(filter, from, limit)).await
    }

    async fn totals(&self, filter: &UsageFilter) -> Result<Vec<UsageTotal>, StoreError> {
        self.observe("totals", self.inner.totals(filter)).await
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.inner.changes()
    }
}
