//! Where sealed credentials come from, and what opens them.

use std::sync::Arc;

use domain::{AccountId, CallOutcome, CredentialVersion, Failure, FailureKind};
use proto::sealing::{Credential, OpenError, SealingKey};

use super::SealedCredentials;
use crate::upstream::CallFailure;

/// The sealed credentials, and the key to them where this service has one.
pub(crate) struct Vault {
    key: Option<Arc<SealingKey>>,
    source: Arc<dyn SealedCredentials>,
}

/// Why an account cannot be called with its sealed credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unopened {
    /// The ledger does not have it, or does not answer.
    #[error("its sealed credential cannot be had: {0}")]
    NotHad(Failure),
    /// Nothing here can open anything.
    #[error(
        "its credential is sealed, and this service has no sealing key; set generation.sealing_key_file to that of \
         the others"
    )]
    NoKey,
    /// It cannot be opened.
    #[error(
        "its sealed credential {0}; add the account anew, or give this service the sealing key it had then"
    )]
    Shut(#[from] OpenError),
    /// What was in it is of no use.
    #[error("its sealed credential cannot be used: {0}; add the account anew with the right one")]
    Unusable(String),
}

impl Vault {
    /// The credentials of this source, for this key.
    pub(crate) fn new(key: Option<Arc<SealingKey>>, source: Arc<dyn SealedCredentials>) -> Self {
        Self { key, source }
    }

    /// Fetches and opens the credential that a lease names.
    pub(crate) async fn open(
        &self,
        account: &AccountId,
        version: CredentialVersion,
    ) -> Result<Credential, Unopened> {
        let key = self.key.as_ref().ok_or(Unopened::NoKey)?;
        let sealed = self.source.fetch(account, version).await.map_err(Unopened::NotHad)?;
        Ok(key.open(account, &sealed)?)
    }
}

#[cfg(test)]
impl Vault {
    /// A vault with nothing in it.
    pub(crate) fn empty() -> Self {
        struct Nothing;

        #[async_trait::async_trait]
        impl SealedCredentials for Nothing {
            async fn fetch(&self, _: &AccountId, _: CredentialVersion) -> Result<bytes::Bytes, Failure> {
                Err(Failure::invalid("version", "there is none"))
            }
        }

        Self::new(None, Arc::new(Nothing))
    }
}

impl From<Unopened> for CallFailure {
    /// Nothing was sent. Where only the operator can help, the lease is settled all the same, as one whose credential
    /// was rejected: given back, the account would be the first choice again, and fail again.
    fn from(unopened: Unopened) -> Self {
        let detail = unopened.to_string();
        match unopened {
            Unopened::NotHad(_) => {
                let message = "an account cannot be used at the moment; try again shortly";
                Self::unsent(Failure::new(FailureKind::UpstreamOverloaded, message), detail)
            }
            Unopened::NoKey | Unopened::Shut(_) | Unopened::Unusable(_) => {
                let message = "an account cannot be used; the operator must look";
                let failure = Failure::new(FailureKind::UpstreamRejected, message);
                Self::sent(CallOutcome::CredentialRejected, failure, detail)
            }
        }
    }
}
