//! How long things took, counted in classes: little to keep however many there were, and every quantile within five
//! parts in a hundred.

use std::{collections::BTreeMap, time::Duration};

/// Classes to each doubling.
const FINENESS: f64 = 8.0;
/// The last class: what took longer than 17 minutes.
const LAST: u8 = 160;

/// Durations, counted. At most 161 classes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Latencies(BTreeMap<u8, u32>);

impl Latencies {
    /// Counts one more.
    pub(super) fn note(&mut self, took: Duration) {
        *self.0.entry(class(took)).or_default() += 1;
    }

    /// Counts those of another.
    pub(super) fn add(&mut self, other: &Self) {
        for (class, count) in &other.0 {
            *self.0.entry(*class).or_default() += count;
        }
    }

    /// What so many of a hundred did not exceed, in milliseconds; none where nothing was counted.
    pub(super) fn percentile(&self, percent: u64) -> Option<u32> {
        let count: u64 = self.0.values().map(|count| u64::from(*count)).sum();
        let rank = (count * percent).div_ceil(100).max(1);
        let mut below = 0;
        let class = self.0.iter().find(|(_, count)| {
            below += u64::from(**count);
            below >= rank
        });
        class.map(|(class, _)| middle(*class))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "is between 0 and 160")]
fn class(took: Duration) -> u8 {
    let millis = (took.as_secs_f64() * 1_000.0).max(1.0);
    (millis.log2() * FINENESS).min(f64::from(LAST)) as u8
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "is below 1,100,000")]
fn middle(class: u8) -> u32 {
    ((f64::from(class) + 0.5) / FINENESS).exp2().round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_five_parts_in_a_hundred() {
        let mut latencies = Latencies::default();
        (1..=1_000).for_each(|tens| latencies.note(Duration::from_millis(tens * 10)));
        for (percent, exactly) in [(50, 5_000.0), (90, 9_000.0), (99, 9_900.0)] {
            let found = f64::from(latencies.percentile(percent).unwrap());
            assert!((found / exactly - 1.0_f64).abs() < 0.05, "{percent}: {found}");
        }
        assert_eq!(Latencies::default().percentile(50), None);
    }

    #[test]
    fn what_takes_no_time_and_what_takes_for_ever_is_counted() {
        let mut latencies = Latencies::default();
        latencies.note(Duration::ZERO);
        latencies.note(Duration::from_hours(9));
        assert_eq!((latencies.percentile(1), latencies.percentile(99)), (Some(1), Some(1_095_000)));
    }
}
