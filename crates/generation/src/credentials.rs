//! The secrets that open the operator's accounts.

use std::{collections::HashMap, fmt};

use domain::AccountId;
use secrecy::SecretString;

/// The API key of every account.
pub struct Credentials(HashMap<AccountId, SecretString>);

impl Credentials {
    /// Keys by account; of two for one account the later counts.
    pub fn new(keys: impl IntoIterator<Item = (AccountId, SecretString)>) -> Self {
        Self(keys.into_iter().collect())
    }

    pub(crate) fn into_keys(self) -> impl Iterator<Item = (AccountId, SecretString)> {
        self.0.into_iter()
    }
}

impl fmt::Debug for Credentials {
    /// Names the accounts, never the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
