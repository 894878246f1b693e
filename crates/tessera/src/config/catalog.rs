//! `[catalog]` and `[[models]]`: the built-in models, and the operator's above them.

use domain::{AspectRatio, Catalog, Model, Resolution, catalog::Rate};
use serde::Deserialize;

use super::{Invalid, value::Parsed};

/// The section.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Section {
    /// The model that is meant when none is named; the built-in catalog's own when nothing is said.
    default: Option<String>,
}

/// A model as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    gemini_id: Option<String>,
    vertex_id: Option<String>,
    #[serde(default = "common")]
    aspect_ratios: Vec<Parsed<AspectRatio>>,
    rates: Vec<RateEntry>,
    #[serde(default = "reference_images")]
    reference_images: usize,
    #[serde(default)]
    description: String,
}

/// The price of one picture as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RateEntry {
    resolution: Parsed<Resolution>,
    tokens: u32,
    price_usd: Price,
}

/// A price in millionths of a US dollar, written in dollars.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "f64")]
struct Price(u64);

fn common() -> Vec<Parsed<AspectRatio>> {
    AspectRatio::COMMON.map(Parsed).to_vec()
}

/// As many as most of Google's models take.
const fn reference_images() -> usize {
    14
}

/// The built-in models, each replaced by the operator's of the same name, and then the operator's others.
pub(crate) fn assemble(section: &Section, entries: Vec<Entry>) -> Result<Catalog, Invalid> {
    let builtin = Catalog::builtin();
    let default = section.default.as_deref().unwrap_or(&builtin.default_model().name);
    let mut models = builtin.models().to_vec();
    for entry in entries {
        let model = Model::from(entry);
        match models.iter_mut().find(|known| known.name == model.name) {
            Some(known) => *known = model,
            None => models.push(model),
        }
    }
    Catalog::new(models, default).map_err(|error| Invalid::from(format!("catalog: {error}")))
}

impl From<Entry> for Model {
    fn from(entry: Entry) -> Self {
        Self {
            name: entry.name,
            aliases: entry.aliases,
            gemini_id: entry.gemini_id,
            vertex_id: entry.vertex_id,
            aspect_ratios: entry.aspect_ratios.into_iter().map(|Parsed(ratio)| ratio).collect(),
            rates: entry.rates.into_iter().map(Rate::from).collect(),
            reference_images: entry.reference_images,
            description: entry.description,
        }
    }
}

impl From<RateEntry> for Rate {
    fn from(entry: RateEntry) -> Self {
        Self { resolution: entry.resolution.0, tokens: entry.tokens, price_micro_usd: entry.price_usd.0 }
    }
}

impl TryFrom<f64> for Price {
    type Error = String;

    fn try_from(dollars: f64) -> Result<Self, String> {
        if !(0.0..=1_000.0).contains(&dollars) {
            return Err(format!("`{dollars}` must be 0 to 1000 dollars"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "is known to be between 0 and a thousand million"
        )]
        Ok(Self((dollars * 1e6).round() as u64))
    }
}
