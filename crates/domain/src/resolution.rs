//! How large a picture is, apart from its shape.

use std::{fmt, str::FromStr};

/// The class of pixel count that Google's `imageSize` names, from smallest to largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resolution {
    /// `512`: half the side of `1K`, for models made for speed.
    P512,
    /// `1K`, the default.
    K1,
    /// `2K`.
    K2,
    /// `4K`.
    K4,
}

impl Resolution {
    /// Every resolution, smallest first.
    pub const ALL: [Self; 4] = [Self::P512, Self::K1, Self::K2, Self::K4];

    /// The name Google, our configuration and our answers use: `512`, `1K`, `2K`, `4K`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P512 => "512",
            Self::K1 => "1K",
            Self::K2 => "2K",
            Self::K4 => "4K",
        }
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no resolution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a resolution; known are 512, 1K, 2K, 4K")]
pub struct UnknownResolution(String);

impl FromStr for Resolution {
    type Err = UnknownResolution;

    /// Reads the name in any case, and `0.5K`, as others call 512.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let asked = text.trim();
        if asked.eq_ignore_ascii_case("0.5K") {
            return Ok(Self::P512);
        }
        Self::ALL
            .into_iter()
            .find(|resolution| resolution.as_str().eq_ignore_ascii_case(asked))
            .ok_or_else(|| UnknownResolution(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        for resolution in Resolution::ALL {
            assert_eq!(resolution.as_str().to_lowercase().parse(), Ok(resolution));
            assert_eq!(resolution.as_str().parse(), Ok(resolution));
        }
        assert_eq!("0.5k".parse(), Ok(Resolution::P512));
        assert!("8K".parse::<Resolution>().is_err());
        assert!("".parse::<Resolution>().is_err());
    }
}
