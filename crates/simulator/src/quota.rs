//! The simulator's own enforcement of limits, per provider, project and model as at Google.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::{PacificDay, Provider, Timestamp};
use serde::Deserialize;

/// What a project may do with one model; absent means without limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) requests_per_minute: Option<u32>,
    pub(crate) images_per_minute: Option<u32>,
    pub(crate) requests_per_day: Option<u32>,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dimension {
    RequestsPerMinute,
    ImagesPerMinute,
    RequestsPerDay,
}

/// A limit that a call would overstep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overstep {
    pub(crate) dimension: Dimension,
    pub(crate) limit: u32,
    /// How long until one more call fits.
    pub(crate) wait: Duration,
}

/// Every window of every provider, project and model.
#[derive(Debug, Default)]
pub(crate) struct Windows(Mutex<HashMap<(Provider, String, &'static str), Window>>);

/// Every call asks for one picture, so that calls and pictures are counted together.
#[derive(Debug)]
struct Window {
    /// Calls of the last 60 seconds, oldest first.
    recent: VecDeque<Timestamp>,
    day: PacificDay,
    calls_today: u32,
}

/// Requests and pictures are counted over this long.
const MINUTE: Duration = Duration::from_mins(1);

impl Windows {
    /// Counts one call now, or says which limits forbid it and counts nothing.
    pub(crate) fn admit(
        &self,
        (provider, project, model): (Provider, &str, &'static str),
        limits: Limits,
        now: Timestamp,
    ) -> Result<(), Vec<Overstep>> {
        if limits == Limits::default() {
            return Ok(());
        }
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry((provider, project.to_owned(), model)).or_insert_with(|| Window::new(now));
        window.move_to(now);
        let oversteps = window.oversteps(limits, now);
        if oversteps.is_empty() {
            window.recent.push_back(now);
            window.calls_today += 1;
            Ok(())
        } else {
            Err(oversteps)
        }
    }
}

impl Window {
    fn new(now: Timestamp) -> Self {
        Self { recent: VecDeque::new(), day: PacificDay::of(now), calls_today: 0 }
    }

    fn move_to(&mut self, now: Timestamp) {
        while self.recent.front().is_some_and(|oldest| now.since(*oldest) >= MINUTE) {
            self.recent.pop_front();
        }
        if !self.day.contains(now) {
            self.day = PacificDay::of(now);
            self.calls_today = 0;
        }
    }

    fn oversteps(&self, limits: Limits, now: Timestamp) -> Vec<Overstep> {
        let minute = |dimension, limit: Option<u32>| {
            let limit = limit?;
            Some(Overstep { dimension, limit, wait: self.wait_for_minute(limit, now)? })
        };
        let day = limits.requests_per_day.filter(|limit| self.calls_today >= *limit).map(|limit| Overstep {
            dimension: Dimension::RequestsPerDay,
            limit,
            wait: self.day.end.since(now),
        });
        let per_minute = minute(Dimension::RequestsPerMinute, limits.requests_per_minute);
        let images = minute(Dimension::ImagesPerMinute, limits.images_per_minute);
        [per_minute, images, day].into_iter().flatten().collect()
    }

    /// How long until fewer than `limit` calls are in the window; none when that is so now.
    fn wait_for_minute(&self, limit: u32, now: Timestamp) -> Option<Duration> {
        let leaving = self.recent.len().checked_sub(usize::try_from(limit).unwrap_or(usize::MAX))?;
        let free = self.recent.get(leaving).map_or(MINUTE, |call| (*call + MINUTE).since(now));
        Some(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noon on a winter's day in California.
    const NOON: Timestamp = Timestamp::from_millis(1_768_507_200_000);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn per_minute(limit: u32) -> Limits {
        Limits { requests_per_minute: Some(limit), ..Limits::default() }
    }

    #[test]
    fn a_call_fits_again_exactly_sixty_seconds_after_the_one_it_replaces() {
        let windows = Windows::default();
        let admit = |after: u64| {
            windows.admit((Provider::Gemini, "p", "m"), per_minute(2), NOON + Duration::from_millis(after))
        };
        assert_eq!(admit(0), Ok(()));
        assert_eq!(admit(20_000), Ok(()));
        assert_eq!(admit(30_000).unwrap_err()[0].wait, seconds(30));
        assert_eq!(admit(59_999).unwrap_err()[0].wait, Duration::from_millis(1));
        assert_eq!(admit(60_000), Ok(()));
        assert_eq!(admit(60_000).unwrap_err()[0].wait, seconds(20));
    }

    #[test]
    fn providers_projects_and_models_are_counted_apart() {
        let windows = Windows::default();
        let (gemini, vertex) = (Provider::Gemini, Provider::Vertex);
        for place in [(gemini, "p", "m"), (gemini, "q", "m"), (gemini, "p", "n"), (vertex, "p", "m")] {
            assert_eq!(windows.admit(place, per_minute(1), NOON), Ok(()));
            assert!(windows.admit(place, per_minute(1), NOON).is_err());
        }
    }

    #[test]
    fn a_day_ends_at_midnight_pacific_and_every_overstepped_limit_is_told() {
        let windows = Windows::default();
        let limits =
            Limits { requests_per_minute: Some(1), images_per_minute: Some(1), requests_per_day: Some(1) };
        let admit = |now| windows.admit((Provider::Gemini, "p", "m"), limits, now);
        assert_eq!(admit(NOON), Ok(()));
        let told: Vec<_> = admit(NOON).unwrap_err().iter().map(|overstep| overstep.dimension).collect();
        assert_eq!(
            told,
            [Dimension::RequestsPerMinute, Dimension::ImagesPerMinute, Dimension::RequestsPerDay]
        );
        let evening = admit(NOON + seconds(11 * 3600)).unwrap_err();
        assert_eq!((evening.len(), evening[0].wait), (1, seconds(3600)));
        assert_eq!(admit(NOON + seconds(12 * 3600)), Ok(()));
    }

    #[test]
    fn a_limit_of_zero_never_admits() {
        assert_eq!(
            Windows::default().admit((Provider::Gemini, "p", "m"), per_minute(0), NOON).unwrap_err()[0].wait,
            MINUTE
        );
    }
}
