//! A lease on its way to be closed, for those who must not go on before the ledger knows.

use std::{convert::Infallible, time::Duration};

use tokio::{sync::oneshot, time::timeout};

/// How long a caller waits for its leases to be closed; closing itself goes on behind.
const PATIENCE: Duration = Duration::from_secs(1);

/// A lease on its way to be closed.
#[derive(Debug)]
#[must_use]
pub(crate) struct Settling(pub(super) Option<oneshot::Receiver<Infallible>>);

impl Settling {
    /// A lease that is closed already.
    pub(crate) const fn done() -> Self {
        Self(None)
    }

    /// Waits until the ledger knows, within reason, so that whoever asks next finds the quota current.
    pub(crate) async fn wait(self) {
        Self::wait_for_all([self]).await;
    }

    /// Waits until the ledger knows of all of these, within the same reason.
    pub(crate) async fn wait_for_all(leases: impl IntoIterator<Item = Self>) {
        let all = async {
            for heard in leases.into_iter().filter_map(|lease| lease.0) {
                let _ = heard.await;
            }
        };
        let _ = timeout(PATIENCE, all).await;
    }
}
