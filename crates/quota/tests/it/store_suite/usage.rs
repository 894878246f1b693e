//! What the usage log tells of calls that came to an end.

use domain::{
    CallOutcome, Client, ClientId, Lease, ManualClock, PacificDay, RequestId, Resolution, Usage, UsageFilter,
    UsageRecord, lease::term,
};
use quota::store::{Acquisition, Store, Wish};

use crate::scene::{
    AMPLE, MIDNIGHT, NOON, candidate, candidate_for, delivered, id, one, seconds, settle, wish,
};

const PRICE: i64 = 134_000;

every_store! {
    a_settled_call_is_recorded_once_with_what_it_took,
    a_lease_on_which_nothing_was_sent_is_no_call,
    an_expired_call_may_be_billed_until_a_late_word_amends_it,
    records_are_read_newest_first_in_pages_and_by_subject,
    sums_are_kept_by_day_client_account_and_model,
    records_and_sums_are_forgotten_in_time,
}

async fn records(store: &dyn Store, filter: &UsageFilter) -> Vec<UsageRecord> {
    store.usage(filter, None, 1_000).await.unwrap().records
}

async fn everything(store: &dyn Store) -> Vec<UsageRecord> {
    records(store, &UsageFilter::default()).await
}

/// The word for how it ended, pictures, cost, whether it may be billed, and whether it amends another.
fn told(record: &UsageRecord) -> (&str, u32, i64, bool, bool) {
    let UsageRecord { outcome, images, cost_micro_usd, possibly_billed, amends, .. } = record;
    (outcome.as_str(), *images, *cost_micro_usd, *possibly_billed, *amends)
}

async fn a_settled_call_is_recorded_once_with_what_it_took(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let lease = one(store, "first", &account).await;
    clock.advance(seconds(9));
    let tokens =
        Usage { input_text_tokens: 7, output_text_tokens: 3, output_image_tokens: 1120, ..Usage::default() };
    for _ in 0..2 {
        settle(store, &lease, CallOutcome::Delivered { images: 1, usage: tokens }).await;
    }
    let log = everything(store).await;
    let [record] = &log[..] else { panic!("expected one record, got {log:?}") };
    assert_eq!(told(record), ("delivered", 1, PRICE, false, false));
    assert_eq!((record.at, record.day), (NOON + seconds(9), PacificDay::of(NOON).start));
    assert_eq!((&record.lease, &record.account, &record.domain), (&lease.id, &lease.account, &lease.domain));
    assert_eq!((record.request.as_str(), record.client.as_str()), ("request", "studio"));
    assert_eq!((record.resolution, record.tokens), (Resolution::K1, tokens));
    for (name, outcome, cost, doubt) in
        [("declined", CallOutcome::Declined, 0, false), ("ambiguous", CallOutcome::Ambiguous, PRICE, true)]
    {
        let lease = one(store, name, &account).await;
        clock.advance(seconds(1));
        settle(store, &lease, outcome).await;
        assert_eq!(told(&everything(store).await[0]), (name, 0, cost, doubt, false));
    }
}

async fn a_lease_on_which_nothing_was_sent_is_no_call(store: &dyn Store, _: &ManualClock) {
    let lease = one(store, "first", &candidate("a", "p", AMPLE)).await;
    store.release(&lease.id, lease.fence).await.unwrap();
    assert_eq!(everything(store).await, []);
    assert_eq!(store.totals(&UsageFilter::default()).await.unwrap(), []);
}

async fn an_expired_call_may_be_billed_until_a_late_word_amends_it(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let expired = one(store, "expired", &account).await;
    let given_back = one(store, "given-back", &account).await;
    let unswept = one(store, "unswept", &account).await;
    clock.set(NOON + term::LEASE);
    settle(store, &unswept, CallOutcome::Empty).await;
    assert_eq!(told(&everything(store).await[0]), ("empty", 0, 0, false, false));
    clock.advance(seconds(1));
    store.expire().await.unwrap();
    let log = everything(store).await;
    assert!(log[..2].iter().all(|record| told(record) == ("expired", 0, PRICE, true, false)), "{log:?}");
    clock.advance(seconds(1));
    settle(store, &expired, CallOutcome::Delivered { images: 1, usage: Usage::default() }).await;
    assert_eq!(told(&everything(store).await[0]), ("delivered", 1, 0, false, true));
    clock.advance(seconds(1));
    store.release(&given_back.id, given_back.fence).await.unwrap();
    assert_eq!(told(&everything(store).await[0]), ("released", 0, -PRICE, false, true));
    let sum = store.totals(&UsageFilter::default()).await.unwrap()[0].sum;
    assert_eq!((sum.calls, sum.images, sum.cost_micro_usd), (3, 1, PRICE));
}

