//! Where a call is served.

use std::{fmt, str::FromStr};

use reqwest::Url;

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

    /// Google's own host for it.
    pub(super) fn origin(&self) -> Url {
        let host = match self.as_str() {
            "global" => "aiplatform.googleapis.com".to_owned(),
            multi @ ("us" | "eu") => format!("aiplatform.{multi}.rep.googleapis.com"),
            region => format!("{region}-aiplatform.googleapis.com"),
        };
        Url::parse(&format!("https://{host}")).expect("a location is letters, digits and hyphens")
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
    fn every_kind_of_location_has_its_own_host() {
        for (location, host) in [
            ("global", "https://aiplatform.googleapis.com/"),
            ("us-central1", "https://us-central1-aiplatform.googleapis.com/"),
            ("us", "https://aiplatform.us.rep.googleapis.com/"),
            ("eu", "https://aiplatform.eu.rep.googleapis.com/"),
        ] {
            assert_eq!(location.parse::<Location>().unwrap().origin().as_str(), host);
        }
        for text in ["", "US", "evil.com/", "a@b", "-x", "1a"] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }
}
