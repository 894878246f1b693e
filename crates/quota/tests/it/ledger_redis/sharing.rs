//! Several services on one ledger.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use domain::Limits;
use quota::store::{Acquisition, Change, Scope, Store};
use tokio::{sync::broadcast, time::timeout};

use super::ledger;
use crate::{
    redis_server::{Server, shared},
    scene::{ask, candidate, delivered, id, ids, millis, one, seconds, settle, standing},
};

/// Two services on one ledger, and the callers of both.
async fn callers(each: usize) -> Vec<Arc<dyn Store>> {
    let place = shared().place();
    let (first, second) = (ledger(&place).await.unwrap(), ledger(&place).await.unwrap());
    (0..each).flat_map(|_| [Arc::clone(&first), Arc::clone(&second)]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_that_share_a_ledger_never_exceed_a_window_together() {
    let callers = callers(8).await;
    let (flying, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let tasks = callers.iter().cloned().enumerate().map(|(caller, store)| {
        let (flying, most) = (Arc::clone(&flying), Arc::clone(&most));
        tokio::spawn(async move {
            let account = candidate("a", "p", Limits::new(30, 99, 99, 4));
            let mut grants = 0;
            for call in 0..30 {
                let wish = [id(format!("{caller}/{call}"))];
                if let Acquisition::Granted { leases, .. } =
                    ask(&*store, &wish, std::slice::from_ref(&account)).await
                {
                    most.fetch_max(flying.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    grants += 1;
                    flying.fetch_sub(1, Ordering::SeqCst);
                    settle(&*store, &leases[0], delivered()).await;
                }
            }
            grants
        })
    });
    let mut grants = 0;
    for task in tasks.collect::<Vec<_>>() {
        grants += task.await.unwrap();
    }
    assert_eq!(grants, 30);
    assert!(most.load(Ordering::SeqCst) <= 4, "{most:?} calls flew at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_wish_through_two_services_is_granted_once() {
    let callers = callers(8).await;
    let account = candidate("a", "p", Limits::new(9, 9, 9, 9));
    let tasks = callers.iter().cloned().map(|store| {
        let account = account.clone();
        tokio::spawn(async move { ask(&*store, &ids("wish", 3), &[account]).await })
    });
    let mut fences = vec![];
    for task in tasks.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Acquisition::Granted { leases, .. } => {
                fences.push(leases.iter().map(|lease| lease.fence).collect::<Vec<_>>());
            }
            other => panic!("expected the same grants for everybody, got {other:?}"),
        }
    }
    fences.dedup();
    assert_eq!(fences.len(), 1);
    assert_eq!(standing(&*callers[0], &account).await.in_flight, 3);
}

#[tokio::test]
async fn what_one_service_settles_the_other_sees_at_once() {
    let callers = callers(1).await;
    let account = candidate("a", "p", Limits::new(9, 9, 9, 1));
    let lease = one(&*callers[0], "first", &account).await;
    assert_eq!(standing(&*callers[1], &account).await.in_flight, 1);
    settle(&*callers[1], &lease, domain::CallOutcome::Overloaded).await;
    assert!(standing(&*callers[0], &account).await.cooling.is_some());
}

#[tokio::test]
async fn what_one_service_changes_the_other_is_told_at_once() {
    let callers = callers(1).await;
    let account = candidate("a", "p", Limits::new(9, 9, 9, 1));
    let mut changes = callers[1].changes();
    let lease = one(&*callers[0], "first", &account).await;
    assert_eq!(next(&mut changes).await, Change::Scope(Scope::Domain(account.domain.clone())));
    settle(&*callers[0], &lease, domain::CallOutcome::CredentialRejected).await;
    assert_eq!(next(&mut changes).await, Change::Scope(Scope::Domain(account.domain.clone())));
    assert_eq!(next(&mut changes).await, Change::Scope(Scope::Account(account.account.clone())));
    ask(&*callers[0], &ids("refused", 1), &[account]).await;
    assert!(changes.is_empty(), "a refusal changes nothing");
}

#[tokio::test]
async fn after_an_interruption_everything_is_said_to_have_changed() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::passing(directory.path());
    let store = ledger(&server.place()).await.unwrap();
    let mut changes = store.changes();
    let mut interrupt = redis::cmd("CLIENT");
    interrupt.arg("KILL").arg("TYPE").arg("pubsub");
    assert_eq!(interrupt.query_async::<u32>(&mut server.connection().await).await.unwrap(), 1);
    assert_eq!(timeout(seconds(5), changes.recv()).await.unwrap(), Ok(Change::Everything));
    let account = candidate("a", "p", Limits::new(9, 9, 9, 1));
    one(&*store, "first", &account).await;
    assert_eq!(next(&mut changes).await, Change::Scope(Scope::Domain(account.domain)));
}

/// The next change, within a tenth of a second.
async fn next(changes: &mut broadcast::Receiver<Change>) -> Change {
    timeout(millis(100), changes.recv()).await.expect("the change was not told in time").unwrap()
}