async fn by(store: &dyn Store, client: &str, name: &str, model: &str, account: &str) -> Lease {
    let client = Client::unlimited(ClientId::new(client).unwrap());
    let wish = wish(&[id(name)], &[candidate_for(model, account, account, AMPLE)]);
    let wish = Wish { client, request: RequestId::new(name).unwrap(), ..wish };
    match store.acquire(&wish).await.unwrap() {
        Acquisition::Granted { mut leases, .. } => leases.remove(0),
        refused => panic!("expected a grant, got {refused:?}"),
    }
}

async fn records_are_read_newest_first_in_pages_and_by_subject(store: &dyn Store, clock: &ManualClock) {
    for (name, client, model, account) in [
        ("1", "studio", "pro", "a"),
        ("2", "press", "pro", "a"),
        ("3", "studio", "flash", "a"),
        ("4", "studio", "pro", "b"),
        ("5", "studio", "pro", "a"),
    ] {
        let lease = by(store, client, name, model, account).await;
        settle(store, &lease, delivered()).await;
        clock.advance(seconds(1));
    }
    let names =
        |records: &[UsageRecord]| records.iter().map(|record| record.request.to_string()).collect::<Vec<_>>();
    let (mut read, mut from) = (vec![], None);
    loop {
        let page = store.usage(&UsageFilter::default(), from.as_ref(), 2).await.unwrap();
        assert!(page.records.len() <= 2);
        read.extend(names(&page.records));
        from = page.older;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(read, ["5", "4", "3", "2", "1"]);
    let all = UsageFilter::default;
    let press = UsageFilter { client: Some(ClientId::new("press").unwrap()), ..all() };
    assert_eq!(names(&records(store, &press).await), ["2"]);
    let flash = UsageFilter { model: Some("flash".into()), ..all() };
    assert_eq!(names(&records(store, &flash).await), ["3"]);
    let account = UsageFilter { account: Some(domain::AccountId::new("b").unwrap()), ..all() };
    assert_eq!(names(&records(store, &account).await), ["4"]);
    let between = UsageFilter { since: Some(NOON + seconds(1)), until: Some(NOON + seconds(3)), ..all() };
    assert_eq!(names(&records(store, &between).await), ["3", "2"]);
}

async fn sums_are_kept_by_day_client_account_and_model(store: &dyn Store, clock: &ManualClock) {
    for (name, client, model) in [("1", "studio", "pro"), ("2", "studio", "pro"), ("3", "press", "flash")] {
        let lease = by(store, client, name, model, "a").await;
        settle(store, &lease, delivered()).await;
    }
    clock.set(MIDNIGHT - seconds(1));
    let over_midnight = by(store, "studio", "4", "pro", "a").await;
    clock.set(MIDNIGHT);
    settle(store, &over_midnight, delivered()).await;
    let today = by(store, "studio", "5", "pro", "a").await;
    settle(store, &today, CallOutcome::Transient).await;
    let totals = store.totals(&UsageFilter::default()).await.unwrap();
    let told: Vec<_> = totals
        .iter()
        .map(|it| {
            (
                it.day,
                it.client.as_str(),
                it.model.as_str(),
                it.sum.calls,
                it.sum.images,
                it.sum.cost_micro_usd,
            )
        })
        .collect();
    let yesterday = PacificDay::of(NOON).start;
    assert_eq!(
        told,
        [
            (yesterday, "press", "flash", 1, 1, PRICE),
            (yesterday, "studio", "pro", 3, 3, 3 * PRICE),
            (MIDNIGHT, "studio", "pro", 1, 0, 0),
        ]
    );
    assert_eq!(totals[1].sum.tokens, 3 * 1120);
    let today = UsageFilter { since: Some(MIDNIGHT), ..UsageFilter::default() };
    assert_eq!(store.totals(&today).await.unwrap(), totals[2..]);
    let press = UsageFilter { client: Some(ClientId::new("press").unwrap()), ..UsageFilter::default() };
    assert_eq!(store.totals(&press).await.unwrap(), totals[..1]);
}

async fn records_and_sums_are_forgotten_in_time(store: &dyn Store, clock: &ManualClock) {
    let day = seconds(24 * 3_600);
    for (name, after) in [("old", 0), ("young", 31)] {
        clock.set(NOON + day * after);
        let lease = by(store, "studio", name, "pro", "a").await;
        settle(store, &lease, delivered()).await;
    }
    let recent = UsageFilter { since: Some(NOON + day), ..UsageFilter::default() };
    assert_eq!(records(store, &recent).await.len(), 1);
    assert_eq!(store.totals(&UsageFilter::default()).await.unwrap().len(), 2);
    clock.set(NOON + day * 402);
    let lease = by(store, "studio", "late", "pro", "a").await;
    settle(store, &lease, delivered()).await;
    store.expire().await.unwrap();
    let days = store.totals(&UsageFilter::default()).await.unwrap();
    assert_eq!(days.len(), 2, "{days:?}");
}
