//! Pictures: mosaics that show the prompt they were drawn from.

mod encode;
mod lettering;
mod mosaic;
mod studio;

use domain::PixelSize;
pub(crate) use studio::{Commission, Drawn, Studio};

use self::{lettering::Lettering, mosaic::Mosaic};

/// What a picture shows.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) size: PixelSize,
    /// Fixes everything that looks random.
    pub(crate) seed: u64,
    /// The text in the middle.
    pub(crate) prompt: String,
    /// The small text in the lower left corner.
    pub(crate) caption: String,
}

/// A picture ready to be asked for its rows, from top to bottom.
#[derive(Debug)]
struct Painting {
    size: PixelSize,
    mosaic: Mosaic,
    lettering: Lettering,
}

impl Painting {
    fn of(subject: &Subject) -> Self {
        Self {
            size: subject.size,
            mosaic: Mosaic::new(subject.size, subject.seed),
            lettering: Lettering::new(subject.size, &subject.prompt, &subject.caption),
        }
    }

    /// Paints row `y` into `row`, three bytes for each pixel.
    fn paint(&mut self, y: u32, row: &mut [u8]) {
        self.mosaic.paint(y, row);
        self.lettering.paint(y, row);
    }
}

/// Bytes of one pixel: red, green, blue.
const PIXEL: usize = 3;

/// A side or position in pixels, for indexing.
fn index(pixels: u32) -> usize {
    usize::try_from(pixels).expect("a picture's side fits in memory")
}
