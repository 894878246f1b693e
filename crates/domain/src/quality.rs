//! The `quality` of a request, which for us is another way to ask for a resolution.

use std::{fmt, str::FromStr};

use crate::Resolution;

/// What a caller may say in `quality`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quality {
    /// `auto`: no wish.
    Auto,
    /// A wish for one resolution, under any of its names.
    Of(Resolution),
}

impl Quality {
    /// Every accepted name with its meaning, the names we answer with first.
    const NAMES: [(&'static str, Self); 9] = [
        ("standard", Self::Of(Resolution::K1)),
        ("medium", Self::Of(Resolution::K2)),
        ("hd", Self::Of(Resolution::K4)),
        ("low", Self::Of(Resolution::K1)),
        ("high", Self::Of(Resolution::K4)),
        ("auto", Self::Auto),
        ("1k", Self::Of(Resolution::K1)),
        ("2k", Self::Of(Resolution::K2)),
        ("4k", Self::Of(Resolution::K4)),
    ];

    /// The resolution asked for, if any.
    pub const fn resolution(self) -> Option<Resolution> {
        match self {
            Self::Auto => None,
            Self::Of(resolution) => Some(resolution),
        }
    }

    /// The quality that an answer of this resolution reports.
    pub const fn name_of(resolution: Resolution) -> &'static str {
        match resolution {
            Resolution::P512 => "low",
            Resolution::K1 => "standard",
            Resolution::K2 => "medium",
            Resolution::K4 => "hd",
        }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.resolution().map_or("auto", Self::name_of))
    }
}

/// The text is no quality.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a quality; allowed are standard, medium, hd, low, high, auto, 1k, 2k, 4k")]
pub struct UnknownQuality(String);

impl FromStr for Quality {
    type Err = UnknownQuality;

    /// Reads a name in any case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::NAMES
            .into_iter()
            .find_map(|(name, quality)| name.eq_ignore_ascii_case(text.trim()).then_some(quality))
            .ok_or_else(|| UnknownQuality(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_means_its_resolution() {
        for (name, expected) in [
            ("standard", Some(Resolution::K1)),
            ("medium", Some(Resolution::K2)),
            ("hd", Some(Resolution::K4)),
            ("low", Some(Resolution::K1)),
            ("high", Some(Resolution::K4)),
            ("auto", None),
            ("1k", Some(Resolution::K1)),
            ("2K", Some(Resolution::K2)),
            ("4k", Some(Resolution::K4)),
        ] {
            assert_eq!(name.parse::<Quality>().unwrap().resolution(), expected, "{name}");
        }
        assert!("ultra".parse::<Quality>().is_err());
    }
}
