//! Tells operators over gRPC what to seal credentials with.

use std::sync::Arc;

use domain::{Failure, FailureKind};
use proto::{
    sealing::SealingKey,
    status_of,
    v1::{PublicKeyRequest, PublicKeyResponse, sealing_server},
};
use tonic::{Request, Response, Status, async_trait};

/// The service of a sealing key, where there is one.
#[derive(Debug, Clone)]
pub(crate) struct Sealing(pub(crate) Option<Arc<SealingKey>>);

#[async_trait]
impl sealing_server::Sealing for Sealing {
    async fn public_key(&self, _: Request<PublicKeyRequest>) -> Result<Response<PublicKeyResponse>, Status> {
        let key = self.0.as_ref().ok_or_else(|| status_of(keyless()))?;
        Ok(Response::new(PublicKeyResponse { key: key.public().as_bytes().to_vec().into() }))
    }
}

fn keyless() -> Failure {
    let message = "generation has no sealing key, so that no account can be added at run time; set \
                   generation.sealing_key_file to a file with 64 random hexadecimal digits, the same for all of them";
    Failure::new(FailureKind::Unavailable, message)
}
