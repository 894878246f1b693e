//! Attempts that follow a failed one.

use std::sync::atomic::AtomicU32;

use super::{
    world::{DRY, Fault, REST},
    *,
};

#[tokio::test(start_paused = true)]
async fn a_call_that_starts_too_late_gives_its_lease_back_and_takes_another() {
    let world = Arc::new(World::new(&[("a", Act::NeverConnect)]));
    assert_eq!(answer(&world, 1).await, failed(FailureKind::UpstreamOverloaded));
    let attempts = ["grant r/0/0 a", "release r/0/0", "grant r/0/1 a", "release r/0/1"];
    assert_eq!(world.log(), [&attempts[..], &["grant r/0/2 a", "release r/0/2"]].concat());
}

#[tokio::test(start_paused = true)]
async fn what_was_not_billed_is_tried_on_another_account() {
    for (fault, word) in [
        (Fault::Throttled, "throttled"),
        (Fault::Refused, "credential_rejected"),
        (Fault::Transient, "transient"),
    ] {
        let world = Arc::new(World::new(&[("a", Act::Fail(fault)), ("b", Act::Draw)]));
        assert_eq!(answer(&world, 1).await, drawn(1));
        let settled = format!("settle r/0/0 {word}");
        assert_eq!(world.log(), ["grant r/0/0 a", &settled, "grant r/0/1 b", "settle r/0/1 delivered"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_billed_is_never_tried_again() {
    let world = Arc::new(World::new(&[("a", Act::Fail(Fault::Unknown)), ("b", Act::Draw)]));
    assert_eq!(answer(&world, 1).await, failed(FailureKind::UpstreamTimeout));
    assert_eq!(world.log(), ["grant r/0/0 a", "settle r/0/0 ambiguous"]);
}

#[tokio::test(start_paused = true)]
async fn a_model_short_of_capacity_is_waited_for_once_and_no_other_account_is_asked_meanwhile() {
    let overloaded = Act::Fail(Fault::Overloaded);
    let world = Arc::new(World::new(&[("a", overloaded), ("b", overloaded)]));
    let began = tokio::time::Instant::now();
    let told = answer(&world, 1).await;
    assert_eq!(told, Told { retry_after: told.retry_after, ..failed(FailureKind::UpstreamOverloaded) });
    assert!(told.retry_after.is_some_and(|wait| wait <= REST), "{told:?}");
    assert_eq!(world.count("overloaded"), 2);
    assert_eq!(world.count("wait 1"), 1);
    assert!(began.elapsed() >= REST);
}

#[tokio::test(start_paused = true)]
async fn a_model_short_of_capacity_is_not_waited_for_without_the_time() {
    let world = Arc::new(World::new(&[("a", Act::Fail(Fault::Overloaded)), ("b", Act::Draw)]));
    let generator = generator(&world);
    let events = generator.generate(request("r", 1), within(Duration::from_secs(11))).unwrap();
    let told = listen(events).await;
    assert_eq!(told.failures, [FailureKind::UpstreamOverloaded]);
    assert!(told.retry_after.is_some_and(|wait| wait <= REST), "{told:?}");
    assert_eq!(world.count("overloaded"), 1);
}

#[tokio::test(start_paused = true)]
async fn failures_of_the_provider_are_retried_within_the_budget_and_refusals_beyond_it() {
    for (fault, calls) in [(Fault::Transient, 100 + 10 + 15), (Fault::Refused, 300)] {
        let acts = ["a", "b", "c", "d"].map(|name| (name, Act::Fail(fault)));
        let world = Arc::new(World { grants_left: AtomicU32::new(1_000), ..World::new(&acts) });
        let generator = generator(&world);
        let asked = (0..100)
            .map(|number| generator.generate(request(&format!("r{number}"), 1), Manner::default()).unwrap());
        let asked: Vec<_> = asked.collect();
        for events in asked {
            assert_eq!(listen(events).await.pictures, 0);
        }
        generator.drain().await;
        let made = world.log().iter().filter(|line| line.starts_with("settle")).count();
        assert_eq!(made, calls);
    }
}

#[tokio::test(start_paused = true)]
async fn when_no_account_is_left_the_failure_that_used_them_up_is_told() {
    let world = Arc::new(World::new(&[("a", Act::Fail(Fault::Refused))]));
    assert_eq!(answer(&world, 1).await, failed(FailureKind::UpstreamRejected));
}

#[tokio::test(start_paused = true)]
async fn when_the_other_accounts_are_at_a_limit_the_caller_learns_when_to_come_back() {
    let acts = [("a", Act::Fail(Fault::Refused)), ("b", Act::Draw)];
    let world = Arc::new(World { grants_left: AtomicU32::new(1), ..World::new(&acts) });
    let generator = generator(&world);
    let events = generator.generate(request("r", 1), within(Duration::from_secs(50))).unwrap();
    let date = Some(Duration::from_mins(1));
    assert_eq!(listen(events).await, Told { retry_after: date, ..failed(FailureKind::QuotaExhausted) });
}

#[tokio::test(start_paused = true)]
async fn when_the_provider_has_no_quota_left_the_caller_learns_when_it_will() {
    let names = ["a", "b", "c", "d"];
    for (accounts, date) in [(1, Some(DRY)), (2, Some(DRY)), (3, Some(DRY)), (4, None)] {
        let acts: Vec<_> =
            names[..accounts].iter().map(|name| (*name, Act::Fail(Fault::Throttled))).collect();
        let world = Arc::new(World::new(&acts));
        let told = answer(&world, 1).await;
        assert_eq!(told, Told { retry_after: date, ..failed(FailureKind::QuotaExhausted) }, "{accounts}");
        assert_eq!(world.count("throttled"), accounts.min(3));
        // The fourth account is free, and was not used.
        let log = world.log();
        assert_eq!(log.last().unwrap() == "release r/0/3", accounts == 4, "{log:?}");
    }
}
