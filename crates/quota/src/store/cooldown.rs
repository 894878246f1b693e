//! What an outcome means for those that would call next: pure rules, the same in every store.
//!
//! A cooldown is never shortened. It lies on the smallest scope that the outcome speaks of: a capacity shortage
//! concerns the model whoever asks, a bad key concerns its account alone.

use std::time::Duration;

use domain::{
    AccountId, CallOutcome, Lease, PacificDay, ProjectId, Provider, QuotaDomain, Timestamp,
    lease::{Window, term},
};

/// How long a wait that the provider asks for is believed, at the least and at the most.
const BELIEVED: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(1));
/// The first wait after a throttling that says neither why nor how long; it doubles with each that follows.
const FIRST_BACKOFF: Duration = Duration::from_secs(5);
/// What that doubling ends at.
const LONGEST_BACKOFF: Duration = Duration::from_mins(10);
/// How long a model rests whose provider is short of capacity.
const OVERLOADED: Duration = Duration::from_secs(2);
/// How long a refused credential rests, and a project that pays for nothing; then a real request tries it again.
const REFUSED: Duration = Duration::from_mins(15);
/// How many failures in a row rest a domain, and for how long.
const FAILURES: u32 = 5;
const FAILING: Duration = Duration::from_secs(30);

/// Why something must not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CoolingReason {
    /// The provider asked to wait.
    Throttled,
    /// The provider says that the day's quota is used up.
    DayUsedUp,
    /// The provider is short of capacity for the model.
    Overloaded,
    /// The provider failed several times in a row.
    Failing,
    /// The provider refused the credential.
    CredentialRejected,
    /// The project pays for nothing any more.
    BillingClosed,
    /// The provider refused this account the model.
    Forbidden,
}

impl CoolingReason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Throttled,
        Self::DayUsedUp,
        Self::Overloaded,
        Self::Failing,
        Self::CredentialRejected,
        Self::BillingClosed,
        Self::Forbidden,
    ];

    /// A stable name for logs and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::DayUsedUp => "day_used_up",
            Self::Overloaded => "overloaded",
            Self::Failing => "failing",
            Self::CredentialRejected => "credential_rejected",
            Self::BillingClosed => "billing_closed",
            Self::Forbidden => "forbidden",
        }
    }
}

/// That something must not be used for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cooling {
    /// The first moment at which it may be used again.
    pub until: Timestamp,
    /// Why.
    pub reason: CoolingReason,
}

/// What a cooldown lies on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// One project's use of one model.
    Domain(QuotaDomain),
    /// One credential, whatever it is used for.
    Account(AccountId),
    /// One credential's use of one model.
    Access(AccountId, String),
    /// One project's use of a provider, with whichever credential and model.
    Project(Provider, ProjectId),
    /// A provider's model, whoever uses it.
    Pool(Provider, String),
}

impl Scope {
    /// All that a call on this account, counted in this domain, belongs to: domain, account, access, project,
    /// pool.
    pub(crate) fn all(account: &AccountId, domain: &QuotaDomain) -> [Self; 5] {
        [
            Self::Domain(domain.clone()),
            Self::Account(account.clone()),
            Self::Access(account.clone(), domain.model.clone()),
            Self::Project(domain.provider, domain.project.clone()),
            Self::Pool(domain.provider, domain.model.clone()),
        ]
    }
}

/// What a domain's outcomes were since its last success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Streak {
    /// Throttlings, where those of one burst count once.
    pub(crate) throttles: u32,
    /// When the last of them became known.
    pub(crate) throttled_at: Timestamp,
    /// Failures before the work was done.
    pub(crate) failures: u32,
}

impl Streak {
    /// A call that was leased before the last throttling was known tells nothing new.
    fn throttled(self, granted_at: Timestamp, now: Timestamp) -> Self {
        let news = self.throttles == 0 || granted_at > self.throttled_at;
        let throttles = if news { self.throttles.saturating_add(1) } else { self.throttles };
        let throttled_at = if news { now } else { self.throttled_at };
        Self { throttles, throttled_at, ..self }
    }

    /// How many outcomes in a row speak against the domain.
    pub(crate) fn setbacks(self) -> u32 {
        self.throttles.saturating_add(self.failures)
    }
}

/// What follows from an outcome.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The domain's streak from now on.
    pub(crate) streak: Streak,
    /// What must rest.
    pub(crate) cooling: Option<(Scope, Cooling)>,
}

/// What an outcome means, whoever's call it was. It is the rule as data, for stores that apply it elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ruling {
    /// What becomes of the domain's streak.
    pub(crate) streak: StreakChange,
    /// What must rest.
    pub(crate) rest: Option<Rest>,
}

