//! Whether another attempt may follow a failed one. Pure.
//!
//! A second call is a second bill. Another attempt follows only where the failed one is known not to have been
//! billed and another may fare better:
//!
//! | how it ended | again |
//! |---|---|
//! | never on the wire in its time | yes, on any account |
//! | never sent: no connection | yes, on another account |
//! | throttled, credential rejected, billing closed, forbidden | yes, on another account |
//! | failed before the work | once, on another account, within the budget |
//! | overloaded | once, on any account, within the budget: whoever asks, the model is short of capacity, so that what helps is to wait |
//! | declined, rejected, empty, ambiguous, cancelled | no |
//!
//! An account that refuses costs one refusal and then rests: to turn to another is free. A provider that fails may
//! fail everybody: answering with more calls would add to its trouble, so that these attempts have a
//! budget ([`Budgets`]).

mod budget;

use domain::{AccountId, CallOutcome};

use crate::upstream::Ending;

pub(crate) use budget::Budgets;

/// The attempts at one picture.
#[derive(Debug)]
pub(crate) struct Retry {
    most: u32,
    made: u32,
    provider_failed: bool,
    excluded: Vec<AccountId>,
}

/// What may follow a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing.
    Nothing,
    /// Another attempt.
    Another,
    /// Another attempt, if the budget has room for it.
    Budgeted,
}

impl Retry {
    /// No attempt so far, at most `most` altogether.
    pub(crate) const fn new(most: u32) -> Self {
        Self { most, made: 0, provider_failed: false, excluded: Vec::new() }
    }

    /// Which attempt is next or under way, from 0.
    pub(crate) const fn attempt(&self) -> u32 {
        self.made
    }

    /// Accounts that failed already.
    pub(crate) fn excluded(&self) -> &[AccountId] {
        &self.excluded
    }

    /// Counts a failed attempt; tells what may follow.
    pub(crate) fn after(&mut self, account: &AccountId, ending: &Ending) -> Next {
        self.made += 1;
        let blameless = matches!(ending, Ending::Late | Ending::Sent(CallOutcome::Overloaded));
        if !blameless {
            self.excluded.push(account.clone());
        }
        if self.made < self.most { self.what_helps(ending) } else { Next::Nothing }
    }

    fn what_helps(&mut self, ending: &Ending) -> Next {
        let Ending::Sent(outcome) = ending else { return Next::Another };
        match outcome {
            CallOutcome::Throttled { .. }
            | CallOutcome::CredentialRejected
            | CallOutcome::BillingClosed
            | CallOutcome::Forbidden => Next::Another,
            CallOutcome::Transient | CallOutcome::Overloaded => {
                let once_more = !std::mem::replace(&mut self.provider_failed, true);
                if once_more { Next::Budgeted } else { Next::Nothing }
            }
            CallOutcome::Delivered { .. }
            | CallOutcome::Declined
            | CallOutcome::Rejected
            | CallOutcome::Empty
            | CallOutcome::Ambiguous
            | CallOutcome::Cancelled => Next::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> AccountId {
        AccountId::new(name).unwrap()
    }

    const THROTTLED: CallOutcome = CallOutcome::Throttled { window: None, retry_after: None, revealed: None };

    #[test]
    fn only_what_is_known_to_be_unbilled_is_tried_again() {
        for (ending, next) in [
            (Ending::Late, Next::Another),
            (Ending::Unsent, Next::Another),
            (Ending::Sent(THROTTLED), Next::Another),
            (Ending::Sent(CallOutcome::CredentialRejected), Next::Another),
            (Ending::Sent(CallOutcome::BillingClosed), Next::Another),
            (Ending::Sent(CallOutcome::Forbidden), Next::Another),
            (Ending::Sent(CallOutcome::Transient), Next::Budgeted),
            (Ending::Sent(CallOutcome::Overloaded), Next::Budgeted),
            (Ending::Sent(CallOutcome::Declined), Next::Nothing),
            (Ending::Sent(CallOutcome::Rejected), Next::Nothing),
            (Ending::Sent(CallOutcome::Empty), Next::Nothing),
            (Ending::Sent(CallOutcome::Ambiguous), Next::Nothing),
            (Ending::Sent(CallOutcome::Cancelled), Next::Nothing),
        ] {
            assert_eq!(Retry::new(3).after(&account("a"), &ending), next, "{ending:?}");
        }
    }

    #[test]
    fn attempts_are_bounded_and_each_excludes_its_account() {
        let mut retry = Retry::new(3);
        assert_eq!(retry.after(&account("a"), &Ending::Sent(THROTTLED)), Next::Another);
        assert_eq!(retry.after(&account("b"), &Ending::Unsent), Next::Another);
        assert_eq!(retry.attempt(), 2);
        assert_eq!(retry.after(&account("c"), &Ending::Sent(THROTTLED)), Next::Nothing);
        assert_eq!(retry.excluded(), [account("a"), account("b"), account("c")]);
    }

    #[test]
    fn an_account_that_is_not_to_blame_stays_eligible() {
        for ending in [Ending::Late, Ending::Sent(CallOutcome::Overloaded)] {
            let mut retry = Retry::new(3);
            assert_ne!(retry.after(&account("a"), &ending), Next::Nothing);
            assert!(retry.excluded().is_empty(), "{ending:?}");
        }
    }

    #[test]
    fn a_provider_that_fails_gets_one_more_chance_however_it_fails() {
        for again in [CallOutcome::Transient, CallOutcome::Overloaded] {
            let mut retry = Retry::new(3);
            assert_eq!(retry.after(&account("a"), &Ending::Sent(CallOutcome::Transient)), Next::Budgeted);
            assert_eq!(retry.after(&account("b"), &Ending::Sent(again)), Next::Nothing);
        }
    }
}
