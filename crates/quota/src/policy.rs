//! Which account to prefer: pure figures of those that may serve, by how they stand.
//!
//! Preference never decides whether a lease is granted; the store does, on counters that may have changed since.

use std::cmp::Ordering;

use domain::{AccountId, Limits, PacificDay, PersonGeneration, Resolution, Tier, Timestamp};

use crate::{chance::Chance, store::Standing};

/// How much better than its time a day may go, at the most, before that stops counting: shortly before midnight
/// any remainder would seem endless.
const EASIEST_PACE: f64 = 2.0;
/// What part of the best score is as good as the best.
const CLOSE: f64 = 0.8;

/// What is wished for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) resolution: Resolution,
    pub(crate) person_generation: PersonGeneration,
    /// Accounts that are not to be tried.
    pub(crate) excluded: &'a [AccountId],
}

/// A moment, and the quota day that it is in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    day: PacificDay,
}

impl Moment {
    /// This moment.
    pub(crate) fn of(now: Timestamp) -> Self {
        Self { now, day: PacificDay::of(now) }
    }
}

/// How good an account is apart from its tier: more is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Merit(f64);

impl Merit {
    /// Headroom, the pace of the day and health together: first come those whose day's quota would be lost.
    pub(crate) fn of(limits: &Limits, standing: &Standing, moment: Moment) -> Self {
        Self(headroom(limits, standing) * day_pace(limits, standing, moment) * health(standing))
    }

    /// How good it is for a picture of this resolution.
    pub(crate) fn score(self, tier: Tier, resolution: Resolution) -> f64 {
        self.0 * tier_fit(tier, resolution)
    }
}

impl Eq for Merit {}

impl PartialOrd for Merit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Merit {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Sorts by score, best first, but lets chance decide among those that are about as good as the best of them: many
/// services that rank the same accounts at the same moment must not all try the same one. The better a score, the
/// likelier it comes first.
pub(crate) fn order<T>(mut scored: Vec<(f64, T)>, chance: &dyn Chance) -> Vec<T> {
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut ordered = Vec::with_capacity(scored.len());
    let mut rest = scored.into_iter().peekable();
    while let Some((best, first)) = rest.next() {
        let mut close = vec![(luck(best, chance), first)];
        while let Some((score, next)) = rest.next_if(|(score, _)| *score >= best * CLOSE) {
            close.push((luck(score, chance), next));
        }
        close.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        ordered.extend(close.into_iter().map(|(_, item)| item));
    }
    ordered
}

/// Sorting by this draws without replacement, each with a probability in proportion to its weight.
fn luck(weight: f64, chance: &dyn Chance) -> f64 {
    chance.draw().ln() / weight.max(f64::MIN_POSITIVE)
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

/// The part left of the day's calls over the part left of the day: above 1 some of them will be lost at midnight,
/// below 1 they are being used up too fast.
fn day_pace(limits: &Limits, standing: &Standing, Moment { now, day }: Moment) -> f64 {
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

    use super::*;
    use crate::chance::{Dice, Even};

    /// Noon Pacific time: half a day is left.
    const NOON: Timestamp = Timestamp::from_millis(1_800_043_200_000);
    const LIMITS: Limits = Limits::new(10, 10, 100, 10);

    fn merit(change: fn(&mut Standing), now: Timestamp) -> Merit {
        let mut standing = Standing::default();
        change(&mut standing);
        Merit::of(&LIMITS, &standing, Moment::of(now))
    }

    #[test]
    fn the_scarcest_limit_counts() {
        let merits = [
            merit(|_| {}, NOON),
            merit(|s| s.in_flight = 2, NOON),
            merit(|s| s.in_minute = 5, NOON),
            merit(|s| s.in_day = 60, NOON),
        ];
        assert!(merits.is_sorted_by(|a, b| a > b), "{merits:?}");
    }

    #[test]
    fn setbacks_make_an_account_less_attractive() {
        let merits = [merit(|_| {}, NOON), merit(|s| s.setbacks = 1, NOON), merit(|s| s.setbacks = 2, NOON)];
        assert!(merits.is_sorted_by(|a, b| a > b), "{merits:?}");
    }

    #[test]
    fn a_costlier_tier_goes_first_where_its_day_would_be_lost_and_the_cheaper_ones_is_nearly_used_up() {
        let evening = NOON + Duration::from_hours(11);
        let free = merit(|s| s.in_day = 80, evening).score(Tier::Free, Resolution::K1);
        let ultra = merit(|_| {}, evening).score(Tier::Ultra, Resolution::K1);
        assert!(ultra > free, "{ultra} {free}");
        let both_untouched = merit(|_| {}, NOON);
        assert!(
            both_untouched.score(Tier::Free, Resolution::K1)
                > both_untouched.score(Tier::Ultra, Resolution::K1)
        );
    }

    #[test]
    fn chance_decides_among_those_as_good_as_the_best_and_no_others() {
        let scored = || vec![(1.0, "a"), (0.4, "d"), (0.9, "b"), (0.85, "c"), (0.1, "e")];
        assert_eq!(order(scored(), &Even), ["a", "b", "c", "d", "e"]);
        let dice = Dice::new();
        let mut firsts = [0; 3];
        for _ in 0..3_000 {
            let ordered = order(scored(), &dice);
            assert_eq!(ordered[3..], ["d", "e"]);
            firsts[["a", "b", "c"].iter().position(|name| *name == ordered[0]).unwrap()] += 1;
        }
        assert!(firsts.iter().all(|times| *times > 800), "{firsts:?}");
    }
}
