//! Whether another attempt may follow a failed one. Pure.
//!
//! A second call is a second bill. Another attempt follows only where the failed one is known not to have been
//! billed and another account may fare better:
//!
//! | how it ended | again |
//! |---|---|
//! | never on the wire in its time | yes, on any account |
//! | never sent: no connection | yes, on another account |
//! | throttled, credential rejected, forbidden | yes, on another account |
//! | failed before the work | once, on another account |
//! | overloaded | no: whoever asks, the model is short of capacity |
//! | declined, rejected, empty, ambiguous, cancelled | no |

use domain::{AccountId, CallOutcome};

use crate::upstream::Ending;

/// The attempts at one picture.
#[derive(Debug)]
pub(crate) struct Retry {
    most: u32,
    made: u32,
    failed_before_work: bool,
    excluded: Vec<AccountId>,
}

impl Retry {
    /// No attempt so far, at most `most` altogether.
    pub(crate) const fn new(most: u32) -> Self {
        Self { most, made: 0, failed_before_work: false, excluded: Vec::new() }
    }

    /// Which attempt is next or under way, from 0.
    pub(crate) const fn attempt(&self) -> u32 {
        self.made
    }

    /// Accounts that failed already.
    pub(crate) fn excluded(&self) -> &[AccountId] {
        &self.excluded
    }

    /// Counts a failed attempt; tells whether another may follow.
    pub(crate) fn allows(&mut self, account: &AccountId, ending: &Ending) -> bool {
        self.made += 1;
        if *ending != Ending::Late {
            self.excluded.push(account.clone());
        }
        self.made < self.most && self.is_worth_another(ending)
    }

    fn is_worth_another(&mut self, ending: &Ending) -> bool {
        let Ending::Sent(outcome) = ending else { return true };
        match outcome {
            CallOutcome::Throttled { .. }
            | CallOutcome::CredentialRejected
            | CallOutcome::BillingClosed
            | CallOutcome::Forbidden => true,
            CallOutcome::Transient => !std::mem::replace(&mut self.failed_before_work, true),
            CallOutcome::Delivered { .. }
            | CallOutcome::Declined
            | CallOutcome::Rejected
            | CallOutcome::Empty
            | CallOutcome::Overloaded
            | CallOutcome::Ambiguous
            | CallOutcome::Cancelled => false,
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
        for (ending, again) in [
            (Ending::Late, true),
            (Ending::Unsent, true),
            (Ending::Sent(THROTTLED), true),
            (Ending::Sent(CallOutcome::CredentialRejected), true),
            (Ending::Sent(CallOutcome::Forbidden), true),
            (Ending::Sent(CallOutcome::Transient), true),
            (Ending::Sent(CallOutcome::Overloaded), false),
            (Ending::Sent(CallOutcome::Declined), false),
            (Ending::Sent(CallOutcome::Rejected), false),
            (Ending::Sent(CallOutcome::Empty), false),
            (Ending::Sent(CallOutcome::Ambiguous), false),
            (Ending::Sent(CallOutcome::Cancelled), false),
        ] {
            assert_eq!(Retry::new(3).allows(&account("a"), &ending), again, "{ending:?}");
        }
    }

    #[test]
    fn attempts_are_bounded_and_each_excludes_its_account() {
        let mut retry = Retry::new(3);
        assert!(retry.allows(&account("a"), &Ending::Sent(THROTTLED)));
        assert!(retry.allows(&account("b"), &Ending::Unsent));
        assert_eq!(retry.attempt(), 2);
        assert!(!retry.allows(&account("c"), &Ending::Sent(THROTTLED)));
        assert_eq!(retry.excluded(), [account("a"), account("b"), account("c")]);
    }

    #[test]
    fn an_account_that_was_never_tried_stays_eligible() {
        let mut retry = Retry::new(3);
        assert!(retry.allows(&account("a"), &Ending::Late));
        assert!(retry.excluded().is_empty());
    }

    #[test]
    fn a_provider_that_fails_before_the_work_gets_one_more_chance() {
        let mut retry = Retry::new(3);
        assert!(retry.allows(&account("a"), &Ending::Sent(CallOutcome::Transient)));
        assert!(!retry.allows(&account("b"), &Ending::Sent(CallOutcome::Transient)));
    }
}
