//! What must rest after which outcome, and for how long.

use domain::{
    CallOutcome, ManualClock,
    lease::{Closing, Window, term},
};
use quota::store::{CoolingReason, Store};

use crate::scene::{
    AMPLE, MIDNIGHT, NOON, candidate, candidate_for, delivered, granted, id, ids, millis, one, refused,
    seconds, settle, standing, throttled,
};

every_store! {
    a_throttled_domain_rests_as_long_as_the_provider_asks,
    a_day_that_is_used_up_rests_its_domain_until_midnight,
    a_capacity_shortage_rests_the_model_for_every_account,
    a_rejected_credential_rests_its_account_on_every_model,
    a_project_that_pays_for_nothing_rests_with_all_its_accounts_and_models,
    a_forbidden_model_rests_for_that_account_alone,
    five_failures_in_a_row_rest_the_domain,
    a_cooldown_is_never_shortened,
    a_late_settlement_still_tells_of_the_provider,
}

async fn a_throttled_domain_rests_as_long_as_the_provider_asks(store: &dyn Store, clock: &ManualClock) {
    let both = [candidate("a", "p", AMPLE), candidate("b", "q", AMPLE)];
    let lease = one(store, "first", &both[0]).await;
    let asked = throttled(Some(Window::Minute), Some(seconds(7)));
    settle(store, &lease, asked).await;
    let cooling = standing(store, &both[0]).await.cooling.unwrap();
    assert_eq!((cooling.until, cooling.reason), (NOON + seconds(7), CoolingReason::Throttled));
    clock.advance(millis(6_999));
    let elsewhere = granted(store, &ids("meanwhile", 2), &both).await;
    assert!(elsewhere.iter().all(|lease| lease.account.as_str() == "b"));
    clock.advance(millis(1));
    assert_eq!(standing(store, &both[0]).await.cooling, None);
    one(store, "afterwards", &both[0]).await;
}

async fn a_day_that_is_used_up_rests_its_domain_until_midnight(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let lease = one(store, "first", &account).await;
    let used_up = throttled(Some(Window::Day), Some(seconds(0)));
    settle(store, &lease, used_up).await;
    let (wait, _) = refused(store, &[id("second")], std::slice::from_ref(&account)).await;
    assert_eq!(NOON + wait, MIDNIGHT);
    clock.set(MIDNIGHT - millis(1));
    refused(store, &[id("second")], std::slice::from_ref(&account)).await;
    clock.set(MIDNIGHT);
    one(store, "second", &account).await;
}

async fn a_capacity_shortage_rests_the_model_for_every_account(store: &dyn Store, clock: &ManualClock) {
    let both = [candidate("a", "p", AMPLE), candidate("b", "q", AMPLE)];
    let lease = one(store, "first", &both[0]).await;
    settle(store, &lease, CallOutcome::Overloaded).await;
    let (wait, _) = refused(store, &[id("second")], &both).await;
    assert_eq!(wait, seconds(2));
    one(store, "other-model", &candidate_for("flash", "a", "p", AMPLE)).await;
    clock.advance(wait);
    granted(store, &ids("second", 2), &both).await;
}

async fn a_rejected_credential_rests_its_account_on_every_model(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let lease = one(store, "first", &account).await;
    settle(store, &lease, CallOutcome::CredentialRejected).await;
    let other_model = candidate_for("flash", "a", "p", AMPLE);
    refused(store, &[id("second")], std::slice::from_ref(&account)).await;
    refused(store, &[id("second")], &[other_model]).await;
    one(store, "same-project", &candidate("b", "p", AMPLE)).await;
    clock.advance(seconds(15 * 60));
    one(store, "probe", &account).await;
}

async fn a_project_that_pays_for_nothing_rests_with_all_its_accounts_and_models(
    store: &dyn Store,
    clock: &ManualClock,
) {
    let account = candidate("a", "p", AMPLE);
    let lease = one(store, "first", &account).await;
    settle(store, &lease, CallOutcome::BillingClosed).await;
    let others = [candidate("b", "p", AMPLE), candidate_for("flash", "a", "p", AMPLE)];
    refused(store, &[id("second")], &others).await;
    one(store, "other-project", &candidate("c", "q", AMPLE)).await;
    clock.advance(seconds(15 * 60));
    one(store, "probe", &others[0]).await;
}

async fn a_forbidden_model_rests_for_that_account_alone(store: &dyn Store, _: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let lease = one(store, "first", &account).await;
    settle(store, &lease, CallOutcome::Forbidden).await;
    refused(store, &[id("second")], std::slice::from_ref(&account)).await;
    one(store, "other-model", &candidate_for("flash", "a", "p", AMPLE)).await;
    one(store, "other-account", &candidate("b", "p", AMPLE)).await;
}

async fn five_failures_in_a_row_rest_the_domain(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let fail = |name: &'static str| {
        let account = account.clone();
        async move {
            let lease = one(store, name, &account).await;
            settle(store, &lease, CallOutcome::Transient).await;
        }
    };
    for name in ["1", "2", "3", "4"] {
        fail(name).await;
    }
    let success = one(store, "success", &account).await;
    assert_eq!(standing(store, &account).await.setbacks, 4);
    settle(store, &success, delivered()).await;
    assert_eq!(standing(store, &account).await.setbacks, 0);
    for name in ["5", "6", "7", "8", "9"] {
        assert_eq!(standing(store, &account).await.cooling, None);
        fail(name).await;
    }
    let cooling = standing(store, &account).await.cooling.unwrap();
    assert_eq!((cooling.until, cooling.reason), (NOON + seconds(30), CoolingReason::Failing));
    clock.advance(seconds(30));
    one(store, "afterwards", &account).await;
}

async fn a_cooldown_is_never_shortened(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let leases = granted(store, &ids("wish", 3), std::slice::from_ref(&account)).await;
    let long = throttled(Some(Window::Minute), Some(seconds(40)));
    settle(store, &leases[0], long).await;
    clock.advance(seconds(1));
    let short = throttled(Some(Window::Minute), Some(seconds(2)));
    settle(store, &leases[1], short).await;
    settle(store, &leases[2], delivered()).await;
    assert_eq!(standing(store, &account).await.cooling.unwrap().until, NOON + seconds(40));
}

async fn a_late_settlement_still_tells_of_the_provider(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let lease = one(store, "first", &account).await;
    clock.advance(term::LEASE);
    let settled = store.settle(&lease.id, lease.fence, &CallOutcome::CredentialRejected.into()).await;
    assert_eq!(settled, Ok(Closing::Late));
    refused(store, &[id("second")], std::slice::from_ref(&account)).await;
}
