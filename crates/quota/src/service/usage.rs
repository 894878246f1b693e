//! What was used, over gRPC.

use std::{collections::VecDeque, pin::Pin, sync::Arc};

use domain::{UsageFilter, UsageRecord};
use futures_util::{Stream, TryStreamExt as _, stream};
use proto::{
    status_of,
    v1::{self, usage_log_server},
};
use telemetry::carrier;
use tonic::{Request, Response, Status, async_trait};
use tracing::{Span, instrument};

use crate::{
    broker,
    store::{Store, StoreError, UsageCursor},
};

/// How many records are read at a time.
const PAGE: usize = 500;

/// What was used, over gRPC.
pub(crate) struct UsageService {
    store: Arc<dyn Store>,
}

impl UsageService {
    /// The service of what a store keeps.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl usage_log_server::UsageLog for UsageService {
    type ListStream = Pin<Box<dyn Stream<Item = Result<v1::UsageRecord, Status>> + Send>>;

    #[instrument(name = "quota.usage.list", skip_all, fields(trace_id))]
    async fn list(
        &self,
        request: Request<v1::ListUsageRequest>,
    ) -> Result<Response<Self::ListStream>, Status> {
        carrier::note_trace(&Span::current());
        let v1::ListUsageRequest { filter, limit } = request.into_inner();
        let reading = Reading {
            store: Arc::clone(&self.store),
            filter: filter.unwrap_or_default().try_into().map_err(status_of)?,
            left: if limit == 0 { usize::MAX } else { limit as usize },
            read: VecDeque::new(),
            next: Next::Newest,
        };
        let records = stream::try_unfold(reading, Reading::step);
        let wire =
            records.map_ok(v1::UsageRecord::from).map_err(|error| status_of(broker::unavailable(error)));
        Ok(Response::new(Box::pin(wire)))
    }

    #[instrument(name = "quota.usage.totals", skip_all, fields(trace_id))]
    async fn totals(
        &self,
        request: Request<v1::UsageTotalsRequest>,
    ) -> Result<Response<v1::UsageTotalsResponse>, Status> {
        carrier::note_trace(&Span::current());
        let filter = request.into_inner().filter.unwrap_or_default().try_into().map_err(status_of)?;
        let totals =
            self.store.totals(&filter).await.map_err(|error| status_of(broker::unavailable(error)))?;
        let totals = totals.into_iter().map(v1::UsageTotal::from).collect();
        Ok(Response::new(v1::UsageTotalsResponse { totals }))
    }
}

/// Records on their way to a reader, a page at a time.
struct Reading {
    store: Arc<dyn Store>,
    filter: UsageFilter,
    /// How many may still be told.
    left: usize,
    read: VecDeque<UsageRecord>,
    next: Next,
}

enum Next {
    Newest,
    From(UsageCursor),
    Nothing,
}

impl Reading {
    async fn step(mut self) -> Result<Option<(UsageRecord, Self)>, StoreError> {
        while self.left > 0 {
            if let Some(record) = self.read.pop_front() {
                self.left -= 1;
                return Ok(Some((record, self)));
            }
            let from = match &self.next {
                Next::Newest => None,
                Next::From(cursor) => Some(cursor),
                Next::Nothing => return Ok(None),
            };
            let page = self.store.usage(&self.filter, from, PAGE.min(self.left)).await?;
            self.read = page.records.into();
            self.next = page.older.map_or(Next::Nothing, Next::From);
        }
        Ok(None)
    }
}
