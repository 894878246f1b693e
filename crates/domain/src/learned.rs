//! Limits as a provider told them when it refused.

use std::time::Duration;

use crate::{
    Limits, Timestamp,
    lease::{Quota, Revealed},
};

/// A limit that a provider told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LearnedLimit {
    /// How much it is.
    pub limit: u32,
    /// When the provider told it last.
    pub since: Timestamp,
}

/// What a provider told of one project's limits for one model: of each quota the last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Learned([Option<LearnedLimit>; Quota::ALL.len()]);

impl Learned {
    /// How long a limit is believed after the provider told it last: operators raise quotas.
    pub const BELIEVED: Duration = Duration::from_hours(24);

    /// Nothing.
    pub const NOTHING: Self = Self([None; Quota::ALL.len()]);

    /// The limit of this quota, if the provider told it.
    pub const fn get(&self, quota: Quota) -> Option<LearnedLimit> {
        self.0[quota as usize]
    }

    /// With what the provider tells at this moment.
    #[must_use]
    pub const fn told(mut self, Revealed { quota, limit }: Revealed, now: Timestamp) -> Self {
        self.0[quota as usize] = Some(LearnedLimit { limit, since: now });
        self
    }

    /// What is still believed at this moment.
    #[must_use]
    pub fn believed(self, now: Timestamp) -> Self {
        Self(self.0.map(|told| told.filter(|told| now < told.since + Self::BELIEVED)))
    }
}

impl Limits {
    /// These limits, or what was learned where that is less.
    #[must_use]
    pub fn narrowed_by(self, learned: &Learned) -> Self {
        let least = |limit: u32, quota| learned.get(quota).map_or(limit, |told| limit.min(told.limit));
        Self {
            requests_per_minute: least(self.requests_per_minute, Quota::RequestsPerMinute),
            images_per_minute: least(self.images_per_minute, Quota::ImagesPerMinute),
            requests_per_day: least(self.requests_per_day, Quota::RequestsPerDay),
            concurrent: self.concurrent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learned_narrows_what_is_configured_and_never_widens_it() {
        let told = |quota, limit| Learned::NOTHING.told(Revealed { quota, limit }, Timestamp::default());
        let limits = Limits::new(20, 20, 250, 8);
        assert_eq!(limits.narrowed_by(&told(Quota::RequestsPerMinute, 5)), Limits::new(5, 20, 250, 8));
        assert_eq!(limits.narrowed_by(&told(Quota::ImagesPerMinute, 6)), Limits::new(20, 6, 250, 8));
        assert_eq!(limits.narrowed_by(&told(Quota::RequestsPerDay, 7)), Limits::new(20, 20, 7, 8));
        assert_eq!(limits.narrowed_by(&told(Quota::RequestsPerDay, 1_000)), limits);
    }

    #[test]
    fn a_limit_is_believed_for_a_day_after_it_was_told_last() {
        let revealed = Revealed { quota: Quota::RequestsPerDay, limit: 7 };
        let noon = Timestamp::from_millis(1_800_043_200_000);
        let learned = Learned::NOTHING.told(revealed, noon).told(revealed, noon + Duration::from_mins(1));
        let ends = noon + Duration::from_mins(1) + Learned::BELIEVED;
        assert_eq!(learned.believed(ends - Duration::from_millis(1)), learned);
        assert_eq!(learned.believed(ends), Learned::NOTHING);
    }
}