/// What an outcome does to its domain's streak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreakChange {
    /// Nothing.
    Kept,
    /// It ends it.
    Cleared,
    /// It is one more throttling, unless it belongs to a burst that was counted.
    Throttled,
    /// It is one more failure.
    Failed,
}

/// That something of the call's must rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) on: Whose,
    pub(crate) length: Length,
    pub(crate) reason: CoolingReason,
}

/// Which of the scopes that a call belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Domain,
    Account,
    Access,
    Project,
    Pool,
}

/// How long a rest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// This long from now.
    Wait(Duration),
    /// `first`, doubled with each throttling that followed the first, but not longer than `longest`.
    Backoff { first: Duration, longest: Duration },
    /// Until the end of the day on which the call was leased: just after midnight, yesterday's shortage is over.
    DayEnd,
    /// This long, and only from so many failures in a row on.
    After { failures: u32, wait: Duration },
}

/// The rules.
pub(crate) fn ruling(outcome: &CallOutcome) -> Ruling {
    use CoolingReason as Reason;
    let change = |streak| Ruling { streak, rest: None };
    let rest = |streak, on, length, reason| Ruling { streak, rest: Some(Rest { on, length, reason }) };
    match outcome {
        CallOutcome::Delivered { .. } | CallOutcome::Declined | CallOutcome::Empty => {
            change(StreakChange::Cleared)
        }
        CallOutcome::Throttled { window: Some(Window::Day), .. } => {
            rest(StreakChange::Kept, Whose::Domain, Length::DayEnd, Reason::DayUsedUp)
        }
        CallOutcome::Throttled { window, retry_after, .. } => {
            let length = throttling(*window, *retry_after);
            rest(StreakChange::Throttled, Whose::Domain, length, Reason::Throttled)
        }
        CallOutcome::Overloaded => {
            rest(StreakChange::Kept, Whose::Pool, Length::Wait(OVERLOADED), Reason::Overloaded)
        }
        CallOutcome::CredentialRejected => {
            rest(StreakChange::Kept, Whose::Account, Length::Wait(REFUSED), Reason::CredentialRejected)
        }
        CallOutcome::BillingClosed => {
            rest(StreakChange::Kept, Whose::Project, Length::Wait(REFUSED), Reason::BillingClosed)
        }
        CallOutcome::Forbidden => {
            rest(StreakChange::Kept, Whose::Access, Length::Wait(REFUSED), Reason::Forbidden)
        }
        CallOutcome::Transient => {
            let length = Length::After { failures: FAILURES, wait: FAILING };
            rest(StreakChange::Failed, Whose::Domain, length, Reason::Failing)
        }
        CallOutcome::Rejected | CallOutcome::Ambiguous | CallOutcome::Cancelled => change(StreakChange::Kept),
    }
}

/// Judges how the call of a lease ended, given how its domain did so far.
pub(crate) fn judge(
    lease: &Lease,
    granted_at: Timestamp,
    outcome: &CallOutcome,
    streak: Streak,
    now: Timestamp,
) -> Verdict {
    let ruling = ruling(outcome);
    let streak = match ruling.streak {
        StreakChange::Kept => streak,
        StreakChange::Cleared => Streak::default(),
        StreakChange::Throttled => streak.throttled(granted_at, now),
        StreakChange::Failed => Streak { failures: streak.failures.saturating_add(1), ..streak },
    };
    let cooling = ruling.rest.and_then(|rest| {
        let until = rest.length.end(granted_at, streak, now)?;
        Some((rest.on.scope(lease), Cooling { until, reason: rest.reason }))
    });
    Verdict { streak, cooling }
}

impl Length {
    fn end(self, granted_at: Timestamp, streak: Streak, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Wait(wait) => Some(now + wait),
            Self::Backoff { first, longest } => {
                let doublings = streak.throttles.saturating_sub(1).min(16);
                Some(now + first.saturating_mul(1 << doublings).min(longest))
            }
            Self::DayEnd => Some(PacificDay::of(granted_at).end),
            Self::After { failures, wait } => (streak.failures >= failures).then(|| now + wait),
        }
    }
}

impl Whose {
    fn scope(self, lease: &Lease) -> Scope {
        let [domain, account, access, project, pool] = Scope::all(&lease.account, &lease.domain);
        match self {
            Self::Domain => domain,
            Self::Account => account,
            Self::Access => access,
            Self::Project => project,
            Self::Pool => pool,
        }
    }
}

/// The cooldown that holds once `new` is added to `old`.
pub(crate) fn longer(old: Option<Cooling>, new: Cooling) -> Cooling {
    old.filter(|old| old.until >= new.until).unwrap_or(new)
}

fn throttling(window: Option<Window>, retry_after: Option<Duration>) -> Length {
    let (least, most) = BELIEVED;
    match (retry_after, window) {
        (Some(wait), _) => Length::Wait(wait.clamp(least, most)),
        (None, Some(Window::Minute)) => Length::Wait(term::MINUTE),
        (None, _) => Length::Backoff { first: FIRST_BACKOFF, longest: LONGEST_BACKOFF },
    }
}

