//! Random choices that a seed decides.

use std::time::Duration;

/// A stream of choices, the same whenever its seed is the same: `SplitMix64`.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The stream of one part of a trial, which no other part's choices disturb.
    pub(crate) fn of(seed: u64, part: &str) -> Self {
        let mixed = part.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |state, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(mixed)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        let drawn = (self.next() >> 32) * u64::from(end.max(1));
        u32::try_from(drawn >> 32)
            .expect("a product of two halves of 64 bits has no more than 32 in its upper half")
    }

    /// A number from `first` to `last`.
    pub(crate) fn between(&mut self, first: u32, last: u32) -> u32 {
        first + self.below(last - first + 1)
    }

    /// A time from `shortest` to `longest`, to the millisecond.
    pub(crate) fn pause(&mut self, shortest: Duration, longest: Duration) -> Duration {
        let spread = u32::try_from((longest.saturating_sub(shortest)).as_millis()).unwrap_or(u32::MAX - 1);
        shortest + Duration::from_millis(self.between(0, spread).into())
    }

    /// Whether something happens that happens this often of a hundred times.
    pub(crate) fn hits(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let place = self.below(u32::try_from(choices.len()).unwrap_or(u32::MAX));
        &choices[place as usize]
    }

    /// A seed for somebody else's choices.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
