//! What a store tells of its changes, so that nobody has to look again and again.

use tokio::sync::broadcast;

use super::{Scope, ledger::Changes};

/// Changes that may wait for a slow reader. One that falls further behind is told that it missed some.
const WAITING: usize = 1_024;

/// Something that a store keeps and that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// What is counted of a scope, or how it rests.
    Scope(Scope),
    /// Anything: some changes could not be followed.
    Everything,
}

/// Where a store tells its changes.
#[derive(Debug, Clone)]
pub(crate) struct Feed(broadcast::Sender<Change>);

impl Feed {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(WAITING))
    }

    /// Tells what an operation changed.
    pub(crate) fn tell(&self, changes: &Changes) {
        let domains = changes.domains.union(&changes.stirred).cloned().map(Scope::Domain);
        for scope in domains.chain(changes.coolings.union(&changes.probations).cloned()) {
            self.send(Change::Scope(scope));
        }
    }

    /// Tells one change.
    pub(crate) fn send(&self, change: Change) {
        // Nobody may be listening.
        let _ = self.0.send(change);
    }

    /// What is told from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Change> {
        self.0.subscribe()
    }
}
