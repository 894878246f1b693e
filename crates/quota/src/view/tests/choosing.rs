//! Which candidates are chosen, on what is known.

use super::*;

/// An account of its own project that stands as usual, but for this.
fn standing(id: &str, change: impl Fn(&mut Standing)) -> (Account, Standing) {
    of_project(id, id, change)
}

fn of_project(id: &str, project: &str, change: impl Fn(&mut Standing)) -> (Account, Standing) {
    let mut standing = Standing { free_at: NOON, steady_until: NOON, ..Standing::default() };
    change(&mut standing);
    (account(id, project, Tier::Pro), standing)
}

fn of_tier(id: &str, tier: Tier) -> (Account, Standing) {
    let (account, standing) = standing(id, |_| {});
    (Account { tier, ..account }, standing)
}

/// A field that knows these accounts.
fn field(accounts: &[(Account, Standing)]) -> Field {
    let catalog = Catalog::builtin();
    let (owned, standings): (Vec<_>, _) = accounts.iter().cloned().unzip();
    let moment = Moment::of(NOON);
    let mut field = Field::new(catalog.find(MODEL).unwrap(), owned.iter(), &Field::default(), moment, 1);
    let candidates: Vec<_> =
        owned.iter().map(|account| field.member(&account.id).unwrap().candidate.clone()).collect();
    field.tell(&candidates, &Survey { now: NOON, standings }, 2);
    field
}

/// A lease that was granted on an account of this field.
fn lease(field: &Field, account: &str, fence: u64) -> Lease {
    let account = AccountId::new(account).unwrap();
    Lease {
        id: LeaseId::new(fence.to_string()).unwrap(),
        domain: field.member(&account).unwrap().candidate.domain.clone(),
        account,
        fence: Fence(fence),
        start_by: NOON,
        expires_at: NOON,
    }
}

fn chosen(field: &mut Field, wish: Wish<'_>, now: Timestamp) -> Vec<String> {
    let choice = field.choose(wish, Moment::of(now), &Even);
    choice.candidates.into_iter().map(|candidate| candidate.account.to_string()).collect()
}

fn chosen_of(accounts: &[(Account, Standing)]) -> Vec<String> {
    chosen(&mut field(accounts), ANY, NOON)
}

#[test]
fn those_whose_days_quota_would_be_lost_go_first() {
    let accounts =
        [standing("half", |s| s.in_day = 50), standing("little", |s| s.in_day = 90), standing("all", |_| {})];
    assert_eq!(chosen_of(&accounts), ["all", "half", "little"]);
}

#[test]
fn the_cheapest_tier_serves_and_ultra_is_kept_for_4k() {
    let accounts = [of_tier("ultra", Tier::Ultra), of_tier("pro", Tier::Pro), of_tier("free", Tier::Free)];
    let mut field = field(&accounts);
    for resolution in [Resolution::P512, Resolution::K1, Resolution::K2] {
        let wish = Wish { resolution, ..ANY };
        assert_eq!(chosen(&mut field, wish, NOON), ["free", "pro", "ultra"]);
    }
    let wish = Wish { resolution: Resolution::K4, ..ANY };
    assert_eq!(chosen(&mut field, wish, NOON), ["ultra", "pro", "free"]);
}

#[test]
fn where_people_are_denied_accounts_that_can_be_told_so_come_first_if_they_have_room() {
    let vertex = |id, free_at| {
        let (account, standing) = standing(id, |s| (s.in_minute, s.free_at) = (9, free_at));
        (Account { provider: Provider::Vertex, ..account }, standing)
    };
    let accounts = [
        standing("gemini", |_| {}),
        vertex("vertex", NOON),
        vertex("waiting", NOON + Duration::from_secs(1)),
    ];
    let mut field = field(&accounts);
    let wish = Wish { person_generation: PersonGeneration::Deny, ..ANY };
    assert_eq!(chosen(&mut field, wish, NOON), ["vertex", "gemini", "waiting"]);
    assert_eq!(chosen(&mut field, ANY, NOON), ["gemini", "vertex", "waiting"]);
}

#[test]
fn every_domain_comes_before_any_domains_second_account_and_accounts_take_turns() {
    let accounts = [
        of_project("a1", "p", |s| s.last_used = Some(Fence(9))),
        of_project("a2", "p", |s| s.last_used = Some(Fence(3))),
        of_project("b1", "q", |s| s.in_minute = 9),
        of_project("b2", "q", |s| (s.in_minute, s.last_used) = (9, Some(Fence(1)))),
    ];
    assert_eq!(chosen_of(&accounts), ["a2", "b1", "a1", "b2"]);
}

#[test]
fn an_account_that_rests_leaves_its_domain_to_the_others() {
    let rests = Cooling { until: NOON + term::LEASE, reason: CoolingReason::CredentialRejected };
    let accounts = [
        of_project("refused", "p", |s| (s.cooling, s.free_at) = (Some(rests), rests.until)),
        of_project("good", "p", |s| s.last_used = Some(Fence(9))),
    ];
    assert_eq!(chosen_of(&accounts), ["good", "refused"]);
}

