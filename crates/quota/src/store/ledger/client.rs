//! What is counted of one client: its requests, what it spends in a day, and its calls in flight.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use domain::{ClientLimit, ClientLimits, Fence, PacificDay, RequestId, Timestamp, lease::term};

use super::{Entry, LANDING, REMEMBERED, State};
use crate::store::{Wish, order::Spent};

/// The counters of one client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ClientCounters {
    /// When each request was counted, earliest first.
    requests: VecDeque<(Timestamp, RequestId)>,
    counted: HashMap<RequestId, Timestamp>,
    /// When each active lease ends unless closed or renewed, and what it reserves of which day.
    flights: BTreeMap<(Timestamp, Fence), (Timestamp, Spent)>,
    days: SpentDays,
}

/// What was spent, by the first moment of each day.
pub(crate) type SpentDays = BTreeMap<Timestamp, Spent>;

/// When something fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Room {
    Now,
    /// After so long, at the earliest.
    After(Duration),
    Never,
}

impl ClientCounters {
    /// Counters with persisted days, before any lease is recalled.
    pub(super) fn restore(days: SpentDays) -> Self {
        Self { days, ..Self::default() }
    }

    /// Counters as another keeper tells of them: when each request was counted, the active leases with what they
    /// reserve of which day, and what was spent on each.
    pub(crate) fn observed(
        requests: Vec<(Timestamp, RequestId)>,
        flights: Vec<((Timestamp, Fence), (Timestamp, Spent))>,
        days: SpentDays,
    ) -> Self {
        let counted = requests.iter().map(|(at, request)| (request.clone(), *at)).collect();
        Self { requests: requests.into(), counted, flights: flights.into_iter().collect(), days }
    }

    /// Counts a persisted lease again, as far as it still occupies something. Leases come in the order of their
    /// grants; the days have counted it already.
    pub(super) fn recall(&mut self, entry: &Entry) {
        if entry.order.counts {
            self.count(&entry.order.request, entry.granted_at);
        }
        self.depart(entry);
    }

    /// Counts a request that is granted at `now`, and tells whether it was new: it counts once, however many leases
    /// it takes.
    pub(super) fn request(&mut self, request: &RequestId, now: Timestamp) -> bool {
        while let Some((_, old)) = self.requests.pop_front_if(|(at, _)| *at + REMEMBERED <= now) {
            self.counted.remove(&old);
        }
        let new = !self.knows(request, now);
        if new {
            self.count(request, now);
        }
        new
    }

    /// Reserves what a lease may take of the day on which it is granted.
    pub(super) fn reserve(&mut self, entry: &Entry) {
        let today = day_of(entry);
        self.days.retain(|start, _| *start >= today);
        let day = self.days.entry(today).or_default();
        *day = day.plus(entry.order.reserved());
    }

    /// Puts what a call took in the place of what was reserved for it, unless its day is long past.
    pub(super) fn correct(&mut self, entry: &Entry, spent: Spent) {
        if let Some(day) = self.days.get_mut(&day_of(entry)) {
            *day = day.plus(spent).minus(entry.order.reserved());
        }
    }

    /// Occupies a slot while the lease is active.
    pub(super) fn depart(&mut self, entry: &Entry) {
        if entry.state == State::Active {
            let Entry { lease, order, .. } = entry;
            self.flights.insert((lease.expires_at, lease.fence), (day_of(entry), order.reserved()));
        }
    }

    /// Frees the slot of a lease that is about to change.
    pub(super) fn land(&mut self, entry: &Entry) {
        self.flights.remove(&(entry.lease.expires_at, entry.lease.fence));
    }

    /// What was spent, by days.
    pub(crate) fn days(&self) -> &SpentDays {
        &self.days
    }

    /// Which limit a wish is beyond, and how long: the one that lasts longest.
    pub(super) fn refusal(&self, wish: &Wish, now: Timestamp) -> Option<(ClientLimit, Option<Duration>)> {
        let rooms = ClientLimit::ALL.map(|limit| (limit, self.room(limit, wish, now)));
        let (limit, room) = rooms.into_iter().rev().max_by_key(|(_, room)| *room)?;
        match room {
            Room::Now => None,
            Room::After(wait) => Some((limit, Some(wait))),
            Room::Never => Some((limit, None)),
        }
    }

