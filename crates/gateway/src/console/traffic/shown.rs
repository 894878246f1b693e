//! The last hour, as browsers are told: columns with a number for each step.

use std::collections::BTreeMap;

use domain::Timestamp;
use serde::Serialize;

use super::{
    Hour, Names, Of,
    series::{STEP, STEPS, Tally, step_of},
};
use crate::console::activity::Gauge;

/// Everything that is shown of it.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    /// Moments are in milliseconds.
    now: u64,
    /// Since when it is seen.
    since: u64,
    /// When the first step began.
    first: u64,
    /// How long each is, in seconds.
    step: u64,
    sum: Sum,
    requests: Vec<u32>,
    pictures: Vec<u32>,
    calls: Vec<u32>,
    cost: Vec<u64>,
    /// What half, nine in ten and 99 in a hundred did not exceed, in milliseconds.
    p50: Vec<Option<u32>>,
    p90: Vec<Option<u32>>,
    p99: Vec<Option<u32>>,
    errors: BTreeMap<&'static str, Vec<u32>>,
    /// The most wishes that waited at a time, whatever they were for.
    waiting: Vec<u32>,
    names: Names,
}

/// The whole hour together.
#[derive(Debug, Serialize)]
struct Sum {
    requests: u32,
    failed: u32,
    pictures: u32,
    calls: u32,
    cost: u64,
    p50: Option<u32>,
    p90: Option<u32>,
    p99: Option<u32>,
    /// At present.
    waiting: u32,
}

impl Shown {
    /// What happened of this in the hour until now.
    pub(super) fn of(hour: &Hour, of: &Of, gauge: &Gauge, now: Timestamp) -> Self {
        let last = step_of(now);
        let mut sum = Tally::default();
        let mut shown = Self {
            now: now.as_millis(),
            since: hour.began().as_millis(),
            first: (last + 1).saturating_sub(STEPS as u64) * STEP.as_secs() * 1_000,
            step: STEP.as_secs(),
            sum: Sum::of(&sum, gauge.waiting()),
            requests: vec![0; STEPS],
            pictures: vec![0; STEPS],
            calls: vec![0; STEPS],
            cost: vec![0; STEPS],
            p50: vec![None; STEPS],
            p90: vec![None; STEPS],
            p99: vec![None; STEPS],
            errors: BTreeMap::new(),
            waiting: gauge.most(last, STEPS as u64),
            names: hour.subjects().collect(),
        };
        for (place, tally) in hour.of(of).into_iter().flat_map(|series| series.of_hour(last)) {
            shown.put(place, tally);
            sum.add(tally);
        }
        shown.sum = Sum::of(&sum, gauge.waiting());
        shown
    }

    fn put(&mut self, place: usize, tally: &Tally) {
        self.requests[place] = tally.requests;
        self.pictures[place] = tally.pictures;
        self.calls[place] = tally.calls;
        self.cost[place] = tally.cost_micro_usd;
        self.p50[place] = tally.took.percentile(50);
        self.p90[place] = tally.took.percentile(90);
        self.p99[place] = tally.took.percentile(99);
        for (kind, count) in &tally.errors {
            self.errors.entry(kind).or_insert_with(|| vec![0; STEPS])[place] = *count;
        }
    }
}

