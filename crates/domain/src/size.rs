//! What a caller may say in `size`.

use std::str::FromStr;

use crate::{AspectRatio, PixelSize, aspect_ratio::list};

/// A wish in `size`: exact pixels, a shape, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// `auto`: no wish.
    Auto,
    /// `16:9`.
    Ratio(AspectRatio),
    /// `1920x1080`: the nearest shape, and the smallest resolution that covers it.
    Pixels(PixelSize),
}

/// The text is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a size; allowed are WIDTHxHEIGHT (such as 1024x1024), auto, or an aspect ratio: {known}",
    known = list(&AspectRatio::ALL)
)]
pub struct UnknownSize(String);

impl FromStr for Size {
    type Err = UnknownSize;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        if let Ok(pixels) = text.parse() {
            return Ok(Self::Pixels(pixels));
        }
        text.parse().map(Self::Ratio).map_err(|_| UnknownSize(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_ratios_and_auto_are_told_apart() {
        assert_eq!("auto".parse(), Ok(Size::Auto));
        assert_eq!("16:9".parse(), Ok(Size::Ratio("16:9".parse().unwrap())));
        assert_eq!("1024x1024".parse(), Ok(Size::Pixels(PixelSize::new(1024, 1024).unwrap())));
        assert!("large".parse::<Size>().is_err());
        assert!("7:5".parse::<Size>().is_err());
    }
}
