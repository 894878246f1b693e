//! What a registry holds.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use domain::{Account, AccountId, Client, ClientId, CredentialVersion};
use sha2::{Digest as _, Sha256};

use super::Change;
use crate::KeyHash;

/// The document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contents {
    /// Rises by one with every change; 0 is that of a registry in which nothing was ever changed.
    pub revision: u64,
    /// The accounts that were added.
    pub accounts: BTreeMap<AccountId, RegisteredAccount>,
    /// The accounts that may not be leased, whoever says that there is one of this name.
    pub disabled: BTreeSet<AccountId>,
    /// The clients that were made.
    pub clients: BTreeMap<ClientId, RegisteredClient>,
}

/// An account that was added. Whether it may be leased is not said here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredAccount {
    /// The account.
    pub account: Account,
    /// Its credential in a sealed box, which only generation can open.
    pub sealed: Bytes,
}

/// A client that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredClient {
    /// The client.
    pub client: Client,
    /// What its key is known by.
    pub key: KeyHash,
}

impl Contents {
    /// The document after a change.
    pub(super) fn after(&self, change: Change) -> Self {
        let mut next = self.clone();
        next.revision += 1;
        match change {
            Change::AddAccount(added) => {
                next.accounts.insert(added.account.id.clone(), added);
            }
            Change::RemoveAccount(id) => {
                next.accounts.remove(&id);
                next.disabled.remove(&id);
            }
            Change::EnableAccount(id) => {
                next.disabled.remove(&id);
            }
            Change::DisableAccount(id) => {
                next.disabled.insert(id);
            }
            Change::AddClient(added) => {
                next.clients.insert(added.client.id.clone(), added);
            }
            Change::RemoveClient(id) => {
                next.clients.remove(&id);
            }
        }
        next
    }
}

impl RegisteredAccount {
    /// Which sealed credential this is. It follows from the sealed bytes, of which no two are alike, so that it stays
    /// unique also where a registry is lost and begun anew.
    pub fn credential(&self) -> CredentialVersion {
        let digest = Sha256::digest(&self.sealed);
        let (head, _) = digest.split_first_chunk().expect("SHA-256 has more than 8 bytes");
        let odd = u64::from_be_bytes(*head) | 1;
        CredentialVersion::new(odd).expect("an odd number is not zero")
    }
}
