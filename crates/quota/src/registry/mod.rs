//! Where the accounts and clients are kept that operators add at run time: the port, and the registries behind it.
//!
//! A registry is one small document with a revision. Every change is one atomic step from one revision to the next,
//! and is refused where another came before it, so that what was checked against the document holds when it is
//! written. Each registry knows its latest document, so that reading costs nothing, and tells when there is another.
//!
//! It holds no secret that it could tell: credentials are sealed for generation, client keys are keyed hashes.

mod contents;
mod embedded;
mod memory;
mod record;
mod redis;

use std::sync::Arc;

use async_trait::async_trait;
use domain::{AccountId, ClientId};
use tokio::sync::watch;

use crate::store::Location;

pub use contents::{Contents, RegisteredAccount, RegisteredClient};
#[cfg(test)]
pub(crate) use memory::MemoryRegistry;

/// A change of the registry.
#[derive(Debug, Clone)]
pub enum Change {
    /// This account is there, in place of any of its name.
    AddAccount(RegisteredAccount),
    /// No account of this name is there, nor a word about it.
    RemoveAccount(AccountId),
    /// The account of this name may be leased, whoever says that there is one.
    EnableAccount(AccountId),
    /// The account of this name may not be leased, whoever says that there is one.
    DisableAccount(AccountId),
    /// This client is there, in place of any of its name.
    AddClient(RegisteredClient),
    /// No client of this name is there.
    RemoveClient(ClientId),
}

/// The port: a document that any number of services share.
#[async_trait]
pub trait Registry: Send + Sync {
    /// The latest document that is known here, now and whenever there is another.
    fn contents(&self) -> watch::Receiver<Arc<Contents>>;

    /// Makes one change, durably, if the document still has this revision; and answers with the document as it then
    /// is.
    async fn change(&self, revision: u64, change: Change) -> Result<Arc<Contents>, RegistryError>;

    /// Makes sure that the latest document is known here.
    async fn refresh(&self) -> Result<(), RegistryError>;

    /// Keeps the latest document known here, for as long as this is polled: what another service changes is known
    /// within a fraction of a second.
    async fn follow(&self);
}

/// Opens the registry that belongs to the ledger at a location.
pub async fn open(location: &Location) -> Result<Arc<dyn Registry>, RegistryError> {
    Ok(match location {
        Location::Memory => Arc::new(memory::MemoryRegistry::new()),
        Location::Embedded(ledger) => Arc::new(embedded::EmbeddedRegistry::open(ledger)?),
        Location::Redis(location) => Arc::new(redis::RedisRegistry::open(location).await?),
    })
}

/// Why a registry did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Another change came before; nothing was written.
    #[error("the registry has another revision by now: {0}")]
    Outdated(u64),
    /// It was written by a version that keeps it differently.
    #[error("the registry has format {found}, and this version reads {known}; use the version that wrote it")]
    Format {
        /// What it has.
        found: u32,
        /// What we read.
        known: u32,
    },
    /// It holds something that makes no sense.
    #[error("the registry cannot be read: {0}; restore it from a copy or start with an empty one")]
    Corrupt(String),
    /// An operation on the medium failed. Whether a change took place is then unknown.
    #[error("the registry could not {action}: {reason}")]
    Failed {
        /// What was tried.
        action: &'static str,
        /// What the medium said.
        reason: String,
    },
}

impl RegistryError {
    fn failed(action: &'static str, reason: &dyn std::fmt::Display) -> Self {
        Self::Failed { action, reason: reason.to_string() }
    }
}
