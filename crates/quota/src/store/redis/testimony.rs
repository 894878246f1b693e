//! What a service tells the ledger, and for how long the ledger listens.

use std::time::Duration;

use domain::lease::term;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{answer::Peer, question::millis};
use crate::store::ledger::{AWAITED, REMEMBERED};

/// How long a ledger learns that came back: at the least, so that services may speak up that it does not know of,
/// and at the most, when all that may have been granted before has left the minute windows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Learning {
    pub(super) least: Duration,
    pub(super) longest: Duration,
}

impl Learning {
    /// For a ledger that others may have used before.
    pub(super) const CAREFUL: Self =
        Self { least: Duration::from_secs(2), longest: term::WINDOW.saturating_add(Duration::from_secs(2)) };

    /// The same without waiting for those that are not known of.
    pub(super) fn among_friends(self) -> Self {
        Self { least: Duration::ZERO, ..self }
    }
}

/// Something counted, how much, and when that was told.
pub(super) type TallyRecord = (String, String, String, u64, u64);

/// What a service tells the ledger, as `testify.lua` reads it.
#[derive(Debug, Serialize)]
pub(super) struct Testimony {
    pub(super) peers: Vec<Peer>,
    pub(super) complete: bool,
    pub(super) fence: u64,
    pub(super) leases: Vec<GrantRecord>,
    pub(super) tallies: Vec<TallyRecord>,
    pub(super) rests: Vec<(String, u64, &'static str)>,
    pub(super) least: u64,
    pub(super) longest: u64,
    pub(super) awaited: u64,
    pub(super) remembered: u64,
    pub(super) window: u64,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct GrantRecord {
    pub(super) id: String,
    pub(super) lease: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ending: Option<Box<str>>,
}

impl Testimony {
    /// One that says nothing.
    pub(super) fn empty(learning: Learning) -> Self {
        Self {
            peers: vec![],
            complete: false,
            fence: 0,
            leases: vec![],
            tallies: vec![],
            rests: vec![],
            least: millis(learning.least),
            longest: millis(learning.longest),
            awaited: millis(AWAITED),
            remembered: millis(REMEMBERED),
            window: millis(term::WINDOW),
        }
    }
}