#[cfg(test)]
mod tests {
    use domain::{Fence, LeaseId, ProjectId, Usage};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn lease() -> Lease {
        Lease {
            id: LeaseId::new("r/0/0").unwrap(),
            account: AccountId::new("a").unwrap(),
            domain: QuotaDomain {
                provider: Provider::Gemini,
                project: ProjectId::new("p").unwrap(),
                model: "m".into(),
            },
            fence: Fence(1),
            start_by: NOW,
            expires_at: NOW,
        }
    }

    fn seconds(outcome: &CallOutcome, streak: Streak) -> Option<(Scope, u64)> {
        let verdict = judge(&lease(), NOW, outcome, streak, NOW);
        verdict.cooling.map(|(scope, cooling)| (scope, cooling.until.since(NOW).as_secs()))
    }

    fn throttled(window: Option<Window>, retry_after: Option<u64>) -> CallOutcome {
        CallOutcome::Throttled { window, retry_after: retry_after.map(Duration::from_secs), revealed: None }
    }

    #[test]
    fn each_outcome_rests_what_it_speaks_of() {
        let domain = || Scope::Domain(lease().domain);
        let account = lease().account;
        for (outcome, rest) in [
            (CallOutcome::Delivered { images: 1, usage: Usage::default() }, None),
            (CallOutcome::Declined, None),
            (CallOutcome::Rejected, None),
            (CallOutcome::Empty, None),
            (CallOutcome::Ambiguous, None),
            (CallOutcome::Cancelled, None),
            (CallOutcome::Transient, None),
            (throttled(None, None), Some((domain(), 5))),
            (throttled(None, Some(7)), Some((domain(), 7))),
            (throttled(Some(Window::Minute), None), Some((domain(), 60))),
            (throttled(Some(Window::Minute), Some(0)), Some((domain(), 1))),
            (throttled(Some(Window::Minute), Some(u64::MAX)), Some((domain(), 3600))),
            (CallOutcome::Overloaded, Some((Scope::Pool(Provider::Gemini, "m".into()), 2))),
            (CallOutcome::CredentialRejected, Some((Scope::Account(account.clone()), 900))),
            (
                CallOutcome::BillingClosed,
                Some((Scope::Project(Provider::Gemini, lease().domain.project), 900)),
            ),
            (CallOutcome::Forbidden, Some((Scope::Access(account, "m".into()), 900))),
        ] {
            assert_eq!(seconds(&outcome, Streak::default()), rest, "{outcome:?}");
        }
    }

    #[test]
    fn a_used_up_day_rests_until_midnight_pacific_whatever_wait_is_asked() {
        let verdict = judge(&lease(), NOW, &throttled(Some(Window::Day), Some(0)), Streak::default(), NOW);
        assert_eq!(verdict.cooling.unwrap().1.until, PacificDay::of(NOW).end);
    }

    #[test]
    fn bare_throttlings_in_a_row_double_the_wait_up_to_ten_minutes() {
        let (mut streak, mut now, mut waits) = (Streak::default(), NOW, vec![]);
        for _ in 0..9 {
            let granted_at = now + Duration::from_millis(1);
            let verdict = judge(&lease(), granted_at, &throttled(None, None), streak, granted_at);
            waits.push(verdict.cooling.unwrap().1.until.since(granted_at).as_secs());
            (streak, now) = (verdict.streak, granted_at);
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
    }

    #[test]
    fn a_burst_that_is_throttled_together_counts_once() {
        let mut streak = Streak::default();
        for later in 0..8 {
            let now = NOW + Duration::from_millis(later);
            streak = judge(&lease(), NOW, &throttled(None, None), streak, now).streak;
        }
        assert_eq!(streak.throttles, 1);
    }

    #[test]
    fn the_fifth_failure_in_a_row_rests_the_domain_and_a_success_ends_the_row() {
        let four = Streak { failures: 4, ..Streak::default() };
        assert_eq!(seconds(&CallOutcome::Transient, four), Some((Scope::Domain(lease().domain), 30)));
        let success = CallOutcome::Delivered { images: 1, usage: Usage::default() };
        assert_eq!(judge(&lease(), NOW, &success, four, NOW).streak, Streak::default());
    }

    #[test]
    fn a_cooldown_is_never_shortened() {
        let long = Cooling { until: NOW + REFUSED, reason: CoolingReason::Throttled };
        let short = Cooling { until: NOW + OVERLOADED, reason: CoolingReason::Failing };
        assert_eq!(longer(Some(long), short), long);
        assert_eq!(longer(Some(short), long), long);
        assert_eq!(longer(None, short), short);
    }
}