    fn room(&self, limit: ClientLimit, wish: &Wish, now: Timestamp) -> Room {
        let ClientLimits { requests_per_minute, images_per_day, spend_per_day_micro_usd, concurrent } =
            wish.client.limits;
        let leases = wish.ids.len() as u64;
        match limit {
            ClientLimit::RequestsPerMinute if self.knows(&wish.request, now) => Room::Now,
            ClientLimit::RequestsPerMinute => {
                requests_per_minute.map_or(Room::Now, |most| self.room_in_minute(most, now))
            }
            ClientLimit::ImagesPerDay => images_per_day.map_or(Room::Now, |most| {
                self.room_in_day(most.into(), leases, now, |spent| spent.images.into())
            }),
            ClientLimit::SpendPerDay => spend_per_day_micro_usd.map_or(Room::Now, |most| {
                let price = leases.saturating_mul(wish.rate.price_micro_usd);
                self.room_in_day(most, price, now, |spent| spent.micro_usd)
            }),
            ClientLimit::Concurrent => {
                concurrent.map_or(Room::Now, |most| self.room_in_flight(most as usize, wish.ids.len(), now))
            }
        }
    }

    fn room_in_minute(&self, most: u32, now: Timestamp) -> Room {
        let past = self.requests.partition_point(|(at, _)| *at + term::MINUTE <= now);
        let excess = (self.requests.len() - past).checked_sub(most as usize);
        match excess.map(|excess| self.requests.get(past + excess)) {
            None => Room::Now,
            // Once this one has left the minute, one fewer than the limit is in it.
            Some(Some((at, _))) => Room::After((*at + term::MINUTE).since(now)),
            Some(None) => Room::Never,
        }
    }

    /// Calls in flight may give back what they reserve at any moment; what is spent is spent until midnight.
    fn room_in_day(&self, most: u64, wish: u64, now: Timestamp, part: impl Fn(&Spent) -> u64) -> Room {
        let today = PacificDay::of(now);
        let spent = self.days.get(&today.start).map(&part).unwrap_or_default();
        let flying = self.active(now).filter(|(_, (day, _))| *day == today.start);
        let reserved = flying.fold(0u64, |sum, (_, (_, spent))| sum.saturating_add(part(spent)));
        let midnight = today.end.since(now);
        if wish > most {
            Room::Never
        } else if spent.saturating_add(wish) <= most {
            Room::Now
        } else if spent.saturating_sub(reserved).saturating_add(wish) <= most {
            Room::After(LANDING.min(midnight))
        } else {
            Room::After(midnight)
        }
    }

    fn room_in_flight(&self, most: usize, wish: usize, now: Timestamp) -> Room {
        let excess = (self.active(now).count() + wish).saturating_sub(most);
        if wish > most {
            return Room::Never;
        }
        let surely = excess.checked_sub(1).and_then(|last| self.active(now).nth(last));
        surely.map_or(Room::Now, |((expires_at, _), _)| Room::After(LANDING.min(expires_at.since(now))))
    }

    fn active(&self, now: Timestamp) -> impl Iterator<Item = (&(Timestamp, Fence), &(Timestamp, Spent))> {
        self.flights.range((now + Duration::from_millis(1), Fence(0))..)
    }

    fn knows(&self, request: &RequestId, now: Timestamp) -> bool {
        self.counted.get(request).is_some_and(|at| now < *at + REMEMBERED)
    }

    fn count(&mut self, request: &RequestId, now: Timestamp) {
        self.requests.push_back((now, request.clone()));
        self.counted.insert(request.clone(), now);
    }
}

/// The first moment of the day that a lease is charged to.
fn day_of(entry: &Entry) -> Timestamp {
    PacificDay::of(entry.granted_at).start
}
