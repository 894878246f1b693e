//! What can be asked for, as the page shows it.

use std::collections::BTreeMap;

use domain::{AspectRatio, Catalog, Model, PixelSize, Resolution};
use serde::Serialize;

/// A model, and everything that it draws.
#[derive(Debug, Serialize)]
pub(super) struct Drawable<'a> {
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    /// Whether it is meant when none is named.
    pub(super) default: bool,
    resolution: &'static str,
    reference_images: usize,
    /// Prices by resolution, in millionths of a US dollar.
    prices: Vec<(&'static str, u64)>,
    /// Pixels by ratio, in the order of `prices`.
    pixels: BTreeMap<String, Vec<(u32, u32)>>,
}

/// A ratio, and the little rectangle that shows it.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) ratio: AspectRatio,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) left: u32,
    pub(super) top: u32,
}

/// The sides of the box that every little rectangle lies in.
const BOX: (u32, u32) = (32, 26);

/// The thinnest little rectangle.
const THINNEST: u32 = 4;

/// Every model of the catalog.
pub(super) fn drawable(catalog: &Catalog) -> Vec<Drawable<'_>> {
    let default = &catalog.default_model().name;
    catalog.models().iter().map(|model| of(model, model.name == *default)).collect()
}

fn of(model: &Model, default: bool) -> Drawable<'_> {
    let sizes = |ratio: AspectRatio| {
        let size = |resolution| PixelSize::native(ratio, resolution);
        model.resolutions().map(size).map(|size| (size.width(), size.height())).collect()
    };
    Drawable {
        name: &model.name,
        description: &model.description,
        default,
        resolution: model.default_resolution().as_str(),
        reference_images: model.reference_images,
        prices: model.rates.iter().map(|rate| (rate.resolution.as_str(), rate.price_micro_usd)).collect(),
        pixels: model.aspect_ratios.iter().map(|ratio| (ratio.to_string(), sizes(*ratio))).collect(),
    }
}

/// Every ratio that any model may have, the widest first.
pub(super) fn shapes() -> Vec<Shape> {
    let mut ratios = AspectRatio::ALL.to_vec();
    ratios.sort_by_key(|ratio| {
        let (width, height) = ratio.terms();
        u32::from(height) * 1_000 / u32::from(width)
    });
    ratios.into_iter().map(shape).collect()
}

fn shape(ratio: AspectRatio) -> Shape {
    let (across, down) = ratio.terms();
    let (across, down) = (u32::from(across), u32::from(down));
    let (width, height) = (BOX.0.min(BOX.1 * across / down), BOX.1.min(BOX.0 * down / across));
    let (width, height) = (width.max(THINNEST), height.max(THINNEST));
    Shape { ratio, width, height, left: (BOX.0 - width) / 2, top: (BOX.1 - height) / 2 }
}

/// Every resolution that any model may have, the smallest first.
pub(super) fn resolutions() -> Vec<String> {
    Resolution::ALL.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_and_prices_are_those_that_are_really_drawn_and_paid() {
        let catalog = Catalog::builtin();
        let offer = drawable(&catalog);
        let flash = offer.iter().find(|model| model.name == "gemini-3.1-flash-image").unwrap();
        assert_eq!(flash.prices[2], ("2K", 101_000));
        assert_eq!(flash.pixels["16:9"][2], (2752, 1536));
        let pro = offer.iter().find(|model| model.default).unwrap();
        assert_eq!((pro.name, pro.resolution), ("gemini-3-pro-image", "1K"));
        assert!(!pro.pixels.contains_key("8:1"), "it does not draw that");
    }

    #[test]
    fn every_little_rectangle_lies_in_its_box() {
        for Shape { ratio, width, height, left, top } in shapes() {
            assert!(left + width <= BOX.0 && top + height <= BOX.1, "{ratio}");
            let (across, down) = ratio.terms();
            assert_eq!(width.cmp(&height), across.cmp(&down), "{ratio}");
        }
    }
}
