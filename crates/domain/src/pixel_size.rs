//! Widths and heights in pixels, and the ones Google's models really draw.

use std::{fmt, str::FromStr};

use crate::{AspectRatio, Resolution};

/// Width and height of a picture, each 1 to 65,535 pixels.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PixelSize {
    width: u32,
    height: u32,
}

impl PixelSize {
    /// The longest side that can be named.
    pub const LONGEST_SIDE: u32 = 65_535;

    /// A size with these sides, where both are 1 to 65,535.
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let side = 1..=Self::LONGEST_SIDE;
        (side.contains(&width) && side.contains(&height)).then_some(Self { width, height })
    }

    /// Pixels from left to right.
    pub const fn width(self) -> u32 {
        self.width
    }

    /// Pixels from top to bottom.
    pub const fn height(self) -> u32 {
        self.height
    }

    /// The size at which Google's models draw this shape at this resolution.
    ///
    /// The table is Google's, with one correction: it prints 792x168 for 21:9 at 512, which is no 21:9; half
    /// the size of the same shape at 1K is 792x336.
    pub fn native(ratio: AspectRatio, resolution: Resolution) -> Self {
        let (width, height) = ratio.terms();
        let (short, long) = (width.min(height), width.max(height));
        let (short, long) = native_sides(short, long);
        let scale = |(p512, k1): (u32, u32)| match resolution {
            Resolution::P512 => p512,
            Resolution::K1 => k1,
            Resolution::K2 => k1 * 2,
            Resolution::K4 => k1 * 4,
        };
        let (short, long) = (scale(short), scale(long));
        if width > height { Self { width: long, height: short } } else { Self { width: short, height: long } }
    }

    /// Whether a picture of this size shows at least as many pixels both ways as `other`.
    pub const fn covers(self, other: Self) -> bool {
        self.width >= other.width && self.height >= other.height
    }
}

/// Short and long side at (512, 1K) for the ratio with these terms; 2K and 4K are two and four times 1K.
fn native_sides(short: u8, long: u8) -> ((u32, u32), (u32, u32)) {
    match (short, long) {
        (2, 3) => ((424, 848), (632, 1264)),
        (3, 4) => ((448, 896), (600, 1200)),
        (4, 5) => ((464, 928), (576, 1152)),
        (9, 16) => ((384, 768), (688, 1376)),
        (9, 21) => ((336, 672), (792, 1584)),
        (1, 4) => ((256, 512), (1024, 2048)),
        (1, 8) => ((192, 384), (1536, 3072)),
        _ => ((512, 1024), (512, 1024)),
    }
}

impl fmt::Display for PixelSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl fmt::Debug for PixelSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no `WIDTHxHEIGHT`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not WIDTHxHEIGHT with sides of 1 to 65535 pixels")]
pub struct NotPixelSize(String);

impl FromStr for PixelSize {
    type Err = NotPixelSize;

    /// Reads `1920x1080`, with `x`, `X`, `×` or `*` between the sides and spaces anywhere around them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotPixelSize(text.chars().take(40).collect());
        let (width, height) = text.split_once(['x', 'X', '×', '*']).ok_or_else(wrong)?;
        let side = |text: &str| {
            let digits = text.trim();
            digits.parse::<u32>().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))
        };
        let (Some(width), Some(height)) = (side(width), side(height)) else { return Err(wrong()) };
        Self::new(width, height).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn native(ratio: &str, resolution: Resolution) -> String {
        PixelSize::native(ratio.parse().unwrap(), resolution).to_string()
    }

    #[test]
    fn native_sizes_are_googles() {
        let rows = [
            ("1:1", "512x512", "1024x1024", "2048x2048", "4096x4096"),
            ("2:3", "424x632", "848x1264", "1696x2528", "3392x5056"),
            ("3:2", "632x424", "1264x848", "2528x1696", "5056x3392"),
            ("3:4", "448x600", "896x1200", "1792x2400", "3584x4800"),
            ("4:3", "600x448", "1200x896", "2400x1792", "4800x3584"),
            ("4:5", "464x576", "928x1152", "1856x2304", "3712x4608"),
            ("5:4", "576x464", "1152x928", "2304x1856", "4608x3712"),
            ("9:16", "384x688", "768x1376", "1536x2752", "3072x5504"),
            ("16:9", "688x384", "1376x768", "2752x1536", "5504x3072"),
            ("21:9", "792x336", "1584x672", "3168x1344", "6336x2688"),
            ("1:4", "256x1024", "512x2048", "1024x4096", "2048x8192"),
            ("4:1", "1024x256", "2048x512", "4096x1024", "8192x2048"),
            ("1:8", "192x1536", "384x3072", "768x6144", "1536x12288"),
            ("8:1", "1536x192", "3072x384", "6144x768", "12288x1536"),
        ];
        assert_eq!(rows.len(), AspectRatio::ALL.len());
        for (ratio, p512, k1, k2, k4) in rows {
            assert_eq!(native(ratio, Resolution::P512), p512);
            assert_eq!(native(ratio, Resolution::K1), k1);
            assert_eq!(native(ratio, Resolution::K2), k2);
            assert_eq!(native(ratio, Resolution::K4), k4);
        }
    }

    #[test]
    fn every_separator_and_spaces_are_read() {
        for text in ["1920x1080", "1920X1080", "1920×1080", "1920*1080", " 1920 x 1080 ", "1920 ×1080"] {
            assert_eq!(text.parse::<PixelSize>().unwrap().to_string(), "1920x1080", "{text}");
        }
    }

    #[test]
    fn text_that_is_no_size_is_refused() {
        for text in
            ["", "x", "0x1", "1x0", "-1x1", "+1x1", "1x1x1", "1024", "65536x1", "99999999999x1", "axb"]
        {
            assert!(text.parse::<PixelSize>().is_err(), "{text:?} was read as a size");
        }
    }

    proptest! {
        #[test]
        fn a_size_is_read_back_from_its_own_text(width in 1u32..=65_535, height in 1u32..=65_535) {
            let size = PixelSize::new(width, height).unwrap();
            prop_assert_eq!(size.to_string().parse::<PixelSize>(), Ok(size));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,40}") {
            let _ = text.parse::<PixelSize>();
            let _ = text.parse::<AspectRatio>();
        }
    }
}
