//! One quota domain as ranking sees it: its accounts, and how they stand.

use std::time::Duration;

use domain::{Account, AccountId, Fence, Limits, Timestamp};

use crate::{
    policy::{Merit, Moment},
    store::{Candidate, CoolingReason, Standing},
};

/// How long a place that we filled ourselves is passed over until the store has told how it stands.
const UNTOLD: Duration = Duration::from_millis(250);

/// An account among those of its domain.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) account: Account,
    pub(crate) candidate: Candidate,
    /// Whether the operator lets it serve; one that may not is only shown.
    pub(crate) serves: bool,
    /// As the store told last, if it was asked already.
    pub(crate) standing: Option<Standing>,
    /// The moment of which the standing speaks.
    told_at: Timestamp,
    /// Counts up with everything that changes in the view.
    pub(crate) revision: u64,
}

/// A quota domain, of which the accounts share the counters.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) members: Vec<Member>,
    /// Leases granted here since the store told of it.
    pending: u32,
}

impl Member {
    /// An account of which nothing is known yet.
    pub(crate) fn new(account: Account, candidate: Candidate, serves: bool, revision: u64) -> Self {
        Self { account, candidate, serves, standing: None, told_at: Timestamp::default(), revision }
    }

    /// Takes over what was known of it.
    pub(crate) fn remember(&mut self, earlier: &Self) {
        if self.candidate.domain == earlier.candidate.domain {
            (self.standing, self.told_at) = (earlier.standing, earlier.told_at);
            if self.account == earlier.account {
                self.revision = earlier.revision;
            }
        }
    }

    /// Whether the provider refuses it, so that waiting is no remedy.
    pub(crate) fn is_shut_out(&self, now: Timestamp) -> bool {
        let cooling = self.standing.and_then(|standing| standing.cooling);
        cooling.is_some_and(|cooling| {
            let refused = matches!(
                cooling.reason,
                CoolingReason::CredentialRejected | CoolingReason::BillingClosed | CoolingReason::Forbidden
            );
            refused && cooling.until > now
        })
    }

    /// It as the store is to see it: what was learned of its limits narrows those that are configured.
    pub(crate) fn narrowed(&self) -> Candidate {
        Candidate { limits: self.limits(), ..self.candidate.clone() }
    }

    /// The limits that hold for it.
    pub(crate) fn limits(&self) -> Limits {
        let learned = self.standing.map(|standing| standing.learned).unwrap_or_default();
        self.candidate.limits.narrowed_by(&learned)
    }

    fn free_at(&self) -> Option<Timestamp> {
        self.standing.filter(|_| self.serves).map(|standing| standing.free_at)
    }

    fn last_used(&self) -> Option<Fence> {
        self.standing.and_then(|standing| standing.last_used)
    }
}

impl Place {
    /// A place without accounts.
    pub(crate) const fn new() -> Self {
        Self { members: Vec::new(), pending: 0 }
    }

    /// Takes the store's word on an account; answers whether anything is new.
    pub(crate) fn tell(
        &mut self,
        account: &AccountId,
        standing: Standing,
        told_at: Timestamp,
        revision: u64,
    ) -> bool {
        let Some(member) = self.members.iter_mut().find(|member| member.account.id == *account) else {
            return false;
        };
        if told_at < member.told_at {
            return false;
        }
        self.pending = 0;
        member.told_at = told_at;
        let news = member.standing.is_none_or(|known| differs(&known, &standing, told_at));
        member.standing = Some(standing);
        if news {
            member.revision = revision;
        }
        news
    }

    /// Counts leases that were granted here, until the store tells of them itself.
    pub(crate) fn charge(&mut self, leases: u32, now: Timestamp) {
        self.pending = self.pending.saturating_add(leases);
        if self.left() == 0 {
            let untold = |standing: &mut Standing| standing.free_at = standing.free_at.max(now + UNTOLD);
            self.members.iter_mut().filter_map(|member| member.standing.as_mut()).for_each(untold);
        }
    }

