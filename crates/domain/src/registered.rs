//! Accounts and clients as operators see them: where each comes from, and whether it is in force.

use std::{fmt, num::NonZeroU64};

use bytes::Bytes;

use crate::{Account, Client};

/// Who says that there is such an account or client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The configuration, which nothing at run time can change.
    Configuration,
    /// The registry, to which operators add at run time.
    Registry,
}

impl Origin {
    /// `configuration` or `registry`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Registry => "registry",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which sealed credential of an account is meant: no two that were ever sealed have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialVersion(NonZeroU64);

impl CredentialVersion {
    /// The version of this number; zero means that there is none.
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for CredentialVersion {
    /// 16 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// An account to be added, with its credential as only generation can open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// The account.
    pub account: Account,
    /// Its credential in a sealed box.
    pub sealed: Bytes,
}

/// An account that somebody told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAccount {
    /// The account.
    pub account: Account,
    /// Who says that there is such an account.
    pub origin: Origin,
    /// Its sealed credential; absent where generation has the credential in its own configuration.
    pub credential: Option<CredentialVersion>,
    /// Why it is never leased, in words for operators: it contradicts what counts more. Absent where it is in force.
    pub set_aside: Option<String>,
}

/// A client that somebody told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownClient {
    /// The client.
    pub client: Client,
    /// Who says that there is such a client.
    pub origin: Origin,
    /// Why its key opens nothing, in words for operators. Absent where it is in force.
    pub set_aside: Option<String>,
}
