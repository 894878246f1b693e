//! How a domain fared since its last success.

use domain::Timestamp;

/// What a domain's outcomes were since its last success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Streak {
    /// Throttlings, where those of one burst count once.
    pub(crate) throttles: u32,
    /// When the last of them became known.
    pub(crate) throttled_at: Timestamp,
    /// Failures before the work was done.
    pub(crate) failures: u32,
}

impl Streak {
    /// A call that was leased before the last throttling was known tells nothing new.
    pub(crate) fn throttled(self, granted_at: Timestamp, now: Timestamp) -> Self {
        let news = self.throttles == 0 || granted_at > self.throttled_at;
        let throttles = if news { self.throttles.saturating_add(1) } else { self.throttles };
        let throttled_at = if news { now } else { self.throttled_at };
        Self { throttles, throttled_at, ..self }
    }

    /// With one more failure.
    pub(crate) fn failed(self) -> Self {
        Self { failures: self.failures.saturating_add(1), ..self }
    }

    /// How many outcomes in a row speak against the domain.
    pub(crate) fn setbacks(self) -> u32 {
        self.throttles.saturating_add(self.failures)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_that_is_throttled_together_counts_once() {
        let granted_at = Timestamp::from_millis(1_000);
        let mut streak = Streak::default();
        for later in 0..8 {
            streak = streak.throttled(granted_at, granted_at + Duration::from_millis(later));
        }
        assert_eq!(streak.throttles, 1);
        let next = granted_at + Duration::from_millis(1);
        assert_eq!(streak.throttled(next, next).throttles, 2);
    }
}
