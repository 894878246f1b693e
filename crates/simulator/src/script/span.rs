//! Durations as people write them: `250ms`, `2s`, `1m 30s`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

/// A duration read from text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span(pub(crate) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = text.parse::<jiff::SignedDuration>().ok();
        let duration = parsed.and_then(|duration| Duration::try_from(duration).ok());
        duration
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is not a duration like 250ms, 2s or 1m 30s")))
    }
}
