//! What a ledger ought to do, told as simply as can be: it keeps every grant for ever and counts by looking
//! through all of them. It shares nothing with the ledger it judges.

use domain::{
    CallOutcome, Client, ClientId, ClientLimit, Fence, Lease, LeaseId, Limits, RequestId, Settlement,
    Timestamp, catalog::Rate, lease::Window,
};
use quota::store::{Candidate, Standing, Wish};

const WINDOW: u64 = 63_000;
const LEASE: u64 = 45_000;
const LONGEST: u64 = 200_000;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// How a lease ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    Settled(CallOutcome),
    Released,
}

/// A grant and all that became of it. Times are milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) id: LeaseId,
    pub(crate) candidate: Candidate,
    client: ClientId,
    rate: Rate,
    pub(crate) fence: Fence,
    pub(crate) granted: u64,
    pub(crate) ends: u64,
    /// When its unit leaves the minute window.
    pub(crate) leaves: u64,
    /// When the provider has counted its call at the latest.
    pub(crate) arrived: u64,
    pub(crate) end: Option<(End, u64)>,
    /// Whether it ended after its term.
    pub(crate) late: bool,
    /// Whether its expiry was reported.
    pub(crate) swept: bool,
    pub(crate) forgotten: bool,
}

impl Held {
    fn refunded(&self) -> bool {
        !self.late && matches!(self.end, Some((End::Released, _)))
    }

    /// What it took, in pictures and millionths of a dollar.
    fn took(&self) -> (u64, u64) {
        let price = self.rate.price_micro_usd;
        match &self.end {
            None | Some((End::Settled(CallOutcome::Ambiguous | CallOutcome::Cancelled), _)) => (1, price),
            Some((End::Settled(CallOutcome::Delivered { images, usage }), _)) => {
                let cost = match usage.output_image_tokens {
                    0 => price * u64::from(*images),
                    tokens => price * tokens / u64::from(self.rate.tokens),
                };
                (u64::from(*images), cost)
            }
            Some(_) => (0, 0),
        }
    }

    fn flies(&self, at: u64) -> bool {
        self.end.is_none() && !self.swept && at < self.ends
    }
}

/// Something that must rest.
#[derive(Debug, Clone, PartialEq)]
enum Rest {
    Domain(Candidate),
    Account(Candidate),
    Access(Candidate),
    Project(Candidate),
    Pool(Candidate),
}

impl Rest {
    fn same(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.hits(other.of())
    }

    fn of(&self) -> &Candidate {
        match self {
            Self::Domain(it) | Self::Account(it) | Self::Access(it) | Self::Project(it) | Self::Pool(it) => {
                it
            }
        }
    }

    fn hits(&self, other: &Candidate) -> bool {
        match self {
            Self::Domain(it) => it.domain == other.domain,
            Self::Account(it) => it.account == other.account,
            Self::Access(it) => it.account == other.account && it.domain.model == other.domain.model,
            Self::Project(it) => {
                it.domain.provider == other.domain.provider && it.domain.project == other.domain.project
            }
            Self::Pool(it) => {
                it.domain.provider == other.domain.provider && it.domain.model == other.domain.model
            }
        }
    }
}

/// That something must prove itself.
#[derive(Debug, Clone)]
struct Trial {
    on: Rest,
    since: u64,
    rounds: u32,
}

/// How a domain fared.
#[derive(Debug, Clone, Default)]
struct Fortune {
    throttles: u32,
    throttled: u64,
    failures: u32,
}

/// What a wish must come to.
#[derive(Debug, PartialEq)]
pub(crate) enum Expected {
    /// These very leases once more.
    Again(Vec<Lease>),
    /// Leases on these candidates, in this order.
    On(Vec<Candidate>),
    Limited,
    ClientLimited,
    Mixed,
}

/// What a closing must come to.
#[derive(Debug, PartialEq, Clone, Copy)]
pub(crate) enum Word {
    Closed,
    Duplicate,
    Conflict,
    Late,
    Fenced,
    Unknown,
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) now: u64,
    /// When something last happened that must survive a crash.
    pub(crate) lasting: u64,
    pub(crate) held: Vec<Held>,
    rests: Vec<(Rest, u64)>,
    fortunes: Vec<(Candidate, Fortune)>,
    /// When which request of which client was counted.
    requests: Vec<(ClientId, RequestId, u64)>,
    trials: Vec<Trial>,
}

impl Model {
    pub(crate) fn tick(&mut self, clock: Timestamp) {
        self.now = self.now.max(clock.as_millis());
    }

