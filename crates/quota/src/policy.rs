//! Which account to prefer: a pure ranking of those that may serve, by how they stand.
//!
//! Ranking never decides whether a lease is granted; the store does, on counters that may have changed since.

use std::{cmp::Ordering, collections::HashSet};

use domain::{Enforcement, Limits, PacificDay, PersonGeneration, Resolution, Tier, Timestamp};

use crate::store::{Candidate, MOST_CANDIDATES, Standing};

/// How much better than its time a day may go, at the most, before that stops counting: shortly before midnight
/// any remainder would seem endless.
const EASIEST_PACE: f64 = 2.0;

/// An account that may serve, and how it stands.
#[derive(Debug, Clone)]
pub(crate) struct Contender {
    pub(crate) candidate: Candidate,
    pub(crate) tier: Tier,
    pub(crate) standing: Standing,
}

/// What is wished for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) resolution: Resolution,
    pub(crate) person_generation: PersonGeneration,
}

/// The candidates to try, best first: those with room before those without, and where people are denied, those
/// whose provider can be told so before those that can only be asked; each domain's best account before any
/// domain's second. Equals take turns, the one that was used longest ago first. Those without room come by when
/// they will have some, so that a refusal can say when to ask again.
pub(crate) fn rank(mut contenders: Vec<Contender>, wish: Wish, now: Timestamp) -> Vec<Candidate> {
    contenders.sort_by(|a, b| preference(a, b, wish, now));
    let mut domains = HashSet::new();
    let (mut best, mut alternates) = (Vec::new(), Vec::new());
    for Contender { candidate, .. } in contenders {
        let seen = !domains.insert(candidate.domain.clone());
        if seen { alternates.push(candidate) } else { best.push(candidate) }
    }
    best.append(&mut alternates);
    best.truncate(MOST_CANDIDATES);
    best
}

fn preference(a: &Contender, b: &Contender, wish: Wish, now: Timestamp) -> Ordering {
    let waits = |contender: &Contender| contender.standing.free_at.max(now);
    let score = |contender: &Contender| score(contender, wish.resolution, now);
    waits(a)
        .cmp(&waits(b))
        .then_with(|| enforcement(b, wish).cmp(&enforcement(a, wish)))
        .then_with(|| score(b).total_cmp(&score(a)))
        .then_with(|| a.standing.last_used.cmp(&b.standing.last_used))
        .then_with(|| a.candidate.account.cmp(&b.candidate.account))
}

/// How people are kept out of the picture, where that is wished for.
fn enforcement(contender: &Contender, wish: Wish) -> Option<Enforcement> {
    let denies = wish.person_generation == PersonGeneration::Deny;
    denies.then_some(Enforcement::of(contender.candidate.domain.provider))
}

fn score(contender: &Contender, resolution: Resolution, now: Timestamp) -> f64 {
    let Contender { candidate: Candidate { limits, .. }, tier, standing } = contender;
    headroom(limits, standing)
        * day_pace(limits, standing, now)
        * tier_fit(*tier, resolution)
        * health(standing)
}

/// The part that is left of the scarcest limit.
fn headroom(limits: &Limits, standing: &Standing) -> f64 {
    [
        left(limits.requests_per_minute, standing.in_minute),
        left(limits.images_per_minute, standing.in_minute),
        left(limits.requests_per_day, standing.in_day),
        left(limits.concurrent, standing.in_flight),
    ]
    .into_iter()
    .fold(1.0, f64::min)
}

/// The part left of the day's calls over the part left of the day: below 1 it is being used up too fast.
fn day_pace(limits: &Limits, standing: &Standing, now: Timestamp) -> f64 {
    let day = PacificDay::of(now);
    let time_left = day.end.since(now).as_secs_f64() / day.end.since(day.start).as_secs_f64();
    (left(limits.requests_per_day, standing.in_day) / time_left.max(f64::EPSILON)).min(EASIEST_PACE)
}

/// The cheapest tier that does well serves; the costly one is kept for the largest pictures.
const fn tier_fit(tier: Tier, resolution: Resolution) -> f64 {
    match (resolution, tier) {
        (Resolution::K4, Tier::Pro) => 0.5,
        (Resolution::K4, Tier::Free) => 0.25,
        (Resolution::K4, Tier::Ultra) | (_, Tier::Free) => 1.0,
        (_, Tier::Pro) => 0.8,
        (_, Tier::Ultra) => 0.4,
    }
}

/// Every setback since the last success makes an account half, a third, a quarter as attractive.
fn health(standing: &Standing) -> f64 {
    1.0 / (1.0 + f64::from(standing.setbacks))
}

