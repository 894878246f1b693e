//! The trial: a whole fleet of processes under faults, judged by the provider's own arrival log.

mod amnesia;
mod asking;
mod chance;
mod chaos;
mod checker;
mod faults;
mod fleet;
mod journal;
mod load;
mod long;
mod meddler;
mod outages;
mod pool;
mod post;
mod probe;
mod progress;
mod provider;
mod record;
pub(crate) mod redis;
mod saturation;
mod storm;
mod tap;
mod wire;

use std::time::Duration;

use self::amnesia::Memory;

/// The seed of the trials that run with every other test.
const SEED: u64 = 20_261_122;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_overspent_or_lost_while_processes_die() {
    let outcome = chaos::run(SEED, Duration::from_secs(75), |_| {}).await;
    assert!(outcome.is_clean() && outcome.is_telling(), "{outcome}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_used_is_used_and_no_call_is_refused_for_a_limit() {
    let saturation::Outcome { violations, used, refused } = saturation::run(SEED).await;
    assert!(violations.is_empty(), "{violations:#?}");
    println!("{used:.4} of the allowed quota was used, {refused:.4} of all calls were refused");
    assert!(used >= 0.95, "only {used:.3} of the allowed quota was used");
    assert!(refused < 0.005, "{refused:.4} of all calls were refused for a limit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_that_cannot_serve_are_met_once_and_then_left_alone() {
    let pool::Outcome { violations, requests, at_first, failed } = pool::run(SEED).await;
    assert!(violations.is_empty(), "{violations:#?}");
    assert!(requests > 100, "only {requests} requests were made");
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(at_first >= 0.99, "only {at_first:.3} of {requests} requests were served by their first call");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_fails_is_not_answered_with_more_calls_than_there_is_a_budget_for() {
    let storm::Outcome { violations, failed, again } = storm::run(SEED).await;
    assert!(violations.is_empty(), "{violations:#?}");
    println!("{failed} calls failed, and {again} followed");
    assert!(
        again > 15 && failed > 2 * again,
        "{failed} calls failed, {again} followed: too few to be limited"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_are_told_in_time_to_come_back_while_the_ledger_is_out_of_reach() {
    let wrong = outages::run(SEED).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_lost_its_memory_overspends_nothing_and_learns() {
    let (gone, old) = tokio::join!(amnesia::run(SEED, Memory::Gone), amnesia::run(SEED, Memory::Old));
    assert!(gone.is_empty(), "with nothing left: {gone:#?}");
    assert!(old.is_empty(), "with an old copy: {old:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_nobody_remembers_overspends_no_minute_since_its_leases_do() {
    let wrong = amnesia::run(SEED, Memory::Nowhere).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes as long as it is told: `cargo xtask trial`"]
async fn nothing_is_overspent_or_lost_for_as_long_as_faults_go_on() {
    long::run().await;
}
