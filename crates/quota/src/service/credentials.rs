//! Sealed credentials over gRPC, for generation.

use std::sync::Arc;

use bytes::Bytes;
use domain::{AccountId, CredentialVersion, Failure};
use proto::{
    status_of,
    v1::{self, credentials_server},
};
use telemetry::carrier;
use tonic::{Request, Response, Status, async_trait};
use tracing::{Span, instrument};

use crate::roster::Roster;

/// Sealed credentials over gRPC.
pub(crate) struct CredentialService {
    roster: Arc<Roster>,
}

impl CredentialService {
    /// The service of a roster.
    pub(crate) const fn new(roster: Arc<Roster>) -> Self {
        Self { roster }
    }

    fn find(&self, id: &AccountId, version: CredentialVersion) -> Option<Bytes> {
        let current = self.roster.current();
        let added = current.registered.accounts.get(id)?;
        (added.credential() == version).then(|| added.sealed.clone())
    }
}

#[async_trait]
impl credentials_server::Credentials for CredentialService {
    #[instrument(name = "quota.credentials.fetch", skip_all, fields(account = request.get_ref().account, trace_id))]
    async fn fetch(
        &self,
        request: Request<v1::FetchCredentialRequest>,
    ) -> Result<Response<v1::FetchCredentialResponse>, Status> {
        carrier::note_trace(&Span::current());
        let v1::FetchCredentialRequest { account, version } = request.into_inner();
        let id = AccountId::new(account).map_err(|error| status_of(Failure::invalid("account", error)))?;
        let version =
            CredentialVersion::new(version).ok_or_else(|| status_of(Failure::missing("version")))?;
        if let Some(sealed) = self.find(&id, version) {
            return Ok(Response::new(v1::FetchCredentialResponse { sealed }));
        }
        // The lease may be another replica's, which heard of the account earlier.
        self.roster.refresh().await.map_err(status_of)?;
        let sealed = self.find(&id, version).ok_or_else(|| status_of(gone(&id, version)))?;
        Ok(Response::new(v1::FetchCredentialResponse { sealed }))
    }
}

fn gone(id: &AccountId, version: CredentialVersion) -> Failure {
    Failure::invalid("version", format!("the account `{id}` has no sealed credential {version}"))
}
