//! The candidates for a wish: pure, on what the view knows.

use std::{collections::HashSet, time::Duration};

use domain::{AccountId, Enforcement, PersonGeneration, Timestamp};

use super::{field::Field, place::Member};
use crate::{
    chance::Chance,
    policy::{self, Moment, Wish},
    store::{Candidate, MOST_CANDIDATES},
};

const HOUR: Duration = Duration::from_hours(1);
/// How many places of each kind are compared with those of the other kinds.
const SHORTLIST: usize = 2 * MOST_CANDIDATES;

/// The candidates to try.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// Best first: those with room before those without, each domain's best account before any domain's second.
    pub(crate) candidates: Vec<Candidate>,
    /// How many leases they have room for, as far as is known.
    pub(crate) room: u32,
    /// Whether the provider refuses every account that may serve, so that waiting is no remedy.
    pub(crate) shut_out: bool,
}

impl Field {
    /// Chooses the candidates for a wish. Where people are denied, accounts whose provider can be told so come before
    /// those that can only be asked. Those without room come by when they will have some, so that a refusal can say
    /// when to ask again.
    pub(crate) fn choose(&mut self, wish: Wish<'_>, moment: Moment, chance: &dyn Chance) -> Choice {
        self.rise(moment);
        let mut places = self.shortlist(wish, moment.now, chance);
        places.truncate(MOST_CANDIDATES);
        let room = places.iter().map(|place| self.places[*place].left()).fold(0, u32::saturating_add);
        if places.len() < MOST_CANDIDATES {
            let lacking = MOST_CANDIDATES - places.len();
            let resting = self.order.resting().map(|(_, place)| place);
            places.extend(resting.filter(|place| self.serves(*place, wish, moment.now)).take(lacking));
        }
        let candidates = self.candidates(&places, wish.excluded, moment.now);
        let shut_out = room == 0 && self.is_shut_out(wish.excluded, moment.now);
        Choice { candidates, room, shut_out }
    }

    /// The best places with room, best first.
    fn shortlist(&self, wish: Wish<'_>, now: Timestamp, chance: &dyn Chance) -> Vec<usize> {
        let denies = wish.person_generation == PersonGeneration::Deny;
        let (mut preferred, mut others) = (Vec::new(), Vec::new());
        for (kind, ranked) in self.order.ready() {
            let (provider, tier) = kind;
            let native = denies && Enforcement::of(provider) == Enforcement::Native;
            let list = if native { &mut preferred } else { &mut others };
            let usable = ranked.filter(|(_, place)| self.serves_now(*place, wish, now));
            list.extend(
                usable.take(SHORTLIST).map(|(merit, place)| (merit.score(tier, wish.resolution), place)),
            );
        }
        let mut places = policy::order(preferred, chance);
        places.extend(policy::order(others, chance));
        places
    }

    fn serves(&self, place: usize, wish: Wish<'_>, now: Timestamp) -> bool {
        !self.places[place].ranked(now, wish.excluded).is_empty()
    }

    /// Whether an account that is not excluded can be leased at once.
    fn serves_now(&self, place: usize, wish: Wish<'_>, now: Timestamp) -> bool {
        let ranked = self.places[place].ranked(now, wish.excluded);
        ranked.first().is_some_and(|member| member.standing.is_some_and(|standing| standing.free_at <= now))
    }

    fn candidates(&self, places: &[usize], excluded: &[AccountId], now: Timestamp) -> Vec<Candidate> {
        let (mut best, mut alternates) = (Vec::new(), Vec::new());
        for place in places {
            let mut ranked = self.places[*place].ranked(now, excluded).into_iter().map(Member::narrowed);
            best.extend(ranked.next());
            alternates.extend(ranked);
        }
        best.append(&mut alternates);
        best.truncate(MOST_CANDIDATES);
        best
    }

    /// Whether no account may serve but such as the provider refuses. It is asked only where none has room, and
    /// mostly answered by the first.
    fn is_shut_out(&self, excluded: &[AccountId], now: Timestamp) -> bool {
        let excluded: HashSet<_> = excluded.iter().collect();
        let resting = self.order.resting().flat_map(|(_, place)| &self.places[place].members);
        let mut serving = resting.filter(|member| member.serves && !excluded.contains(&member.account.id));
        serving.all(|member| member.is_shut_out(now))
    }

    /// Whether there is room for so many leases, for one who excludes nobody.
    pub(crate) fn has_room(&mut self, leases: u32, moment: Moment) -> bool {
        self.rise(moment);
        let mut room = 0u32;
        for (_, ranked) in self.order.ready() {
            for (_, place) in ranked {
                room = room.saturating_add(self.places[place].left());
                if room >= leases {
                    return true;
                }
            }
        }
        false
    }

    /// How many leases can be granted in an hour, where each call takes `usual`, as long as quota lasts. Places that
    /// will have no room within the hour do not count.
    pub(crate) fn an_hour(&self, usual: Duration, now: Timestamp) -> u64 {
        let soon = now + HOUR;
        let serving = self.places.iter().filter(|place| place.free_at().is_some_and(|at| at < soon));
        serving.map(|place| place.an_hour(usual)).sum()
    }

    /// When a place that has no room will have some, at the earliest.
    pub(crate) fn opens_at(&self) -> Option<Timestamp> {
        self.order.resting().next().map(|(until, _)| until)
    }
}
