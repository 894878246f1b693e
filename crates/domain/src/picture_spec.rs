//! Who wins, when a request says its shape and resolution in several places.

use std::fmt;

use crate::{
    AspectRatio, Model, PixelSize, Quality, Resolution, Size, aspect_ratio::list, model_name::NamedModel,
};

/// The shape and resolution of the pictures to make; the model has both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureSpec {
    /// The shape.
    pub aspect_ratio: AspectRatio,
    /// The resolution.
    pub resolution: Resolution,
}

/// Everything a request said about shape and resolution, in the places it can be said.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PictureWishes {
    /// `imageSize`
    pub image_size: Option<Resolution>,
    /// `quality`
    pub quality: Option<Quality>,
    /// `aspect_ratio`
    pub aspect_ratio: Option<AspectRatio>,
    /// `size`
    pub size: Option<Size>,
    /// The pixel size of the picture to be edited, if there is one.
    pub reference: Option<PixelSize>,
}

/// The place in a request that a wish was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// `imageSize`
    ImageSize,
    /// `quality`
    Quality,
    /// `aspect_ratio`
    AspectRatio,
    /// `size`
    Size,
    /// A suffix of `model`
    ModelSuffix,
}

/// The model cannot draw what the request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// Where the request asked for it.
    pub wish: Wish,
    /// What it asked for: `8:1`, `512`.
    pub asked: String,
    /// The model's name.
    pub model: String,
    /// What the model has instead.
    pub allowed: String,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, model, allowed, .. } = self;
        write!(f, "the model `{model}` does not draw {asked}; it draws {allowed}")
    }
}

impl std::error::Error for Unsupported {}

impl PictureWishes {
    /// Decides the picture.
    ///
    /// Resolution, first that speaks: `imageSize`, `quality`, model suffix, the smallest that covers an
    /// explicit pixel `size` (at most the model's largest), 1K. Shape: `aspect_ratio`, `size`, model suffix,
    /// the reference picture's own, 1:1.
    pub fn decide(&self, named: &NamedModel<'_>) -> Result<PictureSpec, Unsupported> {
        let aspect_ratio = self.decide_ratio(named)?;
        let resolution = self.decide_resolution(named)?;
        Ok(PictureSpec { aspect_ratio, resolution })
    }

    fn decide_ratio(&self, named: &NamedModel<'_>) -> Result<AspectRatio, Unsupported> {
        let model = named.model;
        let nearest = |pixels| AspectRatio::nearest(pixels, &model.aspect_ratios);
        let (wish, asked) = match (self.aspect_ratio, self.size, named.aspect_ratio) {
            (Some(ratio), _, _) => (Wish::AspectRatio, ratio),
            (None, Some(Size::Ratio(ratio)), _) => (Wish::Size, ratio),
            (None, Some(Size::Pixels(pixels)), _) => {
                return Ok(nearest(pixels).unwrap_or(AspectRatio::SQUARE));
            }
            (None, None | Some(Size::Auto), Some(ratio)) => (Wish::ModelSuffix, ratio),
            (None, None | Some(Size::Auto), None) => {
                let square = PixelSize::native(AspectRatio::SQUARE, Resolution::K1);
                return Ok(nearest(self.reference.unwrap_or(square)).unwrap_or(AspectRatio::SQUARE));
            }
        };
        if model.has_ratio(asked) {
            Ok(asked)
        } else {
            Err(unsupported(wish, asked, model, &model.aspect_ratios))
        }
    }

    fn decide_resolution(&self, named: &NamedModel<'_>) -> Result<Resolution, Unsupported> {
        let model = named.model;
        let spoken = (self.image_size.map(|asked| (Wish::ImageSize, asked)))
            .or_else(|| self.quality.and_then(Quality::resolution).map(|asked| (Wish::Quality, asked)))
            .or_else(|| named.resolution.map(|asked| (Wish::ModelSuffix, asked)));
        if let Some((wish, asked)) = spoken {
            let has = model.rate(asked).is_some();
            let allowed: Vec<_> = model.resolutions().collect();
            return if has { Ok(asked) } else { Err(unsupported(wish, asked, model, &allowed)) };
        }
        let Some(Size::Pixels(pixels)) = self.size else { return Ok(model.default_resolution()) };
        // The pixels' own shape decides, even where another one is drawn: 1024x1024 always means 1K.
        let shape = AspectRatio::nearest(pixels, &model.aspect_ratios).unwrap_or(AspectRatio::SQUARE);
        let covering = |resolution: &Resolution| PixelSize::native(shape, *resolution).covers(pixels);
        let largest = model.resolutions().next_back().unwrap_or(Resolution::K1);
        Ok(model.resolutions().find(covering).unwrap_or(largest))
    }
}