    pub(crate) fn known(&self, id: &LeaseId) -> Option<&Held> {
        self.held.iter().find(|held| held.id == *id && !held.forgotten)
    }

    pub(crate) fn active(&self) -> Vec<LeaseId> {
        self.held.iter().filter(|held| held.flies(self.now)).map(|held| held.id.clone()).collect()
    }

    fn index(&self, id: &LeaseId) -> Option<usize> {
        self.held.iter().position(|held| held.id == *id && !held.forgotten)
    }

    /// The calls that some window still holds, of the candidate's domain.
    fn of<'a>(&'a self, candidate: &'a Candidate) -> impl Iterator<Item = &'a Held> {
        self.held.iter().filter(|held| held.candidate.domain == candidate.domain)
    }

    fn in_minute(&self, candidate: &Candidate, at: u64) -> u32 {
        let inside = |held: &&Held| !held.refunded() && at < held.leaves;
        u32::try_from(self.of(candidate).filter(inside).count()).unwrap()
    }

    fn in_day(&self, candidate: &Candidate, at: u64) -> u32 {
        let on = |day: u64| {
            let charged = |held: &&Held| !held.refunded() && days(held.granted).contains(&day);
            u32::try_from(self.of(candidate).filter(charged).count()).unwrap()
        };
        days(at).into_iter().map(on).max().unwrap()
    }

    fn in_flight(&self, candidate: &Candidate, at: u64) -> u32 {
        u32::try_from(self.of(candidate).filter(|held| held.flies(at)).count()).unwrap()
    }

    fn rests(&self, candidate: &Candidate, at: u64) -> bool {
        self.rests.iter().any(|(rest, until)| rest.hits(candidate) && at < *until)
    }

    /// Where it is on probation now: until when it is being tried, by a lease that was granted since.
    fn trial(&self, candidate: &Candidate) -> Option<u64> {
        let its = self.trials.iter().filter(|it| it.on.hits(candidate) && self.now < it.since + DAY);
        let busy = |it: &Trial| {
            let probes =
                self.held.iter().filter(|held| it.on.hits(&held.candidate) && held.granted > it.since);
            probes.filter(|held| held.flies(self.now)).map(|held| held.ends).max().unwrap_or(0)
        };
        its.map(busy).max()
    }

    fn room(&self, candidate: &Candidate, at: u64, whatever_flies: bool) -> u32 {
        if self.rests(candidate, at) {
            return 0;
        }
        let leeway = match self.trial(candidate) {
            None => u32::MAX,
            Some(busy_until) => u32::from(whatever_flies || busy_until <= at),
        };
        let Limits { requests_per_minute, images_per_minute, requests_per_day, concurrent } =
            candidate.limits;
        let flying = if whatever_flies { 0 } else { self.in_flight(candidate, at) };
        [
            requests_per_minute.saturating_sub(self.in_minute(candidate, at)),
            images_per_minute.saturating_sub(self.in_minute(candidate, at)),
            requests_per_day.saturating_sub(self.in_day(candidate, at)),
            concurrent.saturating_sub(flying),
            leeway,
        ]
        .into_iter()
        .min()
        .unwrap()
    }