    /// When one of its accounts can be leased, at the earliest; absent where none serves or nothing is known.
    pub(crate) fn free_at(&self) -> Option<Timestamp> {
        self.members.iter().filter_map(Member::free_at).min()
    }

    /// How many leases it can hold more, given that it can hold any.
    pub(crate) fn left(&self) -> u32 {
        let (limits, standing) = self.counts();
        let minute = limits.requests_per_minute.min(limits.images_per_minute);
        minute
            .saturating_sub(standing.in_minute)
            .min(limits.requests_per_day.saturating_sub(standing.in_day))
            .min(limits.concurrent.saturating_sub(standing.in_flight))
            .min(self.leeway())
    }

    /// How many leases it can hold more whatever its limits: one, to try it, where all its accounts are on probation.
    fn leeway(&self) -> u32 {
        let mut serving = self.members.iter().filter(|member| member.serves);
        let is_tried = |member: &Member| member.standing.is_some_and(|standing| standing.probation.is_some());
        if serving.all(is_tried) { 1u32.saturating_sub(self.pending) } else { u32::MAX }
    }

    /// How many leases it can hold in an hour, where each call takes `usual`.
    pub(crate) fn an_hour(&self, usual: Duration) -> u64 {
        let (limits, _) = self.counts();
        let minute = limits.requests_per_minute.min(limits.images_per_minute);
        let usual = usual.as_millis().max(1);
        let at_once = u128::from(limits.concurrent) * Duration::from_hours(1).as_millis() / usual;
        u64::try_from(at_once).unwrap_or(u64::MAX).min(u64::from(minute) * 60)
    }

    /// How good it is.
    pub(crate) fn merit(&self, moment: Moment) -> Merit {
        let (limits, standing) = self.counts();
        Merit::of(&limits, &standing, moment)
    }

    /// The grant that was made longest ago on the account that it is longest ago for.
    pub(crate) fn last_used(&self) -> Option<Fence> {
        self.members.iter().filter(|member| member.serves).map(Member::last_used).min().flatten()
    }

    /// Until when it stands so, if nothing happens but that time passes.
    pub(crate) fn steady_until(&self) -> Option<Timestamp> {
        self.members.iter().filter_map(|member| Some(member.standing?.steady_until)).min()
    }

    /// Its accounts that may be tried: those that can be leased soonest first, and of those the one that was used
    /// longest ago.
    pub(crate) fn ranked(&self, now: Timestamp, excluded: &[AccountId]) -> Vec<&Member> {
        let free_at = |member: &Member| member.free_at().unwrap_or_default().max(now);
        let may_try = |member: &&Member| member.free_at().is_some() && !excluded.contains(&member.account.id);
        let mut ranked: Vec<_> = self.members.iter().filter(may_try).collect();
        ranked.sort_by(|a, b| {
            let order = free_at(a).cmp(&free_at(b)).then_with(|| a.last_used().cmp(&b.last_used()));
            order.then_with(|| a.account.id.cmp(&b.account.id))
        });
        ranked
    }

    /// Its limits and what is counted of it, with what was granted since.
    fn counts(&self) -> (Limits, Standing) {
        let Some(first) = self.members.first() else {
            return (Limits::new(0, 0, 0, 0), Standing::default());
        };
        let mut standing = first.standing.unwrap_or_default();
        standing.in_minute = standing.in_minute.saturating_add(self.pending);
        standing.in_day = standing.in_day.saturating_add(self.pending);
        standing.in_flight = standing.in_flight.saturating_add(self.pending);
        (first.limits(), standing)
    }
}

/// Whether two standings differ in more than the moment at which they were told: what is free now stays so.
fn differs(known: &Standing, told: &Standing, now: Timestamp) -> bool {
    let settled = |standing: &Standing| Standing {
        free_at: standing.free_at.max(now),
        minute_clears_at: standing.minute_clears_at.max(now),
        steady_until: Timestamp::default(),
        ..*standing
    };
    settled(known) != settled(told)
}
