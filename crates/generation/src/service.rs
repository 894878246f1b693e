//! The gRPC face of the service.

use std::{pin::Pin, sync::Arc};

use domain::{Dialect, Failure, GenerationRequest};
use proto::{
    limits, status_of, transport,
    v1::{
        GenerateEvent, GenerateRequest,
        generation_server::{Generation, GenerationServer},
    },
};
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, service::Routes};

use crate::generator::{Generator, Manner};

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
        let message = request.into_inner();
        let dialect = dialect(&message.dialect).map_err(status_of)?;
        let request = GenerationRequest::try_from(message).map_err(status_of)?;
        let manner = Manner { patience, dialect };
        let events = self.generator.generate(request, manner).map_err(status_of)?;
        let wire = events.map(|event| event.map(GenerateEvent::from).map_err(status_of));
        Ok(Response::new(Box::pin(wire)))
    }
}

fn dialect(name: &str) -> Result<Option<Dialect>, Failure> {
    let said = Some(name).filter(|name| !name.is_empty());
    said.map(str::parse).transpose().map_err(|error| Failure::invalid("dialect", error))
}