fn unsupported<T: fmt::Display>(wish: Wish, asked: T, model: &Model, allowed: &[T]) -> Unsupported {
    Unsupported { wish, asked: asked.to_string(), model: model.name.clone(), allowed: list(allowed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Catalog, model_name};

    /// Decides for a model name and `field=value` wishes; `16:9 2K`, or the field at fault.
    fn decide(model: &str, wishes: &str) -> String {
        let mut said = PictureWishes::default();
        for (field, value) in wishes.split_whitespace().filter_map(|wish| wish.split_once('=')) {
            match field {
                "imageSize" => said.image_size = Some(value.parse().unwrap()),
                "quality" => said.quality = Some(value.parse().unwrap()),
                "aspect_ratio" => said.aspect_ratio = Some(value.parse().unwrap()),
                "size" => said.size = Some(value.parse().unwrap()),
                "reference" => said.reference = Some(value.parse().unwrap()),
                other => panic!("no wish is called {other}"),
            }
        }
        let catalog = Catalog::builtin();
        match said.decide(&model_name::parse(model, &catalog).unwrap()) {
            Ok(spec) => format!("{} {}", spec.aspect_ratio, spec.resolution),
            Err(error) => format!("{:?}", error.wish),
        }
    }

    #[test]
    fn resolution_is_taken_from_the_first_that_speaks() {
        for (model, wishes, expected) in [
            ("gemini-3-pro-image", "", "1:1 1K"),
            ("gemini-3-pro-image-4k", "", "1:1 4K"),
            ("gemini-3-pro-image-4k", "quality=medium", "1:1 2K"),
            ("gemini-3-pro-image-4k", "quality=auto", "1:1 4K"),
            ("gemini-3-pro-image-4k", "quality=hd imageSize=1K", "1:1 1K"),
            ("gemini-3-pro-image-4k", "size=1024x1024", "1:1 4K"),
            ("gemini-3-pro-image", "quality=standard size=3840x2160", "16:9 1K"),
            ("gemini-3-pro-image", "size=1024x1024", "1:1 1K"),
            ("gemini-3-pro-image", "size=1920x1080", "16:9 2K"),
            ("gemini-3-pro-image", "size=3840x2160", "16:9 4K"),
            ("gemini-3-pro-image", "size=9000x9000", "1:1 4K"),
            ("gemini-3-pro-image", "size=256x256", "1:1 1K"),
            ("gemini-3.1-flash-image", "size=256x256", "1:1 512"),
            ("gemini-3.1-flash-image", "", "1:1 1K"),
            ("gemini-3.1-flash-image-512", "", "1:1 512"),
        ] {
            assert_eq!(decide(model, wishes), expected, "{model} {wishes}");
        }
    }

    #[test]
    fn shape_is_taken_from_the_first_that_speaks() {
        for (model, wishes, expected) in [
            ("gemini-3-pro-image-21-9", "", "21:9 1K"),
            ("gemini-3-pro-image-21-9", "size=auto", "21:9 1K"),
            ("gemini-3-pro-image-21-9", "size=4:3", "4:3 1K"),
            ("gemini-3-pro-image-21-9", "size=800x600 aspect_ratio=9:16", "9:16 1K"),
            ("gemini-3-pro-image-21-9", "reference=1080x1920", "21:9 1K"),
            ("gemini-3-pro-image", "reference=1080x1920", "9:16 1K"),
            ("gemini-3-pro-image", "reference=4096x512", "21:9 1K"),
            ("gemini-3.1-flash-image", "reference=4096x512", "8:1 1K"),
            ("gemini-3-pro-image", "size=auto reference=1080x1920", "9:16 1K"),
        ] {
            assert_eq!(decide(model, wishes), expected, "{model} {wishes}");
        }
    }

    #[test]
    fn what_the_model_lacks_is_refused_at_the_place_that_asked() {
        for (model, wishes, expected) in [
            ("gemini-3-pro-image", "aspect_ratio=8:1", "AspectRatio"),
            ("gemini-3-pro-image", "size=1:8", "Size"),
            ("gemini-3-pro-image-4-1", "", "ModelSuffix"),
            ("gemini-3-pro-image-512", "", "ModelSuffix"),
            ("gemini-3-pro-image", "imageSize=512", "ImageSize"),
            ("gemini-nano-banana-2.1", "imageSize=512", "ImageSize"),
        ] {
            assert_eq!(decide(model, wishes), expected, "{model} {wishes}");
        }
    }

    #[test]
    fn a_refusal_lists_what_there_is() {
        let catalog = Catalog::builtin();
        let named = model_name::parse("gemini-3-pro-image-512", &catalog).unwrap();
        let refusal = PictureWishes::default().decide(&named).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "the model `gemini-3-pro-image` does not draw 512; it draws 1K, 2K, 4K"
        );
    }
}
