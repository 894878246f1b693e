//! Pictures, as files of them are found.

use std::{fs, path::Path};

use domain::{AspectRatio, Image, MediaType, PixelSize, Resolution};

/// The picture in a file, which must be whole.
pub(crate) fn read(path: &Path) -> Image {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Image::inspect(bytes.into()).unwrap_or_else(|error| panic!("{} {error}", path.display()))
}

/// Whether a file holds a PNG of this shape and resolution, at Google's native size.
pub(crate) fn is_png(path: &Path, shape: &str, resolution: Resolution) -> bool {
    let ratio: AspectRatio = shape.parse().unwrap();
    let image = read(path);
    image.media_type() == MediaType::Png && image.size() == PixelSize::native(ratio, resolution)
}
