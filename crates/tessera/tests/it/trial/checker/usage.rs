//! The usage log beside the leases: what was used is in it once, and in its sums.

use std::collections::{BTreeMap, HashMap};

use domain::{CallOutcome, LeaseId, UsageRecord, UsageSum, UsageTotal, lease::Closing};

use super::{
    Findings, Rule,
    leases::{Lease, Ledger},
};
use crate::trial::record::{Record, Used};

/// Holds the log against the leases, and the sums against the log. What the ledger was made to forget is in neither.
pub(super) fn check(record: &Record, found: &mut Findings) {
    let Some(used) = &record.used else { return };
    let mut log: HashMap<&LeaseId, Vec<&UsageRecord>> = HashMap::new();
    for entry in &used.records {
        log.entry(&entry.lease).or_default().push(entry);
    }
    for (id, entries) in &log {
        let ends = entries.iter().filter(|entry| !entry.amends).count();
        if ends != 1 || entries.len() > 2 {
            found.note(
                Rule::Usage,
                format!("{id} is in the usage log {} times, {ends} as new", entries.len()),
            );
        }
    }
    let forgotten = record.forgotten.last().copied().unwrap_or_default();
    let ledger = Ledger::of(record);
    for lease in ledger.all().filter(|lease| lease.asked.at > forgotten && lease.granted.at < used.at) {
        let entries = log.get(&lease.grant.id).map_or(&[][..], Vec::as_slice);
        check_lease(lease, entries, found);
    }
    if sums(used) != told(&used.totals) {
        found.note(Rule::Usage, "the sums of the usage log are not those of its records");
    }
}

fn check_lease(lease: &Lease<'_>, entries: &[&UsageRecord], found: &mut Findings) {
    let id = &lease.grant.id;
    let end = entries.iter().find(|entry| !entry.amends);
    match (end, settled_in_time(lease)) {
        (Some(entry), Some(outcome)) => {
            if entry.outcome.as_str() != outcome.as_str() || entry.images != pictures(outcome) {
                let what = format!("{id} was settled as {outcome:?}, and is in the usage log as {entry:?}");
                found.note(Rule::Usage, what);
            }
        }
        (None, Some(_)) => found.note(Rule::Usage, format!("{id} was settled, and is not in the usage log")),
        (None, None) if !lease.is_released() => {
            found.note(Rule::Usage, format!("{id} ended somehow, and is not in the usage log"));
        }
        (_, None) => {}
    }
}

/// How the call ended by which the lease was closed before its term was over.
fn settled_in_time<'a>(lease: &Lease<'a>) -> Option<&'a CallOutcome> {
    let closed = |closing| matches!(closing, Closing::Closed);
    let closing = lease.endings.iter().find(|ending| ending.answer.is_some_and(|(_, told)| closed(told)))?;
    closing.outcome
}

fn pictures(outcome: &CallOutcome) -> u32 {
    match outcome {
        CallOutcome::Delivered { images, .. } => *images,
        _ => 0,
    }
}

type Sums = BTreeMap<(u64, String, String, String), (u64, u64, u64, i64)>;

fn sums(used: &Used) -> Sums {
    let mut sums: BTreeMap<_, UsageSum> = BTreeMap::new();
    for record in &used.records {
        let model = record.domain.model.clone();
        let subject = (record.day.as_millis(), record.client.to_string(), record.account.to_string(), model);
        *sums.entry(subject).or_default() += UsageSum::from(record);
    }
    sums.into_iter().map(|(subject, sum)| (subject, parts(sum))).collect()
}

fn told(totals: &[UsageTotal]) -> Sums {
    let subject = |total: &UsageTotal| {
        let UsageTotal { day, client, account, model, .. } = total;
        (day.as_millis(), client.to_string(), account.to_string(), model.clone())
    };
    totals.iter().map(|total| (subject(total), parts(total.sum))).collect()
}

const fn parts(UsageSum { calls, images, tokens, cost_micro_usd }: UsageSum) -> (u64, u64, u64, i64) {
    (calls, images, tokens, cost_micro_usd)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::{ClientId, Grant, RequestId, Resolution, Timestamp, Usage, UsageOutcome};

    use super::super::scene::{DELIVERED, Scene};
    use super::*;

    /// A lease that was settled as delivered, and its entry in the usage log.
    fn scene() -> (Scene, Grant) {
        let mut scene = Scene::default();
        let lease = scene.grant("r", 0, 0);
        scene.settle(lease.clone(), DELIVERED);
        scene.record.used = Some(Used { at: scene.now + Duration::from_secs(1), ..Used::default() });
        (scene, lease)
    }

    fn entry(lease: &Grant, images: u32) -> UsageRecord {
        UsageRecord {
            at: Timestamp::default(),
            day: Timestamp::default(),
            lease: lease.id.clone(),
            request: RequestId::new("r").unwrap(),
            client: ClientId::new("c").unwrap(),
            account: lease.account.clone(),
            domain: lease.domain.clone(),
            resolution: Resolution::K1,
            outcome: UsageOutcome::from(&DELIVERED),
            images,
            tokens: Usage::default(),
            cost_micro_usd: 1,
            possibly_billed: false,
            amends: false,
        }
    }

    fn total(lease: &Grant, calls: u64) -> UsageTotal {
        UsageTotal {
            day: Timestamp::default(),
            client: ClientId::new("c").unwrap(),
            account: lease.account.clone(),
            model: lease.domain.model.clone(),
            sum: UsageSum { calls, images: 1, tokens: 0, cost_micro_usd: 1 },
        }
    }

    #[test]
    fn a_settled_lease_that_is_not_in_the_log_or_twice_or_otherwise_is_found() {
        let (mut scene, lease) = scene();
        assert_eq!(scene.breaks(check), [Rule::Usage], "it is not there");
        let mut log = |records: Vec<UsageRecord>, totals: Vec<UsageTotal>| {
            let used = scene.record.used.as_mut().unwrap();
            (used.records, used.totals) = (records, totals);
            scene.breaks(check)
        };
        assert_eq!(log(vec![entry(&lease, 1)], vec![total(&lease, 1)]), []);
        assert_eq!(
            log(vec![entry(&lease, 0)], vec![]),
            [Rule::Usage; 2],
            "it is otherwise, and so is the sum"
        );
        assert_eq!(
            log(vec![entry(&lease, 1), entry(&lease, 0)], vec![]),
            [Rule::Usage; 2],
            "it is there twice"
        );
    }

    #[test]
    fn sums_that_are_not_those_of_the_log_are_found() {
        let (mut scene, lease) = scene();
        let used = scene.record.used.as_mut().unwrap();
        (used.records, used.totals) = (vec![entry(&lease, 1)], vec![total(&lease, 2)]);
        assert_eq!(scene.breaks(check), [Rule::Usage]);
    }

    #[test]
    fn what_was_given_back_or_forgotten_need_not_be_in_the_log() {
        let (mut scene, lease) = scene();
        scene.record.forgotten.push(scene.now);
        let used = scene.record.used.as_mut().unwrap();
        (used.records, used.totals) = (vec![], vec![]);
        assert_eq!(scene.breaks(check), []);
        scene.record.forgotten.clear();
        scene.unsay_settlement(lease.id.as_str());
        assert_eq!(scene.breaks(check), [Rule::Usage]);
        scene.release(lease);
        assert_eq!(scene.breaks(check), []);
    }
}
