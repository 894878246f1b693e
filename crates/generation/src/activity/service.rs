//! What became of requests, over gRPC.

use std::pin::Pin;

use proto::v1::{
    ActivityEvent, WatchActivityRequest,
    activity_server::{self, ActivityServer},
};
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

use super::{Activity, watch::watch};

/// What serves it.
pub(crate) fn server(activity: &Activity) -> ActivityServer<impl activity_server::Activity + use<>> {
    ActivityServer::new(Service(activity.clone()))
}

struct Service(Activity);

#[tonic::async_trait]
impl activity_server::Activity for Service {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<ActivityEvent, Status>> + Send>>;

    async fn watch(&self, _: Request<WatchActivityRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let events = watch(&self.0).map(|event| Ok(event.into()));
        Ok(Response::new(Box::pin(events)))
    }
}
