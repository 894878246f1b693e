//! Where Vertex AI is called.

use std::{fmt, str::FromStr};

/// A location of Vertex AI: `global`, a region such as `us-central1`, or one of the multi-regions `us` and `eu`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location(String);

/// The text names no location.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a location; it must be global, us, eu or a region such as us-central1")]
pub struct UnknownLocation(String);

impl Location {
    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Location {
    /// `global`, where every image model is.
    fn default() -> Self {
        Self("global".to_owned())
    }
}

impl FromStr for Location {
    type Err = UnknownLocation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let well_formed = text.len() <= 40
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(inner);
        if well_formed { Ok(Self(text.to_owned())) } else { Err(UnknownLocation(text.to_owned())) }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_name_and_never_a_host() {
        for text in ["global", "us", "eu", "us-central1"] {
            assert_eq!(text.parse::<Location>().unwrap().as_str(), text);
        }
        for text in ["", "US", "evil.com/", "a@b", "-x", "1a"] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }
}
