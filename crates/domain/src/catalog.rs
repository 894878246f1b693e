//! Which models there are, under which names, and what each can draw.

use crate::{AspectRatio, Resolution, account::Provider};

/// What one picture of a resolution takes and costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The resolution.
    pub resolution: Resolution,
    /// Output tokens the provider counts for one picture.
    pub tokens: u32,
    /// Price of one picture, in millionths of a US dollar.
    pub price_micro_usd: u64,
}

impl Rate {
    /// The price of what came, in millionths of a US dollar: by tokens where they are known, and else by pictures.
    /// Parts of a millionth are dropped.
    pub fn price(&self, images: u32, image_tokens: u64) -> u64 {
        let by_tokens = self.price_micro_usd.saturating_mul(image_tokens).checked_div(self.tokens.into());
        let by_images = self.price_micro_usd.saturating_mul(images.into());
        by_tokens.filter(|_| image_tokens > 0).unwrap_or(by_images)
    }
}

/// One model of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The name clients ask for, in lower case.
    pub name: String,
    /// Other names for it, in lower case.
    pub aliases: Vec<String>,
    /// Its name at the Gemini API.
    pub gemini_id: Option<String>,
    /// Its name at Vertex AI.
    pub vertex_id: Option<String>,
    /// The shapes it draws.
    pub aspect_ratios: Vec<AspectRatio>,
    /// The resolutions it draws, smallest first, with their price.
    pub rates: Vec<Rate>,
    /// The most pictures a request may show it.
    pub reference_images: usize,
    /// One line for people.
    pub description: String,
}

impl Model {
    /// The resolutions it draws, smallest first.
    pub fn resolutions(&self) -> impl DoubleEndedIterator<Item = Resolution> + '_ {
        self.rates.iter().map(|rate| rate.resolution)
    }

    /// Whether it draws this shape.
    pub fn has_ratio(&self, ratio: AspectRatio) -> bool {
        self.aspect_ratios.contains(&ratio)
    }

    /// Tokens and price of one picture, for a resolution it draws.
    pub fn rate(&self, resolution: Resolution) -> Option<Rate> {
        self.rates.iter().copied().find(|rate| rate.resolution == resolution)
    }

    /// The model's name at a provider, where that provider serves it.
    pub fn upstream_id(&self, provider: Provider) -> Option<&str> {
        match provider {
            Provider::Gemini => self.gemini_id.as_deref(),
            Provider::Vertex => self.vertex_id.as_deref(),
        }
    }

    /// What a request gets that asks for no resolution: 1K, or the smallest there is.
    pub fn default_resolution(&self) -> Resolution {
        let smallest = self.rates.first().map_or(Resolution::K1, |rate| rate.resolution);
        if self.rate(Resolution::K1).is_some() { Resolution::K1 } else { smallest }
    }
}

/// Every model, and which one is meant when none is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    models: Vec<Model>,
    default: usize,
}

/// Why models do not make a catalog.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCatalog {
    /// A name is empty, has upper case letters, or belongs to two models.
    #[error("the model name `{0}` must be lower case without spaces and belong to one model only")]
    Name(String),
    /// A model draws nothing.
    #[error("the model `{0}` needs at least one provider id, one aspect ratio and one resolution")]
    DrawsNothing(String),
    /// A model's resolutions are not in order.
    #[error("the resolutions of `{0}` must be listed once each, smallest first")]
    Order(String),
    /// The default is not in the catalog.
    #[error("the default model `{0}` is not in the catalog")]
    NoDefault(String),
}

impl Catalog {
    /// Checks models and makes a catalog of them.
    pub fn new(models: Vec<Model>, default: &str) -> Result<Self, InvalidCatalog> {
        let mut seen = std::collections::HashSet::new();
        for model in &models {
            for name in std::iter::once(&model.name).chain(&model.aliases) {
                let well_formed =
                    !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase());
                if !well_formed || !seen.insert(name.clone()) {
                    return Err(InvalidCatalog::Name(name.clone()));
                }
            }
            let unserved = model.gemini_id.is_none() && model.vertex_id.is_none();
            if unserved || model.aspect_ratios.is_empty() || model.rates.is_empty() {
                return Err(InvalidCatalog::DrawsNothing(model.name.clone()));
            }
            if !model.rates.is_sorted_by(|a, b| a.resolution < b.resolution) {
                return Err(InvalidCatalog::Order(model.name.clone()));
            }
        }
        let default = models
            .iter()
            .position(|model| model.name == default)
            .ok_or_else(|| InvalidCatalog::NoDefault(default.to_owned()))?;
        Ok(Self { models, default })
    }

    /// The catalog of a Tessera that is told nothing else.
    pub fn builtin() -> Self {
        Self::new(vec![pro(), flash(), nano_banana()], "gemini-3-pro-image")
            .expect("the built-in catalog is valid")
    }

    /// The model with this name or alias, in any letter case.
    pub fn find(&self, name: &str) -> Option<&Model> {
        let called = |known: &String| known.eq_ignore_ascii_case(name);
        self.models.iter().find(|model| called(&model.name) || model.aliases.iter().any(called))
    }

    /// The model that is meant when none is named.
    pub fn default_model(&self) -> &Model {
        &self.models[self.default]
    }

    /// Every model, in the order it was configured.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// Every public name, without aliases.
    pub fn names(&self) -> Vec<&str> {
        self.models.iter().map(|model| model.name.as_str()).collect()
    }
}

