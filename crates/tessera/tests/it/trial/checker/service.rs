//! Whether service returns: the ledger does not go on refusing for longer than it has to.

use std::time::Duration;

use domain::{Timestamp, lease::term};

use super::{Findings, Rule};
use crate::trial::record::{Asker, Exchange, Question, Record, Told};

/// The longest that the ledger may answer no wish: when it is lost, until all that it granted has left the windows, and
/// before and after for as long as a fault lasts and what it cut is joined again.
const AWAY: Duration = term::WINDOW.saturating_add(Duration::from_secs(17));

/// For how long nobody may have asked in a time in which nobody was answered: else nobody knows what it was like.
const QUIET: Duration = Duration::from_secs(10);

/// Looks for a time in which wishes were made again and again, and none was answered, not even for want of quota.
pub(super) fn check(record: &Record, found: &mut Findings) {
    let mut wishes: Vec<_> = record.exchanges.iter().filter_map(Wish::of).collect();
    wishes.sort_by_key(|wish| wish.at);
    let (mut away, mut longest): (Option<(Timestamp, Timestamp)>, _) = (None, Duration::ZERO);
    for Wish { at, is_answered } in wishes {
        let goes_on = away.filter(|(_, last)| at.since(*last) <= QUIET);
        let since = goes_on.map_or(at, |(since, _)| since);
        longest = longest.max(at.since(since));
        away = (!is_answered).then_some((since, at));
    }
    if longest > AWAY {
        found.note(Rule::Returns, format!("for {} s no wish was answered", longest.as_secs()));
    }
}

/// A wish for leases.
struct Wish {
    /// When it was answered, or asked if it was not.
    at: Timestamp,
    is_answered: bool,
}

impl Wish {
    fn of(exchange: &Exchange) -> Option<Self> {
        if exchange.by != Asker::Worker || !matches!(exchange.question, Question::Acquire(_)) {
            return None;
        }
        Some(match &exchange.answer {
            Some((answered, Told::Acquired(_))) => Self { at: answered.at, is_answered: true },
            _ => Self { at: exchange.asked.at, is_answered: false },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use super::*;

    /// A wish that nobody answers.
    fn unanswered(scene: &mut Scene, picture: u32) {
        scene.grant("r", picture, 0);
        scene.record.exchanges.last_mut().unwrap().answer = None;
    }

    #[test]
    fn a_ledger_that_stays_away_for_longer_than_it_has_to_is_found() {
        let away = u64::try_from(AWAY.as_millis()).unwrap();
        let mut scene = Scene::default();
        for (picture, moment) in (0..).zip((0..=away).step_by(5_000)) {
            unanswered(scene.at(moment), picture);
        }
        unanswered(scene.at(away), 100);
        assert_eq!(scene.breaks(check), []);
        unanswered(scene.at(away + 1), 101);
        assert_eq!(scene.breaks(check), [Rule::Returns]);
        scene.at(away / 2).grant("r", 102, 0);
        assert_eq!(scene.breaks(check), []);
    }

    #[test]
    fn where_nobody_asks_nobody_is_kept_waiting() {
        let mut scene = Scene::default();
        scene.grant("r", 0, 0);
        scene.at(10_000_000).grant("r", 1, 0);
        unanswered(&mut scene, 2);
        unanswered(scene.at(20_000_000), 3);
        scene.at(30_000_000).grant("r", 4, 0);
        assert_eq!(scene.breaks(check), []);
    }
}
