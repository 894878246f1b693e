//! The accounts and clients in force: those of the configuration and those of the registry, as of its latest
//! revision.

use std::sync::{Arc, PoisonError, RwLock};

use domain::{Catalog, Failure, FailureKind};
use tokio::sync::watch;

use crate::{
    Settings, SettingsError,
    accounts::Accounts,
    clients::Clients,
    registry::{Change, Contents, Registry, RegistryError},
};

/// How often a change is tried that others come before.
const ATTEMPTS: usize = 8;

/// Who may call, on which accounts, now.
pub(crate) struct Roster {
    configured: (Accounts, Clients),
    catalog: Arc<Catalog>,
    registry: Arc<dyn Registry>,
    contents: watch::Receiver<Arc<Contents>>,
    current: RwLock<Arc<InForce>>,
}

/// The accounts and clients in force at one revision of the registry.
pub(crate) struct InForce {
    pub(crate) accounts: Accounts,
    pub(crate) clients: Clients,
    pub(crate) registered: Arc<Contents>,
}

impl Roster {
    /// The roster of this configuration, which is checked here, and of this registry.
    pub(crate) fn new(
        settings: Settings,
        catalog: Arc<Catalog>,
        registry: Arc<dyn Registry>,
    ) -> Result<Self, SettingsError> {
        let accounts = Accounts::new(settings.accounts, &catalog)?;
        let clients = Clients::new(settings.clients, &settings.pepper)?;
        let contents = registry.contents();
        let first = InForce::new(&accounts, &clients, &catalog, Arc::clone(&contents.borrow()));
        let (configured, current) = ((accounts, clients), RwLock::new(Arc::new(first)));
        Ok(Self { configured, catalog, registry, contents, current })
    }

    /// Who and what is in force now, as far as is known here.
    pub(crate) fn current(&self) -> Arc<InForce> {
        let latest = Arc::clone(&self.contents.borrow());
        let current = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        if Arc::ptr_eq(&current.registered, &latest) {
            return current;
        }
        let (accounts, clients) = &self.configured;
        let fresh = Arc::new(InForce::new(accounts, clients, &self.catalog, latest));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        fresh
    }

    /// Tells when others may be in force.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<Contents>> {
        self.contents.clone()
    }

    /// Changes the registry by what `decide` makes of those in force, and answers with those in force then. Where
    /// another change comes before, it is decided anew; unless the operator said which revision it goes by.
    pub(crate) async fn change<T>(
        &self,
        revision: Option<u64>,
        decide: impl Fn(&InForce) -> Result<(Change, T), Failure>,
    ) -> Result<(Arc<InForce>, T), Failure> {
        self.registry.refresh().await.map_err(unavailable)?;
        for _ in 0..ATTEMPTS {
            let current = self.current();
            let found = current.registered.revision;
            if let Some(expected) = revision.filter(|expected| *expected != found) {
                return Err(outdated(expected, found));
            }
            let (change, told) = decide(&current)?;
            match self.registry.change(found, change).await {
                Ok(_) => return Ok((self.current(), told)),
                Err(RegistryError::Outdated(_)) => self.registry.refresh().await.map_err(unavailable)?,
                Err(error) => return Err(unavailable(error)),
            }
        }
        let message = "others change the accounts and clients at this moment; try again";
        Err(Failure::new(FailureKind::Unavailable, message))
    }

    /// Makes sure that what others changed is known here.
    pub(crate) async fn refresh(&self) -> Result<(), Failure> {
        self.registry.refresh().await.map_err(unavailable)
    }

    /// Keeps what others change known here, for as long as this is polled.
    pub(crate) async fn follow(&self) {
        self.registry.follow().await;
    }
}

impl InForce {
    fn new(accounts: &Accounts, clients: &Clients, catalog: &Catalog, registered: Arc<Contents>) -> Self {
        let (accounts, clients) = (accounts.with(&registered, catalog), clients.with(&registered));
        for known in accounts.all() {
            if let Some(reason) = &known.set_aside {
                tracing::warn!(account = %known.account.id, reason, "an account of the registry is set aside");
            }
        }
        for known in clients.all() {
            if let Some(reason) = &known.set_aside {
                tracing::warn!(client = %known.client.id, reason, "a client of the registry is set aside");
            }
        }
        Self { accounts, clients, registered }
    }
}

fn outdated(expected: u64, found: u64) -> Failure {
    Failure::invalid(
        "revision",
        format!(
            "the accounts and clients have revision {found} by now, not {expected}; nothing was changed: look again"
        ),
    )
}

#[expect(clippy::needless_pass_by_value, reason = "it ends the error's way, as `map_err` hands it over")]
fn unavailable(error: RegistryError) -> Failure {
    tracing::error!(%error, "the registry did not answer");
    let message =
        "the accounts and clients cannot be changed or read at the moment; look again before trying again";
    Failure::new(FailureKind::Unavailable, message)
}
