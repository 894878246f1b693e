//! Time, always handed in.

use std::{
    fmt,
    ops::{Add, Sub},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use jiff::{ToSpan, Zoned, tz::TimeZone};

/// Google's quota days begin and end at midnight here, daylight saving included.
static PACIFIC: TimeZone = jiff::tz::get!("America/Los_Angeles");

/// A moment, in whole milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment this many milliseconds after the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// How long from `earlier` to this moment; nothing when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, to the second.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.as_secs()).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_second(seconds) {
            Ok(moment) => moment.fmt(f),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

/// Where the present moment comes from.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::default() + elapsed
    }
}

/// A clock that moves only when told to, for tests.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock that stands at `start`.
    pub const fn at(start: Timestamp) -> Self {
        Self(AtomicU64::new(start.0))
    }

    /// Moves on by `duration`.
    pub fn advance(&self, duration: Duration) {
        self.set(self.now() + duration);
    }

    /// Jumps to `moment`, forwards or backwards.
    pub fn set(&self, moment: Timestamp) {
        self.0.store(moment.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// One of the provider's quota days: from one midnight Pacific time to the next, so 23 to 25 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PacificDay {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment of the next day.
    pub end: Timestamp,
}

impl PacificDay {
    /// The day that `moment` is in.
    pub fn of(moment: Timestamp) -> Self {
        let instant = jiff::Timestamp::from_millisecond(i64::try_from(moment.0).unwrap_or(i64::MAX))
            .unwrap_or(jiff::Timestamp::MAX);
        let local = instant.to_zoned(PACIFIC.clone());
        let midnight = |day: Result<Zoned, jiff::Error>| {
            let millis = day.map_or(instant.as_millisecond(), |day| day.timestamp().as_millisecond());
            Timestamp(u64::try_from(millis).unwrap_or_default())
        };
        let start = local.start_of_day();
        let end = start.as_ref().map_err(Clone::clone).and_then(|day| day.checked_add(1.day()));
        Self { start: midnight(start), end: midnight(end) }
    }

    /// Whether `moment` is in this day.
    pub fn contains(self, moment: Timestamp) -> bool {
        self.start <= moment && moment < self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let moment: jiff::Timestamp = text.parse().unwrap();
        Timestamp(u64::try_from(moment.as_millisecond()).unwrap())
    }

    fn hours(day: PacificDay) -> u64 {
        day.end.since(day.start).as_secs() / 3600
    }

    #[test]
    fn a_quota_day_ends_at_midnight_pacific() {
        let winter = PacificDay::of(at("2026-01-15T12:00:00Z"));
        assert_eq!(winter.start, at("2026-01-15T08:00:00Z"));
        assert_eq!(winter.end, at("2026-01-16T08:00:00Z"));
        let summer = PacificDay::of(at("2026-07-15T06:59:59Z"));
        assert_eq!(summer.end, at("2026-07-15T07:00:00Z"));
    }

    #[test]
    fn days_on_which_daylight_saving_changes_are_23_and_25_hours_long() {
        assert_eq!(hours(PacificDay::of(at("2026-03-08T20:00:00Z"))), 23);
        assert_eq!(hours(PacificDay::of(at("2026-11-01T20:00:00Z"))), 25);
        assert_eq!(hours(PacificDay::of(at("2026-11-02T20:00:00Z"))), 24);
    }

    #[test]
    fn days_follow_one_another_without_gap_through_a_whole_year() {
        let mut day = PacificDay::of(at("2026-01-01T12:00:00Z"));
        for _ in 0..366 {
            assert!(day.contains(day.start) && !day.contains(day.end));
            let next = PacificDay::of(day.end);
            assert_eq!(next.start, day.end);
            day = next;
        }
    }

    #[test]
    fn moments_print_as_rfc_3339() {
        assert_eq!(at("2026-11-22T14:00:05Z").to_string(), "2026-11-22T14:00:05Z");
    }
}
