//! The shapes a picture can have.

use std::{fmt, str::FromStr};

use crate::PixelSize;

/// A shape that at least one of Google's image models can draw, such as `16:9`.
///
/// Only the fourteen ratios of [`AspectRatio::ALL`] exist; which of them a model has is in its
/// [`Model`](crate::Model).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AspectRatio {
    width: u8,
    height: u8,
}

impl AspectRatio {
    /// `1:1`, the shape of a picture for which nobody asked otherwise.
    pub const SQUARE: Self = Self::new(1, 1);

    /// The ten ratios that every model has.
    pub const COMMON: [Self; 10] = [
        Self::SQUARE,
        Self::new(2, 3),
        Self::new(3, 2),
        Self::new(3, 4),
        Self::new(4, 3),
        Self::new(4, 5),
        Self::new(5, 4),
        Self::new(9, 16),
        Self::new(16, 9),
        Self::new(21, 9),
    ];

    /// The four ratios that only some models have.
    pub const EXTREME: [Self; 4] = [Self::new(1, 4), Self::new(4, 1), Self::new(1, 8), Self::new(8, 1)];

    /// Every ratio there is: the common ones, then the extreme ones.
    pub const ALL: [Self; 14] = {
        let mut all = [Self::SQUARE; 14];
        let mut i = 0;
        while i < all.len() {
            all[i] = if i < 10 { Self::COMMON[i] } else { Self::EXTREME[i - 10] };
            i += 1;
        }
        all
    };

    const fn new(width: u8, height: u8) -> Self {
        Self { width, height }
    }

    /// The ratio with these terms, where it is one of the fourteen.
    pub fn from_terms(width: u8, height: u8) -> Option<Self> {
        let asked = Self { width, height };
        Self::ALL.contains(&asked).then_some(asked)
    }

    /// Width and height in the ratio's lowest usual terms: `(21, 9)` for 21:9.
    pub const fn terms(self) -> (u8, u8) {
        (self.width, self.height)
    }

    /// The member of `among` nearest to the shape of `pixels`, by |ln(w/h) − ln(ratio)|; the earlier one of
    /// two that are equally near. None only when `among` is empty.
    pub fn nearest(pixels: PixelSize, among: &[Self]) -> Option<Self> {
        let target = (f64::from(pixels.width()) / f64::from(pixels.height())).ln();
        let distance = |ratio: &Self| (ratio.logarithm() - target).abs();
        among.iter().copied().min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }

    fn logarithm(self) -> f64 {
        (f64::from(self.width) / f64::from(self.height)).ln()
    }
}

impl fmt::Display for AspectRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.width, self.height)
    }
}

impl fmt::Debug for AspectRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text names no aspect ratio that exists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a supported aspect ratio; known are {known}", known = list(&AspectRatio::ALL))]
pub struct UnknownAspectRatio(String);

impl FromStr for AspectRatio {
    type Err = UnknownAspectRatio;

    /// Reads `16:9`, and the spellings `16x9` and `16-9` that model suffixes use; spaces are ignored.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownAspectRatio(text.chars().take(40).collect());
        let (width, height) = text.split_once([':', 'x', 'X', '-']).ok_or_else(unknown)?;
        let term = |text: &str| {
            let digits = text.trim();
            let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
            digits.parse::<u8>().ok().filter(|_| plain)
        };
        let (Some(width), Some(height)) = (term(width), term(height)) else { return Err(unknown()) };
        Self::from_terms(width, height).ok_or_else(unknown)
    }
}

/// The values separated by commas, for messages that tell what is allowed.
pub fn list<T: fmt::Display>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ratio_is_read_back_from_its_own_text() {
        for ratio in AspectRatio::ALL {
            assert_eq!(ratio.to_string().parse(), Ok(ratio));
        }
    }

    #[test]
    fn text_that_is_no_known_ratio_is_refused() {
        for text in ["", "16", "16:", ":9", "7:5", "16:9:1", "016:9", "+16:9", "32:18", "1616:9", "a:b"] {
            assert!(text.parse::<AspectRatio>().is_err(), "{text:?} was read as a ratio");
        }
    }

    #[test]
    fn pixel_sizes_map_to_the_nearest_ratio() {
        for (text, expected) in [
            ("1024x1024", "1:1"),
            ("1920x1080", "16:9"),
            ("1280x720", "16:9"),
            ("2560x1440", "16:9"),
            ("3840x2160", "16:9"),
            ("1792x1024", "16:9"),
            ("1080x1920", "9:16"),
            ("720x1280", "9:16"),
            ("1024x1792", "9:16"),
            ("800x600", "4:3"),
            ("600x800", "3:4"),
            ("2560x1080", "21:9"),
            ("3440x1440", "21:9"),
            ("1536x1024", "3:2"),
            ("1024x1536", "2:3"),
            ("1280x1024", "5:4"),
            ("1080x1350", "4:5"),
        ] {
            for among in [&AspectRatio::COMMON[..], &AspectRatio::ALL[..]] {
                let nearest = AspectRatio::nearest(text.parse().unwrap(), among).unwrap();
                assert_eq!(nearest.to_string(), expected, "{text}");
            }
        }
    }
}
