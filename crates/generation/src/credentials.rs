//! The secrets that open the operator's accounts.

use std::{collections::HashMap, fmt};

use domain::{AccountId, ProjectId};
use secrecy::SecretString;

use crate::upstream::vertex::Location;

/// What opens one account.
#[derive(Clone)]
pub enum Credential {
    /// A key of the Gemini API.
    ApiKey(SecretString),
    /// A service account, which calls Vertex AI.
    ServiceAccount {
        /// Its key file.
        json: SecretString,
        /// The Google project that is called and pays.
        project: ProjectId,
        /// Where it is called.
        location: Location,
    },
}

/// The credential of every account.
#[derive(Default)]
pub struct Credentials(HashMap<AccountId, Credential>);

impl Credentials {
    /// Credentials by account; of two for one account the later counts.
    pub fn new(credentials: impl IntoIterator<Item = (AccountId, Credential)>) -> Self {
        Self(credentials.into_iter().collect())
    }

    /// The keys of the Gemini API.
    pub(crate) fn api_keys(&self) -> impl Iterator<Item = (AccountId, SecretString)> {
        self.0.iter().filter_map(|(account, credential)| match credential {
            Credential::ApiKey(key) => Some((account.clone(), key.clone())),
            Credential::ServiceAccount { .. } => None,
        })
    }
}

impl IntoIterator for Credentials {
    type Item = (AccountId, Credential);
    type IntoIter = std::collections::hash_map::IntoIter<AccountId, Credential>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Debug for Credentials {
    /// Names the accounts, never the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
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