    /// Each domain of the candidates with the first that may be used, or else soonest, and the room it has.
    fn rooms<'a>(
        &self,
        candidates: &'a [Candidate],
        wish: u32,
        at: u64,
        whatever_flies: bool,
    ) -> Vec<(&'a Candidate, u32)> {
        let late = |candidate: &Candidate| {
            let rests = self.rests.iter().filter(|(rest, _)| rest.hits(candidate)).map(|(_, until)| *until);
            let trial = self.trial(candidate);
            let opens = rests.chain(trial).filter(|moment| *moment > self.now).max().unwrap_or(0);
            (opens, wish > 1 && trial.is_some())
        };
        let mut domains: Vec<&Candidate> = vec![];
        for candidate in candidates {
            match domains.iter().position(|first| first.domain == candidate.domain) {
                None => domains.push(candidate),
                Some(place) if late(candidate) < late(domains[place]) => domains[place] = candidate,
                Some(_) => {}
            }
        }
        domains.into_iter().map(|candidate| (candidate, self.room(candidate, at, whatever_flies))).collect()
    }

    pub(crate) fn fits(
        &self,
        candidates: &[Candidate],
        wish: u32,
        fit: u32,
        at: u64,
        whatever_flies: bool,
    ) -> bool {
        self.rooms(candidates, wish, at, whatever_flies).iter().map(|(_, room)| room).sum::<u32>() >= fit
    }

    pub(crate) fn at_most(&self, candidates: &[Candidate], wish: u32) -> u32 {
        let limits = |candidate: &Candidate| {
            let it = candidate.limits;
            let most =
                it.requests_per_minute.min(it.images_per_minute).min(it.requests_per_day).min(it.concurrent);
            if self.trial(candidate).is_some() { most.min(1) } else { most }
        };
        self.rooms(candidates, wish, self.now, false).iter().map(|(candidate, _)| limits(candidate)).sum()
    }

    /// What calls of this client took of this day, in pictures and millionths of a dollar.
    fn spent(&self, client: &ClientId, on: u64, whatever_flies: bool) -> (u64, u64) {
        let its = self.held.iter().filter(|held| held.client == *client && day(held.granted) == on);
        let its = its.filter(|held| !(whatever_flies && held.flies(self.now)));
        its.map(Held::took).fold((0, 0), |sum, took| (sum.0 + took.0, sum.1 + took.1))
    }

    fn is_known(&self, wish: &Wish, at: u64) -> bool {
        let its = |(client, request, counted): &(ClientId, RequestId, u64)| {
            *client == wish.client.id && *request == wish.request && at < counted + 15 * MINUTE
        };
        self.requests.iter().any(its)
    }

    /// Whether a wish is beyond its client's limit, as far as is known now of that moment.
    pub(crate) fn is_beyond(&self, limit: ClientLimit, wish: &Wish, at: u64, whatever_flies: bool) -> bool {
        let Client { id, limits } = &wish.client;
        let leases = wish.ids.len() as u64;
        let (images, spend) = self.spent(id, day(at), whatever_flies);
        let (used, most) = match limit {
            ClientLimit::RequestsPerMinute => {
                let recent = |(client, _, counted): &&(ClientId, RequestId, u64)| {
                    client == id && at < counted + MINUTE
                };
                let new = u64::from(!self.is_known(wish, at));
                let used = if new == 0 { 0 } else { self.requests.iter().filter(recent).count() as u64 };
                (used + new, limits.requests_per_minute.map(u64::from))
            }
            ClientLimit::ImagesPerDay => (images + leases, limits.images_per_day.map(u64::from)),
            ClientLimit::SpendPerDay => {
                (spend + leases * wish.rate.price_micro_usd, limits.spend_per_day_micro_usd)
            }
            ClientLimit::Concurrent => {
                let flying = self.held.iter().filter(|held| held.client == *id && held.flies(at)).count();
                let flying = if whatever_flies { 0 } else { flying as u64 };
                (flying + leases, limits.concurrent.map(u64::from))
            }
        };
        most.is_some_and(|most| used > most)
    }

    /// Whether the wish is beyond a limit of a client that used nothing yet.
    pub(crate) fn is_alone_beyond(wish: &Wish) -> bool {
        ClientLimit::ALL.iter().any(|limit| Self::default().is_beyond(*limit, wish, DAY, false))
    }

    pub(crate) fn expect(&self, wish: &Wish) -> Expected {
        let Wish { ids, candidates, .. } = wish;
        let known: Vec<_> = ids.iter().filter_map(|id| self.known(id)).collect();
        if known.len() == ids.len() {
            return Expected::Again(known.into_iter().map(lease).collect());
        }
        if !known.is_empty() {
            return Expected::Mixed;
        }
        if ClientLimit::ALL.iter().any(|limit| self.is_beyond(*limit, wish, self.now, false)) {
            return Expected::ClientLimited;
        }
        let leases = u32::try_from(ids.len()).unwrap();
        if !self.fits(candidates, leases, leases, self.now, false) {
            return Expected::Limited;
        }
        let mut rooms = self.rooms(candidates, leases, self.now, false);
        let mut dealt = vec![];
        for turn in (0..rooms.len()).cycle() {
            if dealt.len() == ids.len() {
                break;
            }
            if rooms[turn].1 > 0 {
                rooms[turn].1 -= 1;
                dealt.push(rooms[turn].0.clone());
            }
        }
        Expected::On(dealt)
    }

    pub(crate) fn grant(&mut self, lease: &Lease, candidate: &Candidate, wish: &Wish) {
        self.lasting = self.now;
        if !self.is_known(wish, self.now) {
            self.requests.push((wish.client.id.clone(), wish.request.clone(), self.now));
        }
        self.held.push(Held {
            id: lease.id.clone(),
            candidate: candidate.clone(),
            client: wish.client.id.clone(),
            rate: wish.rate,
            fence: lease.fence,
            granted: self.now,
            ends: self.now + LEASE,
            leaves: self.now + WINDOW,
            arrived: self.now + WINDOW - MINUTE,
            end: None,
            late: false,
            swept: false,
            forgotten: false,
        });
    }

    /// How long the lease goes on, if it does.
    pub(crate) fn renew(&mut self, id: &LeaseId, fence: Fence) -> Option<u64> {
        let now = self.now;
        let place = self.index(id)?;
        let held = &mut self.held[place];
        if held.fence != fence || !held.flies(now) {
            return None;
        }
        held.ends = (now + LEASE).min(held.granted + LONGEST);
        self.lasting = now;
        Some(held.ends - now)
    }

    pub(crate) fn close(&mut self, id: &LeaseId, fence: Fence, settlement: Option<Settlement>) -> Word {
        let now = self.now;
        let end = settlement.as_ref().map_or(End::Released, |said| End::Settled(said.outcome.clone()));
        let Some(place) = self.index(id) else { return Word::Unknown };
        let held = &mut self.held[place];
        if held.fence != fence {
            return Word::Fenced;
        }
        if let Some((first, _)) = &held.end {
            return if *first == end { Word::Duplicate } else { Word::Conflict };
        }
        held.late = !held.flies(now);
        held.end = Some((end.clone(), now));
        if let Some(settlement) = settlement {
            held.arrived = held.arrived.min(arrival(held.granted, &settlement, now));
            if !held.late {
                held.leaves = held.leaves.min(held.arrived + MINUTE);
            }
        }
        let (late, candidate, granted) = (held.late, held.candidate.clone(), held.granted);
        self.lasting = now;
        if let End::Settled(outcome) = end {
            self.conclude(&candidate, granted, &outcome);
        }
        if late { Word::Late } else { Word::Closed }
    }

    fn conclude(&mut self, candidate: &Candidate, granted: u64, outcome: &CallOutcome) {
        let now = self.now;
        let place = self.fortunes.iter().position(|(it, _)| it.domain == candidate.domain);
        let place = place.unwrap_or_else(|| {
            self.fortunes.push((candidate.clone(), Fortune::default()));
            self.fortunes.len() - 1
        });
        let fortune = &mut self.fortunes[place].1;
        match outcome {
            CallOutcome::Delivered { .. } | CallOutcome::Declined | CallOutcome::Empty => {
                *fortune = Fortune::default();
                self.prove(candidate, granted);
            }
            CallOutcome::Throttled { window: Some(Window::Day), .. } => {
                self.rests.push((Rest::Domain(candidate.clone()), (day(granted) + 1) * DAY + 8 * HOUR));
            }
            CallOutcome::Throttled { window, retry_after, .. } => {
                if fortune.throttles == 0 || granted > fortune.throttled {
                    fortune.throttles += 1;
                    fortune.throttled = now;
                }
                let wait = match (retry_after, window) {
                    (Some(wait), _) => u64::try_from(wait.as_millis()).unwrap().clamp(1_000, HOUR),
                    (None, Some(_)) => MINUTE,
                    (None, None) => (5_000 * 2u64.pow(fortune.throttles - 1)).min(10 * MINUTE),
                };
                self.rests.push((Rest::Domain(candidate.clone()), now + wait));
            }
            CallOutcome::Overloaded => self.rests.push((Rest::Pool(candidate.clone()), now + 2_000)),
            CallOutcome::CredentialRejected => {
                self.doubt(Rest::Account(candidate.clone()), granted, 15 * MINUTE);
            }
            CallOutcome::BillingClosed => self.doubt(Rest::Project(candidate.clone()), granted, 15 * MINUTE),
            CallOutcome::Forbidden => self.doubt(Rest::Access(candidate.clone()), granted, 15 * MINUTE),
            CallOutcome::Transient => {
                fortune.failures += 1;
                if fortune.failures >= 5 {
                    self.doubt(Rest::Domain(candidate.clone()), granted, 0);
                }
            }
            CallOutcome::Rejected => self.prove(candidate, granted),
            CallOutcome::Ambiguous | CallOutcome::Cancelled => {}
        }
    }

    /// What is hit by a call that was leased since, and succeeded, has nothing to prove any more.
    fn prove(&mut self, candidate: &Candidate, granted: u64) {
        self.trials.retain(|it| !(it.on.hits(candidate) && granted > it.since));
    }

    /// Rests something, and afterwards it must prove itself. Without a length it is half a minute, doubled with each
    /// time that it failed on probation.
    fn doubt(&mut self, on: Rest, granted: u64, length: u64) {
        let now = self.now;
        let same = |it: &Trial| it.on.same(&on);
        let before = self.trials.iter().find(|it| same(it) && now < it.since + DAY);
        let rounds = before.map_or(0, |it| it.rounds + u32::from(granted > it.since));
        self.trials.retain(|it| !same(it));
        let length = if length == 0 { (30_000 * 2u64.pow(rounds)).min(10 * MINUTE) } else { length };
        self.rests.push((on.clone(), now + length));
        self.trials.push(Trial { on, since: now, rounds });
    }

    /// The leases whose expiry must be reported now.
    pub(crate) fn sweep(&mut self) -> Vec<LeaseId> {
        let now = self.now;
        let mut reported = vec![];
        for held in self.held.iter_mut().filter(|held| !held.forgotten) {
            if held.end.is_none() && !held.swept && held.ends <= now {
                held.swept = true;
                reported.push(held.id.clone());
                self.lasting = now;
            }
            let gone = match &held.end {
                Some((_, closed)) if !held.late => closed + 15 * MINUTE,
                _ => held.ends + HOUR,
            };
            held.forgotten = gone <= now && (held.end.is_some() || held.swept);
            if held.forgotten {
                self.lasting = now;
            }
        }
        reported.sort();
        reported
    }

    /// As the provider sees it: each call arrives at any moment from its grant until it was surely counted, and
    /// whatever those moments are, no 60 seconds hold more than the limit. A minute holds the most calls when it
    /// begins as late as one of them can arrive.
    pub(crate) fn no_minute_at_the_provider_holds_more_than_is_allowed(&self, candidate: &Candidate) {
        let Limits { requests_per_minute, images_per_minute, .. } = candidate.limits;
        let calls: Vec<_> = self.of(candidate).filter(|held| !held.refunded()).collect();
        for first in &calls {
            let minute = first.arrived..first.arrived + MINUTE;
            let inside = |held: &&&Held| held.granted < minute.end && held.arrived >= minute.start;
            let most = calls.iter().filter(inside).count();
            assert!(
                most <= requests_per_minute.min(images_per_minute) as usize,
                "{most} calls can arrive in {minute:?}"
            );
        }
    }

    pub(crate) fn agrees(&self, candidate: &Candidate, standing: &Standing) {
        assert_eq!(standing.probation.is_some(), self.trial(candidate).is_some(), "{candidate:?}");
        let told = (standing.in_minute, standing.in_day, standing.in_flight, standing.cooling.is_some());
        let at = self.now;
        let counted = (
            self.in_minute(candidate, at),
            self.in_day(candidate, at),
            self.in_flight(candidate, at),
            self.rests(candidate, at),
        );
        assert_eq!(told, counted, "minute, day, flight and rest of {candidate:?}");
        let free_at = standing.free_at.as_millis();
        let fits = |at| self.fits(std::slice::from_ref(candidate), 1, 1, at, false);
        assert!(free_at >= at && fits(free_at), "{candidate:?} is not free at {free_at}");
        assert!(free_at == at || !fits(free_at - 1), "{candidate:?} is free before {free_at}");
        let limits = candidate.limits;
        assert!(told.0 <= limits.requests_per_minute.min(limits.images_per_minute));
        assert!(told.1 <= limits.requests_per_day && told.2 <= limits.concurrent);
    }
}

