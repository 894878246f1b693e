//! Whether the ledger's counters are true again, found out by what it grants.

use std::time::Duration;

use domain::{
    AccountId, ClientId, LeaseId, PersonGeneration, RequestId, Resolution,
    lease::{Acquired, Acquiring, Closing, LeaseRequest},
};
use proto::{
    transport::Channel,
    v1::{AcquireRequest, ReleaseRequest, leases_client::LeasesClient},
};
use tokio::time::{Instant, sleep};

use super::{
    fleet::{CLIENT, Fleet},
    provider::Owned,
};

/// How long the ledger may still learn what it forgot.
const LEARNING: Duration = Duration::from_secs(75);

/// Takes every slot of each account that is `sound`, all of them at once, gives them back, and tells what was wrong. A
/// slot that a lost lease still holds shows here, and one that was given back twice.
pub(crate) async fn wrong_slots(
    fleet: &Fleet,
    owned: &[Owned],
    sound: fn(&Owned) -> bool,
    model: &str,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (index, account) in owned.iter().filter(|owned| sound(owned)).enumerate() {
        let quota = &fleet.quotas[index % fleet.quotas.len()];
        let mut ledger = LeasesClient::new(proto::transport::connect(&quota.url()).unwrap());
        let slots = account.limits.concurrent;
        let one_too_many = take(&mut ledger, owned, account, model, slots + 1).await;
        if matches!(one_too_many, Acquired::Granted(_)) {
            wrong.push(format!("{} has more than {slots} slots", account.account));
        }
        match take(&mut ledger, owned, account, model, slots).await {
            Acquired::Granted(grants) => {
                for grant in grants {
                    let request = ReleaseRequest { lease_id: grant.id.to_string(), fence: grant.fence.0 };
                    let closing = ledger.release(request).await.unwrap().into_inner();
                    assert_eq!(Closing::try_from(closing), Ok(Closing::Closed));
                }
            }
            Acquired::Refused(shortage) => {
                wrong.push(format!("the {slots} slots of {} are not free: {shortage:?}", account.account));
            }
        }
    }
    wrong
}

async fn take(
    ledger: &mut LeasesClient<Channel>,
    owned: &[Owned],
    account: &Owned,
    model: &str,
    count: u32,
) -> Acquired {
    let id = |index| LeaseId::new(format!("probe-{count}-{}/{index}/0", account.account)).unwrap();
    let others = owned.iter().filter(|other| other.account != account.account);
    let wish = LeaseRequest {
        ids: (0..count).map(id).collect(),
        request: RequestId::new(format!("probe-{}", account.account)).unwrap(),
        client: ClientId::new(CLIENT).unwrap(),
        model: model.to_owned(),
        resolution: Resolution::P512,
        excluded: others.map(|other| AccountId::new(&*other.account).unwrap()).collect(),
        person_generation: PersonGeneration::Allow,
        patience: Duration::ZERO,
        known_fence: None,
    };
    let began = Instant::now();
    let mut steps = loop {
        match ledger.acquire(AcquireRequest::from(wish.clone())).await {
            Ok(steps) => break steps.into_inner(),
            Err(status) => assert!(began.elapsed() < LEARNING, "the ledger did not come back: {status}"),
        }
        sleep(Duration::from_secs(1)).await;
    };
    match steps.message().await.unwrap().unwrap().try_into() {
        Ok(Acquiring::Answered(acquired)) => acquired,
        other => panic!("a wish without patience was answered with {other:?}"),
    }
}
