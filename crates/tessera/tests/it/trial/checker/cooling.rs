//! Whoever rests is left alone.

use std::time::Duration;

use domain::{CallOutcome, PacificDay, Timestamp, lease::term};

use super::{
    Findings, Rule,
    leases::{Lease, Ledger},
};
use crate::trial::record::{Call, Record};

/// What a fresh lease may still do after the ledger has learned better, and a moment for the way.
const UNDER_WAY: Duration = term::START.saturating_add(Duration::from_secs(1));
/// How much earlier than the provider said somebody may come back.
const EARLY: Duration = Duration::from_secs(2);
/// How long an account that was refused rests.
const REFUSED: Duration = Duration::from_mins(15);

/// What a refusal of the provider's lays to rest.
enum Scope {
    /// One project's use of one model.
    Domain,
    /// One project, whatever it is used for.
    Project,
    /// One account, whatever it is used for.
    Account,
    /// One account's use of one model.
    Access,
}

/// Finds the calls that went to somebody at rest.
pub(super) fn check(record: &Record, found: &mut Findings) {
    let ledger = Ledger::of(record);
    for refused in &record.calls {
        let Some((scope, until)) = rest(record, refused) else { continue };
        let Some(known) = known_at(&ledger, refused) else { continue };
        let forgotten = record.forgotten.iter().find(|moment| **moment >= refused.at);
        let until = forgotten.map_or(until, |moment| until.min(*moment));
        let at_rest = |at: Timestamp| known + UNDER_WAY < at && at + EARLY < until;
        let disturbs = |call: &&Call| at_rest(call.at) && scope.covers(refused, call);
        if let Some(call) = record.calls.iter().find(disturbs) {
            let what = format!(
                "{} in {}/{} was called {} ms after the ledger knew of its {}",
                call.account,
                call.project,
                call.model,
                call.at.since(known).as_millis(),
                refused.fault.as_deref().unwrap_or_default(),
            );
            found.note(Rule::Rest, what);
        }
    }
}

/// What a call's fault lays to rest, and until when.
fn rest(record: &Record, call: &Call) -> Option<(Scope, Timestamp)> {
    match call.fault.as_deref()? {
        "quota-minute" => Some((Scope::Domain, call.at + record.throttling)),
        "quota-day" | "quota-day-zero-delay" => Some((Scope::Domain, PacificDay::of(call.at).end)),
        "billing" => Some((Scope::Project, call.at + REFUSED)),
        "bad-key" | "expired-token" | "forbidden" => Some((Scope::Account, call.at + REFUSED)),
        "forbidden-validation" | "limit-zero" | "not-found" => Some((Scope::Access, call.at + REFUSED)),
        _ => None,
    }
}

/// When the ledger had heard of such a refusal of this account for this request.
fn known_at(ledger: &Ledger<'_>, refused: &Call) -> Option<Timestamp> {
    let settled = ledger.of_request(&refused.prompt).filter(|lease| lease.account() == refused.account);
    let tellings = settled.flat_map(Lease::settlements);
    let heard = tellings.filter(|(asked, _, outcome)| asked.at >= refused.at && tells(outcome));
    heard.filter_map(|(_, answered, _)| answered.map(|moment| moment.at)).min()
}

fn tells(outcome: &CallOutcome) -> bool {
    use CallOutcome::{CredentialRejected, Forbidden, Throttled};
    matches!(outcome, Throttled { .. } | CredentialRejected | Forbidden)
}

impl Scope {
    fn covers(&self, refused: &Call, call: &Call) -> bool {
        match self {
            Self::Domain => (&call.project, &call.model) == (&refused.project, &refused.model),
            Self::Project => call.project == refused.project,
            Self::Account => call.account == refused.account,
            Self::Access => (&call.account, &call.model) == (&refused.account, &refused.model),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use super::*;

    /// A call that met a fault, of which the ledger was told a tenth of a second later.
    fn after(fault: &str, outcome: CallOutcome) -> Scene {
        let mut scene = Scene::default();
        scene.record.throttling = Duration::from_secs(12);
        let lease = scene.grant("r", 0, 0);
        let call = scene.call("r");
        (call.fault, call.billed) = (Some(fault.into()), false);
        scene.at(100).settle(lease, outcome);
        scene
    }

    const THROTTLED: CallOutcome = CallOutcome::Throttled { window: None, retry_after: None, revealed: None };

    #[test]
    fn a_project_is_left_alone_for_as_long_as_the_provider_asked() {
        for (millis, expected) in
            [(3_000, vec![]), (3_200, vec![Rule::Rest]), (9_900, vec![Rule::Rest]), (10_000, vec![])]
        {
            let mut scene = after("quota-minute", THROTTLED);
            scene.at(millis).leased_call("s");
            assert_eq!(scene.breaks(check), expected, "{millis}");
        }
    }

    #[test]
    fn a_refused_credential_and_a_spent_day_rest_for_long() {
        for (fault, outcome) in [
            ("bad-key", CallOutcome::CredentialRejected),
            ("limit-zero", CallOutcome::Forbidden),
            ("quota-day", THROTTLED),
        ] {
            let mut scene = after(fault, outcome);
            scene.at(600_000).leased_call("s");
            assert_eq!(scene.breaks(check), [Rule::Rest], "{fault}");
        }
    }

    #[test]
    fn what_the_ledger_was_never_told_or_was_made_to_forget_is_no_rest() {
        let mut scene = after("quota-minute", THROTTLED);
        scene.record.forgotten.push(scene.now + Duration::from_secs(1));
        scene.at(6_000).leased_call("s");
        assert_eq!(scene.breaks(check), []);
        scene.record.forgotten.clear();
        scene.unsay_settlement("r/0/0");
        assert_eq!(scene.breaks(check), []);
    }

    #[test]
    fn another_model_of_the_same_project_is_no_disturbance() {
        let mut scene = after("quota-minute", THROTTLED);
        scene.at(5_000).leased_call("s").model = "another".into();
        assert_eq!(scene.breaks(check), []);
    }
}
