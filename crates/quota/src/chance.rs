//! Randomness, always handed in.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

/// Where chance comes from.
pub(crate) trait Chance: Send + Sync {
    /// The next number, more than 0 and less than 1.
    fn draw(&self) -> f64;
}

/// Numbers that nobody foresees: `SplitMix64` from a seed that differs with every process.
pub(crate) struct Dice(AtomicU64);

impl Dice {
    /// Dice of their own seed.
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(RandomState::new().hash_one(std::process::id())))
    }
}

impl Chance for Dice {
    fn draw(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let state = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bits =
            u32::try_from((mixed ^ (mixed >> 31)) >> 32).expect("the upper half of 64 bits is 32 bits");
        (f64::from(bits) + 0.5) / (f64::from(u32::MAX) + 1.0)
    }
}

/// Chance that favours nobody, so that tests see the order that was reckoned.
#[cfg(test)]
pub(crate) struct Even;

#[cfg(test)]
impl Chance for Even {
    fn draw(&self) -> f64 {
        0.5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fill_the_span_from_0_to_1_and_differ_from_process_to_process() {
        let (dice, others) = (Dice::new(), Dice::new());
        let numbers: Vec<_> = (0..1_000).map(|_| dice.draw()).collect();
        assert!(numbers.iter().all(|number| 0.0 < *number && *number < 1.0));
        let mean = numbers.iter().sum::<f64>() / 1_000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
        assert!(numbers.iter().any(|number| (number - others.draw()).abs() > 0.01));
    }
}
