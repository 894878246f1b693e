//! What is counted of one quota domain: an exact log of the minute, the days, and the calls in flight.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{Fence, Learned, Limits, PacificDay, Timestamp};

use super::{Entry, Minute, State};
use crate::store::streak::Streak;

/// How near to midnight a call is charged to both days, since nobody knows on which side of it the call arrives.
pub(crate) const MIDNIGHT: Duration = Duration::from_secs(5);

/// The counters of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Counters {
    minute: Minute,
    /// When each active lease ends unless closed or renewed.
    flights: BTreeSet<(Timestamp, Fence)>,
    lasting: Lasting,
}

/// What of it has to be remembered; all else follows from the leases.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Lasting {
    pub(crate) days: Days,
    /// Its outcomes since the last success.
    pub(crate) streak: Streak,
    /// What the provider told of its limits.
    pub(crate) learned: Learned,
}

impl Counters {
    /// Counters of which nothing is known yet.
    pub(crate) const fn new() -> Self {
        let streak = Streak { throttles: 0, throttled_at: Timestamp::from_millis(0), failures: 0 };
        let lasting = Lasting { days: Days::new(), streak, learned: Learned::NOTHING };
        Self { minute: Minute::new(), flights: BTreeSet::new(), lasting }
    }

    /// Counters as they were persisted, before any lease is recalled.
    pub(crate) fn restore(lasting: Lasting) -> Self {
        Self { lasting, ..Self::new() }
    }

    /// Counters as another keeper tells of them: the minute window, and when each active lease ends.
    pub(crate) fn observed(minute: Minute, flights: Vec<(Timestamp, Fence)>, lasting: Lasting) -> Self {
        Self { minute, flights: flights.into_iter().collect(), lasting }
    }

    /// Charges a call that may be made from `now` on to its day.
    pub(super) fn charge(&mut self, now: Timestamp) {
        self.minute.drop_left(now);
        self.lasting.days.charge(now);
    }

    /// Takes back what was charged to the day at `granted_at`.
    pub(super) fn refund(&mut self, granted_at: Timestamp) {
        self.lasting.days.refund(granted_at);
    }

    /// Counts what a lease occupies from `now` on: a unit of the minute, and a slot while it is active.
    pub(super) fn depart(&mut self, entry: &Entry, now: Timestamp) {
        if entry.leaves_at > now && !entry.is_refunded() {
            self.minute.insert(entry.leaves_at, entry.lease.fence);
        }
        if entry.state == State::Active {
            self.flights.insert((entry.lease.expires_at, entry.lease.fence));
        }
    }

    /// Frees what is occupied by a lease that is about to change.
    pub(super) fn land(&mut self, entry: &Entry) {
        self.minute.remove(entry.leaves_at, entry.lease.fence);
        self.flights.remove(&(entry.lease.expires_at, entry.lease.fence));
    }

    /// Calls in the minute window.
    pub(crate) fn in_minute(&self, at: Timestamp) -> u32 {
        count(self.minute.holds(at))
    }

    /// When the last call leaves the minute window, if any is in it or was.
    pub(crate) fn minute_clears_at(&self) -> Option<Timestamp> {
        self.minute.clears_at()
    }

    /// Calls charged to the day, or to the fuller one where a call would be charged to two.
    pub(crate) fn in_day(&self, at: Timestamp) -> u32 {
        charged_days(at).map(|day| self.lasting.days.charged(day)).max().unwrap_or_default()
    }

    /// Leases that are active.
    pub(crate) fn in_flight(&self, at: Timestamp) -> u32 {
        let ended = self.flights.iter().take_while(|(expires_at, _)| *expires_at <= at).count();
        count(self.flights.len() - ended)
    }

    /// How many calls the windows allow, whatever is in flight. A call is one picture.
    pub(super) fn allowed(&self, limits: &Limits, at: Timestamp) -> u32 {
        let minute = limits.requests_per_minute.min(limits.images_per_minute);
        let minute = minute.saturating_sub(self.in_minute(at));
        minute.min(limits.requests_per_day.saturating_sub(self.in_day(at))).min(limits.concurrent)
    }

    /// How many leases can be granted.
    pub(super) fn free(&self, limits: &Limits, at: Timestamp) -> u32 {
        self.allowed(limits, at).min(limits.concurrent.saturating_sub(self.in_flight(at)))
    }

    /// The moments after `now` at which more may be granted than before.
    pub(super) fn moments(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        let today = PacificDay::of(now);
        let midnights = [today.end, PacificDay::of(today.end).end];
        let landings = self.flights.iter().map(|(expires_at, _)| *expires_at);
        self.minute.moments().chain(landings).chain(midnights).filter(move |moment| *moment > now)
    }

    /// What of it has to be remembered.
    pub(crate) fn lasting(&self) -> &Lasting {
        &self.lasting
    }

    /// What of it has to be remembered.
    pub(super) fn lasting_mut(&mut self) -> &mut Lasting {
        &mut self.lasting
    }
}

/// Calls by the first moment of the day they are charged to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Days(BTreeMap<Timestamp, u32>);

impl Days {
    const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Each day's first moment and its calls.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Timestamp, u32)> + '_ {
        self.0.iter().map(|(start, calls)| (*start, *calls))
    }

    fn charge(&mut self, now: Timestamp) {
        let today = PacificDay::of(now).start;
        self.0.retain(|start, _| *start >= today);
        for day in charged_days(now) {
            let calls = self.0.entry(day.start).or_default();
            *calls = calls.saturating_add(1);
        }
    }

    fn refund(&mut self, granted_at: Timestamp) {
        for day in charged_days(granted_at) {
            if let Some(calls) = self.0.get_mut(&day.start) {
                *calls = calls.saturating_sub(1);
            }
        }
    }

    fn charged(&self, day: PacificDay) -> u32 {
        self.0.get(&day.start).copied().unwrap_or_default()
    }
}

impl FromIterator<(Timestamp, u32)> for Days {
    fn from_iter<I: IntoIterator<Item = (Timestamp, u32)>>(days: I) -> Self {
        Self(days.into_iter().collect())
    }
}

/// The day or two days that a call granted at this moment is charged to.
fn charged_days(moment: Timestamp) -> impl Iterator<Item = PacificDay> {
    let today = PacificDay::of(moment);
    let soon = moment + MIDNIGHT;
    let tomorrow = (!today.contains(soon)).then(|| PacificDay::of(soon));
    std::iter::once(today).chain(tomorrow)
}

fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}
