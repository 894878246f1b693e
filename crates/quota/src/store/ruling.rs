//! What an outcome means for those that would call next: pure rules, the same in every store.
//!
//! A cooldown lies on the smallest scope that the outcome speaks of: a capacity shortage concerns the model whoever
//! asks, a bad key concerns its account alone.

use std::time::Duration;

use domain::{
    CallOutcome, PacificDay, Timestamp,
    lease::{Revealed, Window, term},
};

use super::{CoolingReason, Scope, streak::Streak};

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
/// How many failures in a row rest a domain, and for how long; that doubles with each time that it failed again.
const FAILURES: u32 = 5;
const FAILING: Duration = Duration::from_secs(30);
const LONGEST_FAILING: Duration = Duration::from_mins(10);

/// What an outcome means, whoever's call it was. It is the rule as data, for stores that apply it elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ruling {
    /// What becomes of the domain's streak.
    pub(crate) streak: StreakChange,
    /// Whether the provider did its part, so that what is on probation passes it.
    pub(crate) proves: bool,
    /// What must rest.
    pub(crate) rest: Option<Rest>,
    /// What the provider told of the domain's limits.
    pub(crate) learned: Option<Revealed>,
}

impl Ruling {
    const NOTHING: Self = Self { streak: StreakChange::Kept, proves: false, rest: None, learned: None };
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
    /// Only from so many failures in a row on: `first`, doubled with each time that the domain failed on probation, but
    /// not longer than `longest`.
    After { failures: u32, first: Duration, longest: Duration },
}

/// The rules.
pub(crate) fn ruling(outcome: &CallOutcome) -> Ruling {
    use CoolingReason as Reason;
    let change = |streak| Ruling { streak, ..Ruling::NOTHING };
    let rest =
        |streak, on, length, reason| Ruling { rest: Some(Rest { on, length, reason }), ..change(streak) };
    match outcome {
        CallOutcome::Delivered { .. } | CallOutcome::Declined | CallOutcome::Empty => {
            Ruling { proves: true, ..change(StreakChange::Cleared) }
        }
        CallOutcome::Rejected => Ruling { proves: true, ..Ruling::NOTHING },
        CallOutcome::Throttled { window: Some(Window::Day), revealed, .. } => Ruling {
            learned: *revealed,
            ..rest(StreakChange::Kept, Whose::Domain, Length::DayEnd, Reason::DayUsedUp)
        },
        CallOutcome::Throttled { window, retry_after, revealed } => {
            let length = throttling(*window, *retry_after);
            let ruling = rest(StreakChange::Throttled, Whose::Domain, length, Reason::Throttled);
            Ruling { learned: *revealed, ..ruling }
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
            let length = Length::After { failures: FAILURES, first: FAILING, longest: LONGEST_FAILING };
            rest(StreakChange::Failed, Whose::Domain, length, Reason::Failing)
        }
        CallOutcome::Ambiguous | CallOutcome::Cancelled => Ruling::NOTHING,
    }
}

impl Length {
    /// When the rest ends that begins `now`, if it does begin: for a call leased at `granted_at`, after this streak, and
    /// where the scope failed so often on probation.
    pub(crate) fn end(
        self,
        granted_at: Timestamp,
        streak: Streak,
        rounds: u32,
        now: Timestamp,
    ) -> Option<Timestamp> {
        match self {
            Self::Wait(wait) => Some(now + wait),
            Self::Backoff { first, longest } => {
                Some(now + doubled(first, streak.throttles.saturating_sub(1), longest))
            }
            Self::DayEnd => Some(PacificDay::of(granted_at).end),
            Self::After { failures, first, longest } => {
                (streak.failures >= failures).then(|| now + doubled(first, rounds, longest))
            }
        }
    }
}

impl Whose {
    /// Which of these, as [`Scope::all`] lists them.
    pub(crate) fn of(self, [domain, account, access, project, pool]: [Scope; 5]) -> Scope {
        match self {
            Self::Domain => domain,
            Self::Account => account,
            Self::Access => access,
            Self::Project => project,
            Self::Pool => pool,
        }
    }
}

fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    first.saturating_mul(1 << times.min(16)).min(longest)
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
    use domain::{AccountId, ProjectId, Provider, QuotaDomain, Usage};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn scopes() -> [Scope; 5] {
        let project = ProjectId::new("p").unwrap();
        let domain = QuotaDomain { provider: Provider::Gemini, project, model: "m".into() };
        Scope::all(&AccountId::new("a").unwrap(), &domain)
    }

    fn seconds(outcome: &CallOutcome, streak: Streak, rounds: u32) -> Option<u64> {
        let until = ruling(outcome).rest?.length.end(NOW, streak, rounds, NOW)?;
        Some(until.since(NOW).as_secs())
    }

    fn throttled(window: Option<Window>, retry_after: Option<u64>) -> CallOutcome {
        CallOutcome::Throttled { window, retry_after: retry_after.map(Duration::from_secs), revealed: None }
    }

    #[test]
    fn each_outcome_rests_what_it_speaks_of() {
        let [domain, account, access, project, pool] = scopes();
        for (outcome, rest) in [
            (CallOutcome::Delivered { images: 1, usage: Usage::default() }, None),
            (CallOutcome::Declined, None),
            (CallOutcome::Rejected, None),
            (CallOutcome::Empty, None),
            (CallOutcome::Ambiguous, None),
            (CallOutcome::Cancelled, None),
            (CallOutcome::Transient, None),
            (throttled(None, None), Some((domain.clone(), 5))),
            (throttled(None, Some(7)), Some((domain.clone(), 7))),
            (throttled(Some(Window::Minute), None), Some((domain.clone(), 60))),
            (throttled(Some(Window::Minute), Some(0)), Some((domain.clone(), 1))),
            (throttled(Some(Window::Minute), Some(u64::MAX)), Some((domain, 3600))),
            (CallOutcome::Overloaded, Some((pool, 2))),
            (CallOutcome::CredentialRejected, Some((account, 900))),
            (CallOutcome::BillingClosed, Some((project, 900))),
            (CallOutcome::Forbidden, Some((access, 900))),
        ] {
            let wait = seconds(&outcome, Streak::default().failed(), 0);
            let on = ruling(&outcome).rest.map(|rest| rest.on.of(scopes()));
            assert_eq!(on.zip(wait), rest, "{outcome:?}");
        }
    }

    #[test]
    fn a_used_up_day_rests_until_midnight_pacific_whatever_wait_is_asked() {
        let rest = ruling(&throttled(Some(Window::Day), Some(0))).rest.unwrap();
        assert_eq!(rest.length.end(NOW, Streak::default(), 0, NOW), Some(PacificDay::of(NOW).end));
    }

    #[test]
    fn bare_throttlings_in_a_row_double_the_wait_up_to_ten_minutes() {
        let waits = (1..=9).map(|throttles| {
            let streak = Streak { throttles, ..Streak::default() };
            seconds(&throttled(None, None), streak, 0).unwrap()
        });
        assert_eq!(waits.collect::<Vec<_>>(), [5, 10, 20, 40, 80, 160, 320, 600, 600]);
    }

    #[test]
    fn from_the_fifth_failure_on_a_domain_rests_and_longer_each_time_it_fails_again() {
        let failed = |failures, rounds| {
            seconds(&CallOutcome::Transient, Streak { failures, ..Streak::default() }, rounds)
        };
        assert_eq!((failed(4, 0), failed(5, 0), failed(9, 0)), (None, Some(30), Some(30)));
        assert_eq!((failed(6, 1), failed(7, 2), failed(40, 30)), (Some(60), Some(120), Some(600)));
    }
}
