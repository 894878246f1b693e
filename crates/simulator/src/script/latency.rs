//! How long a picture takes.

use std::time::Duration;

use domain::Resolution;
use serde::Deserialize;

use super::span::Span;

/// The pause before an answer, per resolution.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(from = "Table")]
pub(crate) struct Latency([Duration; Resolution::ALL.len()]);

impl Latency {
    /// How long a picture of this resolution takes.
    pub(crate) const fn of(&self, resolution: Resolution) -> Duration {
        self.0[resolution as usize]
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self([1, 2, 3, 5].map(Duration::from_secs))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    default: Option<Span>,
    #[serde(rename = "512")]
    p512: Option<Span>,
    #[serde(rename = "1K")]
    k1: Option<Span>,
    #[serde(rename = "2K")]
    k2: Option<Span>,
    #[serde(rename = "4K")]
    k4: Option<Span>,
}

impl From<Table> for Latency {
    fn from(table: Table) -> Self {
        let Latency(builtin) = Self::default();
        let told = [table.p512, table.k1, table.k2, table.k4];
        Self(std::array::from_fn(|i| told[i].or(table.default).map_or(builtin[i], |Span(pause)| pause)))
    }
}
