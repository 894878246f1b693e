//! Numbers that look random and are the same every time.

/// A stream of numbers fixed by its seed: `SplitMix64`.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The stream of this seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream of these texts taken together, in this order.
    pub(crate) fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut state = 0xcbf2_9ce4_8422_2325_u64;
        for part in parts {
            // FNV-1a, with a separator that no byte equals.
            for symbol in part.iter().map(|byte| u64::from(*byte)).chain([0x100]) {
                state = (state ^ symbol).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
        Self(state)
    }

    /// The next number.
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next number, from 0 to 1 without 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        let bits = u32::try_from(self.next() >> 32).expect("the upper half of 64 bits is 32 bits");
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }

    /// Fills `bytes` with noise that no compressor shortens.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let noise = self.next().to_le_bytes();
            chunk.copy_from_slice(&noise[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_seed_others() {
        let numbers = |parts: &[&[u8]]| {
            let mut chance = Chance::of(parts.iter().copied());
            [chance.next(), chance.next()]
        };
        assert_eq!(numbers(&[b"ab", b"c"]), numbers(&[b"ab", b"c"]));
        assert_ne!(numbers(&[b"ab", b"c"]), numbers(&[b"a", b"bc"]));
    }
}
