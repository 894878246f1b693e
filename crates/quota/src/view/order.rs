//! The order in which places are wanted, kept as they change, so that no acquire looks at all of them.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use domain::{Fence, Provider, Tier, Timestamp};

use crate::policy::Merit;

/// What a picture's resolution and the wish for no people decide between: places of one kind keep their order
/// whatever is wished for.
pub(crate) type Kind = (Provider, Tier);

/// A place among those of its kind: the best first, of equals the one that was used longest ago.
pub(crate) type Rank = (Reverse<Merit>, Option<Fence>, usize);

/// Where a place stands in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filed {
    /// It has room.
    Ready(Kind, Rank),
    /// It has none before this moment.
    Resting(Timestamp),
}

/// Places by how they are wanted.
#[derive(Debug, Default)]
pub(crate) struct Order {
    ready: BTreeMap<Kind, BTreeSet<Rank>>,
    resting: BTreeSet<(Timestamp, usize)>,
    filed: BTreeMap<usize, Filed>,
}

impl Order {
    /// Files a place anew, or takes it out.
    pub(crate) fn file(&mut self, place: usize, filed: Option<Filed>) {
        let before = match filed {
            Some(filed) => self.filed.insert(place, filed),
            None => self.filed.remove(&place),
        };
        if before == filed {
            return;
        }
        match before {
            Some(Filed::Ready(kind, rank)) => {
                self.ready.entry(kind).or_default().remove(&rank);
            }
            Some(Filed::Resting(until)) => {
                self.resting.remove(&(until, place));
            }
            None => {}
        }
        match filed {
            Some(Filed::Ready(kind, rank)) => {
                self.ready.entry(kind).or_default().insert(rank);
            }
            Some(Filed::Resting(until)) => {
                self.resting.insert((until, place));
            }
            None => {}
        }
    }

    /// The kinds of those with room, each with its places, best first.
    pub(crate) fn ready(
        &self,
    ) -> impl Iterator<Item = (Kind, impl Iterator<Item = (Merit, usize)> + '_)> + '_ {
        self.ready
            .iter()
            .map(|(kind, ranks)| (*kind, ranks.iter().map(|(Reverse(merit), _, place)| (*merit, *place))))
    }

    /// Those without room, the one that will have some soonest first.
    pub(crate) fn resting(&self) -> impl Iterator<Item = (Timestamp, usize)> + '_ {
        self.resting.iter().copied()
    }

    /// A place that rests no longer.
    pub(crate) fn risen(&self, now: Timestamp) -> Option<usize> {
        self.resting.first().filter(|(until, _)| *until <= now).map(|(_, place)| *place)
    }
}
