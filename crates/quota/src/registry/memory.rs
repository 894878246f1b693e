//! The registry that lives and dies with its process.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use super::{Change, Contents, Registry, RegistryError};

/// A document under one lock.
pub(crate) struct MemoryRegistry(watch::Sender<Arc<Contents>>);

impl MemoryRegistry {
    /// An empty document.
    pub(crate) fn new() -> Self {
        Self(watch::Sender::default())
    }
}

#[async_trait]
impl Registry for MemoryRegistry {
    fn contents(&self) -> watch::Receiver<Arc<Contents>> {
        self.0.subscribe()
    }

    async fn change(&self, revision: u64, change: Change) -> Result<Arc<Contents>, RegistryError> {
        let mut result = Err(RegistryError::Outdated(revision));
        self.0.send_if_modified(|contents| {
            if contents.revision != revision {
                result = Err(RegistryError::Outdated(contents.revision));
                return false;
            }
            *contents = Arc::new(contents.after(change));
            result = Ok(Arc::clone(contents));
            true
        });
        result
    }

    async fn refresh(&self) -> Result<(), RegistryError> {
        Ok(())
    }

    /// Nobody else can change it.
    async fn follow(&self) {
        std::future::pending::<()>().await;
    }
}
