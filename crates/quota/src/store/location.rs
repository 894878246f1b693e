//! Where the operator wants the ledger to be.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc};

use domain::Clock;
use secrecy::SecretString;

use super::{
    Store, StoreError,
    embedded::EmbeddedStore,
    memory::MemoryStore,
    observed::Observed,
    redis::{InvalidRedis, RedisLocation, RedisStore},
};

/// Which store, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In this process, and forgotten with it.
    Memory,
    /// In a file, which one process at a time has open; it survives that process and the machine's power.
    Embedded(PathBuf),
    /// In Redis, for any number of services.
    Redis(RedisLocation),
}

/// Opens the store at a location. A memory or embedded store tells time by `clock`, one in Redis by its server's.
pub async fn open(location: &Location, clock: Arc<dyn Clock>) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match location {
        Location::Memory => Arc::new(Observed::new(MemoryStore::new(clock), "memory")),
        Location::Embedded(path) => {
            Arc::new(Observed::new(EmbeddedStore::open(path.clone(), clock).await?, "redb"))
        }
        Location::Redis(location) => {
            Arc::new(Observed::new(RedisStore::open(location, clock).await?, "redis"))
        }
    })
}

impl Location {
    /// The same place, opened with this password, which only one in Redis has.
    pub fn with_password(self, password: &SecretString) -> Result<Self, InvalidRedis> {
        match self {
            Self::Redis(location) => Ok(Self::Redis(location.with_password(password)?)),
            Self::Memory | Self::Embedded(_) => Err(InvalidRedis::NO_PASSWORD),
        }
    }
}

/// The text names no place for a ledger. Only its scheme is repeated: what follows may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownLocation {
    /// No store has this scheme.
    #[error("`{0}:` is no place for the ledger; use `memory:`, `embedded:PATH` or `redis://HOST:PORT`")]
    Scheme(String),
    /// There is none.
    #[error("this names no place for the ledger; use `memory:`, `embedded:PATH` or `redis://HOST:PORT`")]
    NoScheme,
    /// Something is wrong behind the scheme of Redis.
    #[error("this is no place in Redis for the ledger: {0}")]
    Redis(#[from] InvalidRedis),
}

impl FromStr for Location {
    type Err = UnknownLocation;

    /// Reads `memory:`, `embedded:PATH`, or the URL of a [`RedisLocation`].
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("embedded", path)) if !path.is_empty() => Ok(Self::Embedded(path.into())),
            Some((scheme, _)) if RedisLocation::has_scheme(scheme) => Ok(Self::Redis(text.parse()?)),
            Some((scheme, _)) => Err(UnknownLocation::Scheme(scheme.chars().take(20).collect())),
            None => Err(UnknownLocation::NoScheme),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Embedded(path) => write!(f, "embedded:{}", path.display()),
            Self::Redis(location) => location.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_read_as_they_print() {
        for text in [
            "memory:",
            "embedded:/var/lib/tessera/ledger.redb",
            "embedded:C:\\ledger",
            "redis://localhost:6379",
        ] {
            assert_eq!(text.parse::<Location>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_unknown_location_is_refused_without_repeating_its_password() {
        for text in ["", "memory", "memory:x", "embedded:", "postgres://tessera:hunter2@db/ledger"] {
            let error = text.parse::<Location>().unwrap_err().to_string();
            assert!(error.contains("`memory:`, `embedded:PATH` or `redis://HOST:PORT`"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
