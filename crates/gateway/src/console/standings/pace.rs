//! How fast a day's quota is being used.

use std::{collections::VecDeque, time::Duration};

use domain::{PacificDay, Timestamp};

/// What counts as the present.
const RECENT: Duration = Duration::from_hours(1);
/// The pause between two notes of the same count.
const STEP: Duration = Duration::from_mins(2);
/// The shortest time that says anything.
const TELLING: Duration = Duration::from_mins(5);

/// Notes of how much of a day's quota was used, over the last hour.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace(VecDeque<(Timestamp, u32)>);

impl Pace {
    /// Notes that so much is used now.
    pub(crate) fn note(&mut self, used: u32, now: Timestamp) {
        if self.0.back().is_some_and(|(_, before)| used < *before) {
            self.0.clear(); // another day
        }
        if self.0.back().is_none_or(|(then, _)| now.since(*then) >= STEP) {
            self.0.push_back((now, used));
        }
        while self.0.len() > 1 && now.since(self.0[1].0) >= RECENT {
            self.0.pop_front();
        }
    }

    /// Requests an hour: of the last hour, or of the part of it that was seen, or of the day where that says too little.
    pub(crate) fn per_hour(&self, used: u32, now: Timestamp) -> u32 {
        let (then, before) = match self.0.front() {
            Some((then, before)) if now.since(*then) >= TELLING => (*then, *before),
            _ => (PacificDay::of(now).start, 0),
        };
        let hours = now.since(then).max(TELLING).as_secs_f64() / 3_600.0;
        let pace = f64::from(used.saturating_sub(before)) / hours;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "is neither negative nor large"
        )]
        let pace = pace.round() as u32;
        pace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noon in California, so twelve hours after the day began.
    const NOON: Timestamp = Timestamp::from_millis(1_800_043_200_000);

    #[test]
    fn the_pace_is_that_of_the_last_hour_and_before_anything_was_seen_that_of_the_day() {
        let (mut pace, mut now, mut used) = (Pace::default(), NOON, 120);
        pace.note(used, now);
        assert_eq!(pace.per_hour(used, now), 10, "120 in 12 hours");
        for _ in 0..90 {
            (now, used) = (now + Duration::from_mins(1), used + 1);
            pace.note(used, now);
        }
        assert_eq!(pace.per_hour(used, now), 60);
        for _ in 0..60 {
            now = now + Duration::from_mins(1);
            pace.note(used, now);
        }
        assert_eq!(pace.per_hour(used, now), 0, "nothing was used for an hour");
        assert!(pace.0.len() < 40);
    }

    #[test]
    fn a_new_day_begins_anew() {
        let mut pace = Pace::default();
        pace.note(200, NOON);
        let morning = PacificDay::of(NOON).end + Duration::from_mins(30);
        pace.note(3, morning);
        assert_eq!(pace.per_hour(3, morning), 6);
    }
}