fn left(limit: u32, used: u32) -> f64 {
    f64::from(limit.saturating_sub(used)) / f64::from(limit.max(1))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::{AccountId, Fence, ProjectId, Provider, QuotaDomain};

    use super::*;

    /// Noon Pacific time: half a day is left.
    const NOON: Timestamp = Timestamp::from_millis(1_800_043_200_000);

    fn contender(account: &str, project: &str) -> Contender {
        let domain = QuotaDomain {
            provider: Provider::Gemini,
            project: ProjectId::new(project).unwrap(),
            model: "m".into(),
        };
        let limits = Limits::new(10, 10, 100, 10);
        let candidate = Candidate { account: AccountId::new(account).unwrap(), domain, limits };
        Contender { candidate, tier: Tier::Pro, standing: Standing { free_at: NOON, ..Standing::default() } }
    }

    fn standing(account: &str, project: &str, change: fn(&mut Standing)) -> Contender {
        let mut contender = contender(account, project);
        change(&mut contender.standing);
        contender
    }

    fn ranked(contenders: &[Contender], resolution: Resolution) -> Vec<String> {
        let wish = Wish { resolution, person_generation: PersonGeneration::Allow };
        named(rank(contenders.to_vec(), wish, NOON))
    }

    fn named(ranked: Vec<Candidate>) -> Vec<String> {
        ranked.into_iter().map(|candidate| candidate.account.to_string()).collect()
    }

    #[test]
    fn the_scarcest_limit_counts() {
        let contenders = [
            standing("minute", "p1", |s| s.in_minute = 5),
            standing("day", "p2", |s| s.in_day = 60),
            standing("flight", "p3", |s| s.in_flight = 2),
            contender("idle", "p4"),
        ];
        assert_eq!(ranked(&contenders, Resolution::K1), ["idle", "flight", "minute", "day"]);
    }

    #[test]
    fn the_cheapest_tier_serves_and_ultra_is_kept_for_4k() {
        let of = |account, project, tier| Contender { tier, ..contender(account, project) };
        let contenders =
            [of("ultra", "p1", Tier::Ultra), of("pro", "p2", Tier::Pro), of("free", "p3", Tier::Free)];
        for resolution in [Resolution::P512, Resolution::K1, Resolution::K2] {
            assert_eq!(ranked(&contenders, resolution), ["free", "pro", "ultra"]);
        }
        assert_eq!(ranked(&contenders, Resolution::K4), ["ultra", "pro", "free"]);
    }

    #[test]
    fn setbacks_make_an_account_less_attractive() {
        let contenders = [
            standing("twice", "p1", |s| s.setbacks = 2),
            standing("once", "p2", |s| s.setbacks = 1),
            contender("well", "p3"),
        ];
        assert_eq!(ranked(&contenders, Resolution::K1), ["well", "once", "twice"]);
    }

    #[test]
    fn where_people_are_denied_accounts_that_can_be_told_so_come_first_if_they_have_room() {
        let vertex = |account, project, free_at| {
            let mut contender = contender(account, project);
            contender.candidate.domain.provider = Provider::Vertex;
            contender.standing = Standing { in_minute: 9, free_at, ..contender.standing };
            contender
        };
        let contenders = [
            contender("gemini", "p1"),
            vertex("vertex", "p2", NOON),
            vertex("waiting", "p3", NOON + Duration::from_secs(1)),
        ];
        let wish = Wish { resolution: Resolution::K1, person_generation: PersonGeneration::Deny };
        assert_eq!(named(rank(contenders.to_vec(), wish, NOON)), ["vertex", "gemini", "waiting"]);
        assert_eq!(ranked(&contenders, Resolution::K1), ["gemini", "vertex", "waiting"]);
    }

    #[test]
    fn equals_take_turns() {
        let contenders = [
            standing("latest", "p1", |s| s.last_used = Some(Fence(9))),
            standing("earlier", "p2", |s| s.last_used = Some(Fence(3))),
            contender("never", "p3"),
            contender("also-never", "p4"),
        ];
        assert_eq!(ranked(&contenders, Resolution::K1), ["also-never", "never", "earlier", "latest"]);
    }

    #[test]
    fn every_domain_comes_before_any_domains_second_account() {
        let contenders = [
            contender("a1", "p1"),
            contender("a2", "p1"),
            standing("b1", "p2", |s| s.in_minute = 9),
            standing("b2", "p2", |s| s.in_minute = 9),
        ];
        assert_eq!(ranked(&contenders, Resolution::K1), ["a1", "b1", "a2", "b2"]);
    }

    #[test]
    fn those_without_room_come_last_by_when_they_will_have_some() {
        let contenders = [
            standing("later", "p1", |s| s.free_at = NOON + Duration::from_secs(9)),
            standing("soon", "p2", |s| s.free_at = NOON + Duration::from_secs(1)),
            standing("busy", "p3", |s| s.in_minute = 9),
        ];
        assert_eq!(ranked(&contenders, Resolution::K1), ["busy", "soon", "later"]);
    }

    #[test]
    fn no_more_are_tried_than_a_store_looks_at() {
        let contenders: Vec<_> =
            (0..20).map(|n| contender(&format!("a{n}"), &format!("p{}", n / 2))).collect();
        assert_eq!(ranked(&contenders, Resolution::K1).len(), MOST_CANDIDATES);
    }
}
