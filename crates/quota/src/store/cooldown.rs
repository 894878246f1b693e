//! What an outcome means for those that would call next: pure rules, the same in every store.
//!
//! A cooldown is never shortened. It lies on the smallest scope that the outcome speaks of: a capacity shortage
//! concerns the model whoever asks, a bad key concerns its account alone.

use std::time::Duration;

use domain::{
    AccountId, CallOutcome, Lease, PacificDay, Provider, QuotaDomain, Timestamp,
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
/// How long a refused credential rests; then a real request tries it again.
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
    /// The provider refused this account the model.
    Forbidden,
}

impl CoolingReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Throttled,
        Self::DayUsedUp,
        Self::Overloaded,
        Self::Failing,
        Self::CredentialRejected,
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
pub(crate) enum Scope {
    /// One project's use of one model.
    Domain(QuotaDomain),
    /// One credential, whatever it is used for.
    Account(AccountId),
    /// One credential's use of one model.
    Access(AccountId, String),
    /// A provider's model, whoever uses it.
    Pool(Provider, String),
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

/// Judges how the call of a lease ended, given how its domain did so far.
pub(crate) fn judge(
    lease: &Lease,
    granted_at: Timestamp,
    outcome: &CallOutcome,
    streak: Streak,
    now: Timestamp,
) -> Verdict {
    let rest = |scope, wait, reason| Some((scope, Cooling { until: now + wait, reason }));
    let domain = || Scope::Domain(lease.domain.clone());
    let model = || lease.domain.model.clone();
    match outcome {
        CallOutcome::Delivered { .. } | CallOutcome::Declined | CallOutcome::Empty => {
            Verdict { streak: Streak::default(), cooling: None }
        }
        CallOutcome::Throttled { window: Some(Window::Day), .. } => {
            // The day on which the call was made: just after midnight, yesterday's shortage is over.
            let until = PacificDay::of(granted_at).end;
            Verdict { streak, cooling: Some((domain(), Cooling { until, reason: CoolingReason::DayUsedUp })) }
        }
        CallOutcome::Throttled { window, retry_after } => {
            let streak = streak.throttled(granted_at, now);
            let wait = throttling(*window, *retry_after, streak);
            Verdict { streak, cooling: rest(domain(), wait, CoolingReason::Throttled) }
        }
        CallOutcome::Overloaded => {
            let pool = Scope::Pool(lease.domain.provider, model());
            Verdict { streak, cooling: rest(pool, OVERLOADED, CoolingReason::Overloaded) }
        }
        CallOutcome::CredentialRejected => {
            let account = Scope::Account(lease.account.clone());
            Verdict { streak, cooling: rest(account, REFUSED, CoolingReason::CredentialRejected) }
        }
        CallOutcome::Forbidden => {
            let access = Scope::Access(lease.account.clone(), model());
            Verdict { streak, cooling: rest(access, REFUSED, CoolingReason::Forbidden) }
        }
        CallOutcome::Transient => {
            let streak = Streak { failures: streak.failures.saturating_add(1), ..streak };
            let failing = streak.failures >= FAILURES;
            let cooling = failing.then(|| rest(domain(), FAILING, CoolingReason::Failing)).flatten();
            Verdict { streak, cooling }
        }
        CallOutcome::Rejected | CallOutcome::Ambiguous | CallOutcome::Cancelled => {
            Verdict { streak, cooling: None }
        }
    }
}

/// The cooldown that holds once `new` is added to `old`.
pub(crate) fn longer(old: Option<Cooling>, new: Cooling) -> Cooling {
    old.filter(|old| old.until >= new.until).unwrap_or(new)
}

fn throttling(window: Option<Window>, retry_after: Option<Duration>, streak: Streak) -> Duration {
    let (least, most) = BELIEVED;
    match (retry_after, window) {
        (Some(wait), _) => wait.clamp(least, most),
        (None, Some(Window::Minute)) => term::MINUTE,
        (None, _) => {
            let doublings = streak.throttles.saturating_sub(1).min(16);
            FIRST_BACKOFF.saturating_mul(1 << doublings).min(LONGEST_BACKOFF)
        }
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
        CallOutcome::Throttled { window, retry_after: retry_after.map(Duration::from_secs) }
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