impl Sum {
    fn of(tally: &Tally, waiting: u32) -> Self {
        Self {
            requests: tally.requests,
            failed: tally.failed,
            pictures: tally.pictures,
            calls: tally.calls,
            cost: tally.cost_micro_usd,
            p50: tally.took.percentile(50),
            p90: tally.took.percentile(90),
            p99: tally.took.percentile(99),
            waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::{
        AccountId, AspectRatio, ClientId, FailureKind, ImageCount, LeaseId, MediaType, PictureSpec,
        PixelSize, ProjectId, Provider, RequestId, Resolution,
        activity::{
            AttemptOutcome, AttemptRecord, ImageFacts, LeaseFacts, PictureRecord, RequestEnd, RequestOutcome,
            RequestRecord,
        },
    };

    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn attempt(account: &str, outcome: &str) -> AttemptRecord {
        let lease = LeaseFacts {
            at: START,
            id: LeaseId::new("l").unwrap(),
            account: AccountId::new(account).unwrap(),
            project: ProjectId::new("p").unwrap(),
            provider: Provider::Gemini,
        };
        let delivered = outcome == AttemptOutcome::DELIVERED.as_str();
        AttemptRecord {
            lease: Some(lease),
            called_at: Some(START),
            answered_at: Some(START + Duration::from_secs(4)),
            outcome: Some(outcome.parse().unwrap()),
            cost_micro_usd: if delivered { 134_000 } else { 0 },
            ..AttemptRecord::queued(START)
        }
    }

    fn request(
        client: &str,
        at: u64,
        outcome: RequestOutcome,
        attempts: Vec<AttemptRecord>,
    ) -> RequestRecord {
        let image =
            ImageFacts { media_type: MediaType::Png, size: PixelSize::new(8, 4).unwrap(), length: 12 };
        let came = outcome == RequestOutcome::Delivered;
        RequestRecord {
            id: RequestId::new("r").unwrap(),
            trace: None,
            client: ClientId::new(client).unwrap(),
            dialect: None,
            model: "m".into(),
            spec: PictureSpec { aspect_ratio: AspectRatio::SQUARE, resolution: Resolution::K4 },
            count: ImageCount::new(1).unwrap(),
            prompt: None,
            begun_at: START,
            end: Some(RequestEnd { at: START + Duration::from_secs(at), outcome }),
            pictures: vec![PictureRecord { attempts, image: came.then_some(image), failure: None }],
        }
    }

    fn shown(hour: &Hour, of: &Of) -> Shown {
        Shown::of(hour, of, &Gauge::default(), START + Duration::from_secs(25))
    }

    #[test]
    fn an_hour_tells_of_everything_and_of_each_what_it_had_a_part_in() {
        let mut hour = Hour::since(START);
        let retried = vec![attempt("a", "overloaded"), attempt("b", "delivered")];
        hour.note(&request("shop", 5, RequestOutcome::Delivered, retried));
        let refused = RequestOutcome::Failed(FailureKind::ContentPolicy);
        hour.note(&request("blog", 12, refused, vec![attempt("b", "declined")]));
        let all = shown(&hour, &Of::Everything);
        assert_eq!((all.sum.requests, all.sum.failed, all.sum.pictures, all.sum.calls), (2, 1, 1, 3));
        assert_eq!((all.sum.cost, all.requests[358..].to_vec()), (134_000, vec![1, 1, 0]));
        assert_eq!(all.errors["content_policy"][359], 1);
        let took = all.p50[358].unwrap();
        assert!(all.p50[359].is_none() && took.abs_diff(5_000) < 250, "{took}");
        let shop = shown(&hour, &Of::Client(ClientId::new("shop").unwrap()));
        assert_eq!((shop.sum.requests, shop.sum.failed, shop.sum.calls), (1, 0, 2));
        let account = shown(&hour, &Of::Account(AccountId::new("b").unwrap()));
        assert_eq!((account.sum.calls, account.sum.failed, account.sum.pictures), (2, 1, 1));
        assert_eq!(account.errors.keys().collect::<Vec<_>>(), [&"declined"], "in the provider's sense");
        assert_eq!(all.names.accounts, ["a", "b"]);
        let nothing = shown(&hour, &Of::Model("other".into()));
        assert_eq!((nothing.sum.requests, nothing.requests.len()), (0, STEPS));
    }

    #[test]
    fn of_too_many_clients_those_are_forgotten_that_were_heard_of_longest_ago() {
        let mut hour = Hour::since(START);
        for number in 0..500_u64 {
            let outcome = RequestOutcome::Abandoned;
            hour.note(&request(&format!("c{number:03}"), number * 10, outcome, Vec::new()));
        }
        let names: Names = hour.subjects().collect();
        assert_eq!((names.clients.len(), names.clients[0].as_str()), (398, "c102"));
        let all = Shown::of(&hour, &Of::Everything, &Gauge::default(), START + Duration::from_secs(4_990));
        assert_eq!(all.sum.requests, 361);
    }
}
