//! What a cooldown lies on.

use domain::{AccountId, ProjectId, Provider, QuotaDomain};

/// What a cooldown lies on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// One project's use of one model.
    Domain(QuotaDomain),
    /// One credential, whatever it is used for.
    Account(AccountId),
    /// One credential's use of one model.
    Access(AccountId, String),
    /// One project's use of a provider, with whichever credential and model.
    Project(Provider, ProjectId),
    /// A provider's model, whoever uses it.
    Pool(Provider, String),
}

impl Scope {
    /// All that a call on this account, counted in this domain, belongs to: domain, account, access, project,
    /// pool.
    pub(crate) fn all(account: &AccountId, domain: &QuotaDomain) -> [Self; 5] {
        [
            Self::Domain(domain.clone()),
            Self::Account(account.clone()),
            Self::Access(account.clone(), domain.model.clone()),
            Self::Project(domain.provider, domain.project.clone()),
            Self::Pool(domain.provider, domain.model.clone()),
        ]
    }
}
