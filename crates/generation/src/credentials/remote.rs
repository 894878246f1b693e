//! Sealed credentials over gRPC, from the ledger.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{AccountId, CredentialVersion, Failure};
use proto::{
    failure_of,
    transport::Channel,
    v1::{FetchCredentialRequest, credentials_client::CredentialsClient},
};
use tonic::Request;

use super::SealedCredentials;

/// How long the ledger may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// The ledger of another process, or of this one.
#[derive(Debug, Clone)]
pub struct RemoteCredentials(CredentialsClient<Channel>);

impl RemoteCredentials {
    /// The ledger at the other end of this channel.
    pub fn new(channel: Channel) -> Self {
        Self(CredentialsClient::new(channel))
    }
}

#[async_trait]
impl SealedCredentials for RemoteCredentials {
    async fn fetch(&self, account: &AccountId, version: CredentialVersion) -> Result<Bytes, Failure> {
        let (account, version) = (account.to_string(), version.get());
        let mut request = Request::new(FetchCredentialRequest { account, version });
        request.set_timeout(PATIENCE);
        let answer = self.0.clone().fetch(request).await;
        Ok(answer.map_err(|status| failure_of(&status))?.into_inner().sealed)
    }
}
