//! The secrets that open the operator's accounts.
//!
//! Some are in this service's own configuration. The others were added at run time: the ledger keeps them in sealed
//! boxes and hands them out, [`proto::sealing`] opens them, and a `keyring` keeps those that are in use.

mod keyring;
mod remote;
mod service;
mod vault;

use std::{collections::HashMap, fmt};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{AccountId, CredentialVersion, Failure};
use proto::sealing::Credential;

pub use self::remote::RemoteCredentials;
pub(crate) use self::{
    keyring::Keyring,
    service::Sealing,
    vault::{Unopened, Vault},
};

/// The credential of every account of the configuration.
#[derive(Default)]
pub struct Credentials(HashMap<AccountId, Credential>);

impl Credentials {
    /// Credentials by account; of two for one account the later counts.
    pub fn new(credentials: impl IntoIterator<Item = (AccountId, Credential)>) -> Self {
        Self(credentials.into_iter().collect())
    }

    /// Each account, and what opens it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&AccountId, &Credential)> {
        self.0.iter()
    }
}

impl fmt::Debug for Credentials {
    /// Names the accounts, never the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The port to whoever keeps the sealed credentials.
#[async_trait]
pub trait SealedCredentials: Send + Sync {
    /// The sealed credential of an account that a lease names.
    async fn fetch(&self, account: &AccountId, version: CredentialVersion) -> Result<Bytes, Failure>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_in_the_debug_output() {
        let account = AccountId::new("a").unwrap();
        let shown = format!("{:?}", Credentials::new([(account, Credential::ApiKey("AIzaSecret".into()))]));
        assert_eq!(shown, "{a}");
    }
}
