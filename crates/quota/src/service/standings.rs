//! How accounts stand, over gRPC.

use std::{pin::Pin, sync::Arc};

use domain::standing::StandingsEvent;
use futures_util::{Stream, StreamExt as _};
use proto::{
    status_of,
    v1::{self, standings_server},
};
use telemetry::carrier;
use tonic::{Request, Response, Status, async_trait};
use tracing::{Span, instrument};

use crate::{broker, standings, store::StoreError, view::View};

/// How accounts stand, over gRPC.
pub(crate) struct StandingsService {
    view: Arc<View>,
}

impl StandingsService {
    /// The service of a view.
    pub(crate) fn new(view: Arc<View>) -> Self {
        Self { view }
    }
}

#[async_trait]
impl standings_server::Standings for StandingsService {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<v1::StandingsEvent, Status>> + Send>>;

    #[instrument(name = "quota.standings.list", skip_all, fields(trace_id))]
    async fn list(
        &self,
        _: Request<v1::ListStandingsRequest>,
    ) -> Result<Response<v1::StandingsEvent>, Status> {
        carrier::note_trace(&Span::current());
        told(standings::all(&self.view).await).map(Response::new)
    }

    #[instrument(name = "quota.standings.watch", skip_all, fields(trace_id))]
    async fn watch(
        &self,
        _: Request<v1::WatchStandingsRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        carrier::note_trace(&Span::current());
        Ok(Response::new(Box::pin(standings::watch(Arc::clone(&self.view)).map(told))))
    }
}

fn told(event: Result<StandingsEvent, StoreError>) -> Result<v1::StandingsEvent, Status> {
    event.map(v1::StandingsEvent::from).map_err(|error| status_of(broker::unavailable(error)))
}
