//! A view that is behind costs a second try, never a request that could be served.

use super::*;

fn pool(size: u32) -> Vec<Account> {
    (0..size).map(|n| account(&format!("a{n}"), &format!("p{n}"), 1)).collect()
}

#[tokio::test(start_paused = true)]
async fn every_wish_is_served_that_can_be_though_most_accounts_were_taken_behind_its_back() {
    for (size, left) in [(20_u32, 8_u32), (1_000, 40)] {
        let accounts = pool(size);
        let broker = over_memory(accounts.clone()).await;
        // From here on nobody keeps the view up to date.
        broker.view.survey(MODEL).await.unwrap();
        for account in accounts.iter().skip(left as usize) {
            take_elsewhere(&broker, account, 1).await;
        }
        for request in 0..left {
            granted(ask(&broker, wish(&format!("r{request}"), 1)).await.unwrap());
        }
        let refused = ask(&broker, wish("one-too-many", 1)).await.unwrap();
        assert!(matches!(refused, Acquired::Refused(Shortage::Limited { .. })), "{refused:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_became_free_behind_its_back_is_found() {
    let broker = over_memory(pool(20)).await;
    let mut held = vec![];
    for request in 0..20 {
        held.extend(granted(ask(&broker, wish(&format!("r{request}"), 1)).await.unwrap()));
    }
    assert!(matches!(ask(&broker, wish("s", 1)).await.unwrap(), Acquired::Refused(_)));
    tokio::time::advance(Duration::from_millis(300)).await;
    let freed = &held[13];
    broker.store.settle(&freed.id, freed.fence, &delivered().into()).await.unwrap();
    assert_eq!(accounts_of(ask(&broker, wish("t", 1)).await.unwrap()), [freed.account.as_str()]);
}

#[tokio::test(start_paused = true)]
async fn as_many_accounts_as_have_room_serve_at_the_same_moment() {
    let broker = over_memory(pool(20)).await;
    let wishes = (0..20).map(|n| {
        let broker = Arc::clone(&broker);
        async move { granted(ask(&broker, wish(&format!("r{n}"), 1)).await.unwrap()).remove(0).account }
    });
    let accounts = futures_util::future::join_all(wishes).await;
    assert_eq!(accounts.into_iter().collect::<std::collections::HashSet<_>>().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_wish_for_ten_fits_where_ten_accounts_have_room_for_one_each() {
    let broker = over_memory(pool(10)).await;
    assert_eq!(granted(ask(&broker, wish("r", 10)).await.unwrap()).len(), 10);
}