/// When the provider has counted a call at the latest, as far as its settlement tells.
fn arrival(granted: u64, settlement: &Settlement, now: u64) -> u64 {
    let answered = match settlement.outcome {
        CallOutcome::Ambiguous | CallOutcome::Cancelled => u64::MAX,
        _ => now,
    };
    let sent = settlement
        .sent_after
        .map_or(u64::MAX, |after| granted + u64::try_from(after.as_millis()).unwrap() + 1_000);
    answered.min(sent)
}

/// The lease as it must be told again.
fn lease(held: &Held) -> Lease {
    let closed = match held.end {
        Some((_, at)) if !held.late => at,
        _ => u64::MAX,
    };
    Lease {
        id: held.id.clone(),
        account: held.candidate.account.clone(),
        domain: held.candidate.domain.clone(),
        fence: held.fence,
        start_by: Timestamp::from_millis((held.granted + 2_000).min(closed)),
        expires_at: Timestamp::from_millis(held.ends.min(closed)),
    }
}

/// The days that a call at this moment is charged to.
fn days(at: u64) -> [u64; 2] {
    [day(at), day(at + 5_000)]
}

/// The number of a Pacific day. All of this happens in January, so that its midnight is at 8:00 UTC.
fn day(at: u64) -> u64 {
    (at - 8 * HOUR) / DAY
}
