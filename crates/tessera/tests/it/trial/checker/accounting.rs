//! Leases beside calls: each call has a lease of its own, and no lease is said to have been used that was not.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::CallOutcome;

use super::{
    Findings, Rule,
    leases::{Lease, Ledger},
};
use crate::trial::record::Record;

/// What is known of one request's use of one account.
#[derive(Default)]
struct Account {
    granted: u32,
    released: u32,
    /// Leases of which something was told that only the provider can have said.
    answered: u32,
    seen: u32,
}

/// Adds up leases and calls.
pub(super) fn check(record: &Record, found: &mut Findings) {
    let ledger = Ledger::of(record);
    let known = ledger.known_prompts();
    let called: HashSet<_> = record.calls.iter().map(|call| call.prompt.as_str()).collect();
    let mut accounts: BTreeMap<(&str, &str), Account> = BTreeMap::new();
    for lease in ledger.all() {
        let prompt = ledger.prompt_of(lease);
        let prompt = if called.contains(prompt) || is_named(record, prompt) { prompt } else { NOBODY };
        accounts.entry((prompt, lease.account())).or_default().add(lease);
    }
    for call in &record.calls {
        let prompt = if known.contains(call.prompt.as_str()) { &call.prompt } else { NOBODY };
        accounts.entry((prompt, &call.account)).or_default().seen += 1;
    }
    for ((prompt, name), account) in accounts {
        account.check(&format!("{prompt} on {name}"), found);
    }
    check_heard(record, &ledger, found);
}

/// However the process fared that drew it, the ledger hears of every picture, unless it was made to forget its lease.
fn check_heard(record: &Record, ledger: &Ledger<'_>, found: &mut Findings) {
    let mut heard: HashMap<&str, u32> = HashMap::new();
    for lease in ledger.all().filter(|lease| lease.is_known_as_delivered()) {
        *heard.entry(ledger.prompt_of(lease)).or_default() += 1;
    }
    let forgotten = record.forgotten.last().copied().unwrap_or_default();
    for answer in record.answers.iter().filter(|answer| answer.request.is_some() && answer.asked > forgotten)
    {
        let heard = heard.get(answer.prompt.as_str()).copied().unwrap_or_default();
        if answer.delivered > heard {
            let what = format!(
                "{}: {} pictures came, of which {heard} were settled",
                answer.prompt, answer.delivered
            );
            found.note(Rule::SettlementLost, what);
        }
    }
}

/// Those whose name on the way is not known, since the gateway died before it told them: they are taken together.
const NOBODY: &str = "requests without a name";

fn is_named(record: &Record, prompt: &str) -> bool {
    record.answers.iter().any(|answer| answer.prompt == prompt)
}

impl Account {
    fn add(&mut self, lease: &Lease<'_>) {
        self.granted += 1;
        self.released += u32::from(lease.is_released());
        self.answered +=
            u32::from(lease.settlements().any(|(_, _, outcome)| comes_from_the_provider(outcome)));
    }

    fn check(&self, whose: &str, found: &mut Findings) {
        let Self { granted, released, answered, seen } = self;
        if *seen > granted - released {
            let what =
                format!("{whose}: {seen} calls on {granted} leases, of which {released} were given back");
            found.note(Rule::CallWithoutLease, what);
        }
        if answered > seen {
            found.note(Rule::SettledUnseen, format!("{whose}: {answered} answers to {seen} calls"));
        }
    }
}

/// Whether only an answer of the provider's can have told so.
fn comes_from_the_provider(outcome: &CallOutcome) -> bool {
    !matches!(outcome, CallOutcome::Ambiguous | CallOutcome::Cancelled)
}

#[cfg(test)]
mod tests {
    use super::super::scene::{DELIVERED, Scene};
    use super::*;
    use crate::trial::record::End;

    #[test]
    fn a_call_without_a_lease_of_its_own_is_found() {
        let mut scene = Scene::default();
        scene.leased_call("r");
        assert_eq!(scene.breaks(check), []);
        scene.call("r");
        assert_eq!(scene.breaks(check), [Rule::CallWithoutLease]);
    }

    #[test]
    fn a_call_on_a_lease_that_was_given_back_is_found() {
        let mut scene = Scene::default();
        let lease = scene.grant("r", 0, 0);
        scene.release(lease);
        assert_eq!(scene.breaks(check), []);
        scene.call("r");
        assert_eq!(scene.breaks(check), [Rule::CallWithoutLease]);
    }

    #[test]
    fn an_answer_that_the_provider_never_gave_is_found_and_an_uncertain_call_is_none() {
        let mut scene = Scene::default();
        let lease = scene.grant("r", 0, 0);
        scene.settle(lease, CallOutcome::Cancelled);
        assert_eq!(scene.breaks(check), []);
        let lease = scene.grant("r", 1, 0);
        scene.settle(lease, DELIVERED);
        assert_eq!(scene.breaks(check), [Rule::SettledUnseen]);
    }

    #[test]
    fn a_picture_that_the_ledger_never_heard_of_is_found() {
        let mut scene = Scene::default();
        scene.leased_call("r");
        scene.answer("r", 1, 1, End::Finished(vec![]));
        assert_eq!(scene.breaks(check), []);
        scene.record.exchanges[1].answer = None;
        assert_eq!(scene.breaks(check), [Rule::SettlementLost]);
        scene.unsay_settlement("r/0/0");
        assert_eq!(scene.breaks(check), [Rule::SettlementLost]);
        scene.record.forgotten.push(scene.now);
        assert_eq!(scene.breaks(check), []);
    }

    #[test]
    fn requests_are_known_by_their_prompt_or_taken_together() {
        let mut scene = Scene::default();
        scene.leased_call("req_1");
        scene.record.calls[0].prompt = "p".into();
        assert_eq!(scene.breaks(check), []);
        scene.answer("p", 1, 1, End::Finished(vec![]));
        scene.record.answers[0].request = Some("req_1".into());
        assert_eq!(scene.breaks(check), []);
        scene.call("q");
        assert_eq!(scene.breaks(check), [Rule::CallWithoutLease]);
    }
}
