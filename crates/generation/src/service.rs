//! The gRPC face of the service.

use std::{pin::Pin, sync::Arc};

use domain::GenerationRequest;
use proto::{
    limits, status_of, transport,
    v1::{
        GenerateEvent, GenerateRequest,
        generation_server::{Generation, GenerationServer},
    },
};
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, service::Routes};

use crate::generator::Generator;

/// The routes that serve this generator.
pub(crate) fn routes(generator: Arc<Generator>) -> Routes {
    let server = GenerationServer::new(Service { generator })
        .max_decoding_message_size(limits::MESSAGE)
        .max_encoding_message_size(limits::MESSAGE);
    Routes::new(server)
}

struct Service {
    generator: Arc<Generator>,
}

#[tonic::async_trait]
impl Generation for Service {
    type GenerateStream = Pin<Box<dyn Stream<Item = Result<GenerateEvent, Status>> + Send>>;

    async fn generate(
        &self,
        request: Request<GenerateRequest>,
    ) -> Result<Response<Self::GenerateStream>, Status> {
        let patience = transport::deadline(request.metadata().as_ref());
        let request = GenerationRequest::try_from(request.into_inner()).map_err(status_of)?;
        let events = self.generator.generate(request, patience).map_err(status_of)?;
        let wire = events.map(|event| event.map(GenerateEvent::from).map_err(status_of));
        Ok(Response::new(Box::pin(wire)))
    }
}
