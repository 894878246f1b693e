//! What a service tells the ledger, and for how long the ledger listens.

use std::time::Duration;

use domain::lease::term;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::{answer::Peer, question::millis};
use crate::store::ledger::{AWAITED, REMEMBERED};

/// How long a ledger learns that came back.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Learning {
    /// At the least, so that services may speak up that it does not know of.
    #[serde(serialize_with = "in_millis")]
    pub(super) least: Duration,
    /// When the last that it waits for speaks after that: nothing is granted before all others have heard so.
    #[serde(serialize_with = "in_millis")]
    late: Duration,
    /// At the most, from when it last granted: until all of that has left the minute windows.
    #[serde(serialize_with = "in_millis")]
    longest: Duration,
}

impl Learning {
    /// For a ledger that others may have used before.
    pub(super) const CAREFUL: Self = Self {
        least: Duration::from_secs(2),
        late: Duration::from_secs(10),
        longest: term::WINDOW.saturating_add(Duration::from_secs(2)),
    };

    /// The same without waiting for those that are not known of.
    pub(super) fn among_friends(self) -> Self {
        Self { least: Duration::ZERO, late: Duration::ZERO, ..self }
    }
}

fn in_millis<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(millis(*span))
}

/// Something counted, how much, and when that was told.
pub(super) type TallyRecord = (String, String, String, u64, u64);

/// A scope that has to prove itself, since when, how often it failed to, and why.
pub(super) type TrialRecord = (String, u64, u32, &'static str);

/// A domain, one of its quotas, the limit that the provider told of it, and when.
pub(super) type LearnedRecord = (String, &'static str, u32, u64);

/// What a service tells the ledger, as `testify.lua` reads it.
#[derive(Debug, Serialize)]
pub(super) struct Testimony {
    pub(super) peers: Vec<Peer>,
    pub(super) round: u64,
    pub(super) ends: u64,
    pub(super) surely: u64,
    pub(super) complete: bool,
    pub(super) fence: u64,
    pub(super) claimed: u64,
    pub(super) leases: Vec<GrantRecord>,
    pub(super) tallies: Vec<TallyRecord>,
    pub(super) rests: Vec<(String, u64, &'static str)>,
    pub(super) trials: Vec<TrialRecord>,
    pub(super) learned: Vec<LearnedRecord>,
    #[serde(flatten)]
    pub(super) learning: Learning,
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
            round: 0,
            ends: 0,
            surely: 0,
            complete: false,
            fence: 0,
            claimed: 0,
            leases: vec![],
            tallies: vec![],
            rests: vec![],
            trials: vec![],
            learned: vec![],
            learning,
            awaited: millis(AWAITED),
            remembered: millis(REMEMBERED),
            window: millis(term::WINDOW),
        }
    }
}