const fn rate(resolution: Resolution, tokens: u32, price_micro_usd: u64) -> Rate {
    Rate { resolution, tokens, price_micro_usd }
}

fn pro() -> Model {
    Model {
        name: "gemini-3-pro-image".into(),
        aliases: vec!["gemini-3-pro-image-preview".into()],
        gemini_id: Some("gemini-3-pro-image".into()),
        vertex_id: Some("gemini-3-pro-image".into()),
        aspect_ratios: AspectRatio::COMMON.to_vec(),
        rates: vec![
            rate(Resolution::K1, 1120, 134_000),
            rate(Resolution::K2, 1120, 134_000),
            rate(Resolution::K4, 2000, 240_000),
        ],
        reference_images: 14,
        description: "Gemini 3 Pro Image: made for quality".into(),
    }
}

fn flash() -> Model {
    Model {
        name: "gemini-3.1-flash-image".into(),
        aliases: vec!["gemini-3.1-flash-image-preview".into()],
        gemini_id: Some("gemini-3.1-flash-image".into()),
        vertex_id: Some("gemini-3.1-flash-image".into()),
        aspect_ratios: AspectRatio::ALL.to_vec(),
        rates: vec![
            rate(Resolution::P512, 747, 45_000),
            rate(Resolution::K1, 1120, 67_000),
            rate(Resolution::K2, 1680, 101_000),
            rate(Resolution::K4, 2520, 151_000),
        ],
        reference_images: 14,
        description: "Gemini 3.1 Flash Image: made for speed".into(),
    }
}

/// Google publishes a price for 1K alone; 2K and 4K are reckoned from its token price with the token counts
/// of the flash model.
fn nano_banana() -> Model {
    Model {
        name: "gemini-nano-banana-2.1".into(),
        aliases: vec![],
        gemini_id: Some("gemini-nano-banana-2.1".into()),
        vertex_id: Some("gemini-nano-banana-2.1".into()),
        aspect_ratios: AspectRatio::ALL.to_vec(),
        rates: vec![
            rate(Resolution::K1, 1120, 33_600),
            rate(Resolution::K2, 1680, 50_400),
            rate(Resolution::K4, 2520, 75_600),
        ],
        reference_images: 10,
        description: "Gemini Nano Banana 2.1: Google's recommended image model of late 2026".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_models_and_their_old_names_are_found_in_any_case() {
        let catalog = Catalog::builtin();
        assert_eq!(catalog.default_model().name, "gemini-3-pro-image");
        for (asked, found) in [
            ("gemini-3-pro-image", "gemini-3-pro-image"),
            ("GEMINI-3-PRO-IMAGE-PREVIEW", "gemini-3-pro-image"),
            ("gemini-3.1-flash-image-preview", "gemini-3.1-flash-image"),
            ("gemini-nano-banana-2.1", "gemini-nano-banana-2.1"),
        ] {
            assert_eq!(catalog.find(asked).unwrap().name, found);
        }
        assert!(catalog.find("gemini").is_none());
    }

    #[test]
    fn a_catalog_that_cannot_work_is_refused() {
        let with = |change: fn(&mut Model)| {
            let mut model = pro();
            change(&mut model);
            Catalog::new(vec![flash(), model], "gemini-3.1-flash-image")
        };
        assert!(matches!(with(|m| m.name = "Pro".into()), Err(InvalidCatalog::Name(_))));
        assert!(matches!(
            with(|m| m.aliases = vec!["gemini-3.1-flash-image".into()]),
            Err(InvalidCatalog::Name(_))
        ));
        assert!(matches!(with(|m| m.rates.clear()), Err(InvalidCatalog::DrawsNothing(_))));
        assert!(matches!(with(|m| m.rates.reverse()), Err(InvalidCatalog::Order(_))));
        assert!(matches!(Catalog::new(vec![pro()], "other"), Err(InvalidCatalog::NoDefault(_))));
    }
}