#[test]
fn only_enabled_allowed_and_not_excluded_accounts_are_chosen() {
    let with = |id, change: fn(&mut Account)| {
        let (mut account, standing) = standing(id, |_| {});
        change(&mut account);
        (account, standing)
    };
    let accounts = [
        with("disabled", |account| account.enabled = false),
        with("other", |account| account.models = vec!["gemini-3.1-flash-image".into()]),
        with("nothing", |account| account.limits = Limits::new(0, 1, 1, 1)),
        with("listed", |account| account.models = vec![MODEL.into()]),
        with("failed", |_| {}),
    ];
    let owned: Vec<_> = accounts.iter().map(|(account, _)| account.clone()).collect();
    let catalog = Catalog::builtin();
    let mut field =
        Field::new(catalog.find(MODEL).unwrap(), owned.iter(), &Field::default(), Moment::of(NOON), 1);
    let members: Vec<_> = field.members().map(|member| member.candidate.clone()).collect();
    let standings = vec![accounts[0].1; members.len()];
    field.tell(&members, &Survey { now: NOON, standings }, 2);
    let excluded = [AccountId::new("failed").unwrap()];
    assert_eq!(chosen(&mut field, Wish { excluded: &excluded, ..ANY }, NOON), ["listed"]);
    assert!(field.member(&owned[0].id).is_some(), "one that is disabled is not shown");
}

#[test]
fn those_without_room_come_last_by_when_they_will_have_some_and_have_it_when_the_time_has_come() {
    let at = |seconds| NOON + Duration::from_secs(seconds);
    let accounts = [
        standing("later", |s| s.free_at = at(9)),
        standing("soon", |s| s.free_at = at(1)),
        standing("busy", |s| s.in_minute = 9),
    ];
    let mut field = field(&accounts);
    assert_eq!(chosen(&mut field, ANY, NOON), ["busy", "soon", "later"]);
    assert_eq!(field.opens_at(), Some(at(1)));
    assert_eq!(chosen(&mut field, ANY, at(1)), ["soon", "busy", "later"]);
    assert_eq!(field.opens_at(), Some(at(9)));
}

#[test]
fn what_was_granted_counts_before_the_store_tells_of_it() {
    let mut field = field(&[standing("a", |s| s.in_flight = 8), standing("b", |s| s.in_minute = 9)]);
    assert_eq!(chosen(&mut field, ANY, NOON), ["a", "b"]);
    field.charge(&[lease(&field, "a", 1)], Moment::of(NOON));
    assert!(field.has_room(2, Moment::of(NOON)));
    field.charge(&[lease(&field, "a", 2)], Moment::of(NOON));
    assert_eq!(chosen(&mut field, ANY, NOON), ["b", "a"]);
    assert!(!field.has_room(2, Moment::of(NOON)));
}

#[test]
fn a_place_on_probation_has_room_for_one_unless_an_account_of_it_is_not() {
    let doubtful = |s: &mut Standing| s.probation = Some(CoolingReason::Failing);
    let (now, room) = (Moment::of(NOON), |field: &mut Field| field.choose(ANY, Moment::of(NOON), &Even).room);
    let mut tried = field(&[of_project("a", "p", doubtful), of_project("b", "p", doubtful)]);
    assert_eq!(room(&mut tried), 1);
    assert!(tried.has_room(1, now) && !tried.has_room(2, now));
    tried.charge(&[lease(&tried, "a", 1)], now);
    assert!(!tried.has_room(1, now));
    assert_eq!(room(&mut field(&[of_project("a", "p", doubtful), of_project("b", "p", |_| {})])), 10);
}

#[test]
fn waiting_is_no_remedy_where_the_provider_refuses_every_account() {
    let refused = |id, reason| {
        let cooling = Cooling { until: NOON + term::LEASE, reason };
        standing(id, move |s| (s.cooling, s.free_at) = (Some(cooling), cooling.until))
    };
    let [key, access] = [CoolingReason::CredentialRejected, CoolingReason::Forbidden];
    let shut_out = |accounts: &[_], wish| field(accounts).choose(wish, Moment::of(NOON), &Even).shut_out;
    assert!(shut_out(&[refused("a", key), refused("b", access)], ANY));
    let one_rests = [refused("a", key), refused("b", CoolingReason::Throttled)];
    assert!(!shut_out(&one_rests, ANY));
    let excluded = [AccountId::new("b").unwrap()];
    assert!(shut_out(&one_rests, Wish { excluded: &excluded, ..ANY }));
}

#[test]
fn services_that_choose_at_the_same_moment_do_not_all_choose_the_same() {
    let accounts: Vec<_> = (0..1_000).map(|n| standing(&format!("a{n}"), |_| {})).collect();
    let mut field = field(&accounts);
    let mut firsts = std::collections::HashSet::new();
    for _ in 0..100 {
        let choice = field.choose(ANY, Moment::of(NOON), &Dice::new());
        assert_eq!(choice.candidates.len(), MOST_CANDIDATES);
        firsts.insert(choice.candidates[0].account.clone());
    }
    assert!(firsts.len() >= MOST_CANDIDATES, "only {} were ever first", firsts.len());
}
