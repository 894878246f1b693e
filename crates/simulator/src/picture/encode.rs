//! From rows of pixels to files.

use std::io::Write as _;

use domain::PixelSize;

use super::{PIXEL, Painting, index};
use crate::chance::Chance;

/// A PNG, compressed fast; no more than a few rows of it are in memory as pixels.
pub(super) fn png(mut painting: Painting) -> Vec<u8> {
    let size = painting.size;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, size.width(), size.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.set_filter(png::Filter::Up);
    let mut writer = encoder.write_header().expect(IN_MEMORY);
    let mut rows = writer.stream_writer_with_size(CHUNK).expect(IN_MEMORY);
    let mut row = vec![0; index(size.width()) * PIXEL];
    for y in 0..size.height() {
        painting.paint(y, &mut row);
        rows.write_all(&row).expect(IN_MEMORY);
    }
    rows.finish().expect(IN_MEMORY);
    writer.finish().expect(IN_MEMORY);
    file
}

/// A JPEG of good quality.
pub(super) fn jpeg(mut painting: Painting) -> Vec<u8> {
    let size = painting.size;
    let line = index(size.width()) * PIXEL;
    let mut pixels = vec![0; line * index(size.height())];
    for (y, row) in (0..).zip(pixels.chunks_exact_mut(line)) {
        painting.paint(y, row);
    }
    let short = |side: u32| u16::try_from(side).expect("a pixel size has sides of at most 65,535");
    let mut file = Vec::new();
    jpeg_encoder::Encoder::new(&mut file, 90)
        .encode(&pixels, short(size.width()), short(size.height()), jpeg_encoder::ColorType::Rgb)
        .expect(IN_MEMORY);
    file
}

/// A white PNG of exactly this many bytes, or the shortest there is where that is longer; a length that
/// misses the shortest by less than a chunk's frame is overstepped by as much.
pub(super) fn plain_png(size: PixelSize, bytes: usize) -> Vec<u8> {
    let shortest = white_png(size, &[]);
    let Some(missing) = bytes.checked_sub(shortest.len()).filter(|missing| *missing > 0) else {
        return shortest;
    };
    white_png(size, &paddings(missing))
}

const IN_MEMORY: &str = "writing to memory does not fail and the sizes agree";
/// Length of the pieces in which pixels are stored in a PNG.
const CHUNK: usize = 256 << 10;
/// Bytes of a chunk apart from what is in it.
const FRAME: usize = 12;
/// Ancillary, private, safe to copy: every reader skips it.
const PADDING: png::chunk::ChunkType = png::chunk::ChunkType(*b"tsRa");
/// Readers limit how long an unknown chunk may be.
const LONGEST_PADDING: usize = 1 << 20;

/// The lengths of the padding chunks that add `missing` bytes in all.
fn paddings(missing: usize) -> Vec<usize> {
    let mut lengths = Vec::new();
    let mut left = missing.max(FRAME);
    while left > 0 {
        let mut chunk = left.min(FRAME + LONGEST_PADDING);
        if (1..FRAME).contains(&(left - chunk)) {
            chunk -= FRAME;
        }
        lengths.push(chunk - FRAME);
        left -= chunk;
    }
    lengths
}

fn white_png(size: PixelSize, paddings: &[usize]) -> Vec<u8> {
    let mut file = Vec::with_capacity(paddings.iter().sum::<usize>() + (64 << 10));
    let mut encoder = png::Encoder::new(&mut file, size.width(), size.height());
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header().expect(IN_MEMORY);
    let line = index(size.width()).div_ceil(8);
    writer.write_image_data(&vec![0xff; line * index(size.height())]).expect(IN_MEMORY);
    let mut noise = Chance::new(1);
    for length in paddings {
        let mut padding = vec![0; *length];
        noise.fill(&mut padding);
        writer.write_chunk(PADDING, &padding).expect(IN_MEMORY);
    }
    writer.finish().expect(IN_MEMORY);
    file
}

#[cfg(test)]
mod tests {
    use domain::{Image, MediaType};

    use super::*;
    use crate::picture::Subject;

    fn subject(width: u32, height: u32, seed: u64) -> Subject {
        let size = PixelSize::new(width, height).unwrap();
        Subject { size, seed, prompt: "a fox in the snow".into(), caption: "gemini 1:1 1K".into() }
    }

    fn inspected(file: Vec<u8>) -> (MediaType, String) {
        let image = Image::inspect(file.into()).unwrap();
        (image.media_type(), image.size().to_string())
    }

    #[test]
    fn a_subject_is_drawn_the_same_every_time_and_another_seed_differently() {
        let draw = |seed| png(Painting::of(&subject(96, 64, seed)));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_eq!(inspected(draw(1)), (MediaType::Png, "96x64".into()));
        let drawn = jpeg(Painting::of(&subject(96, 64, 1)));
        assert_eq!(inspected(drawn), (MediaType::Jpeg, "96x64".into()));
    }

    #[test]
    fn a_picture_decodes_to_the_pixels_that_were_painted() {
        let subject = subject(130, 70, 3);
        let file = png(Painting::of(&subject));
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut decoded = vec![0; 130 * 70 * PIXEL];
        reader.next_frame(&mut decoded).unwrap();
        let mut painting = Painting::of(&subject);
        let mut row = vec![0; 130 * PIXEL];
        for (y, line) in (0..).zip(decoded.chunks_exact(130 * PIXEL)) {
            painting.paint(y, &mut row);
            assert_eq!(line, row, "row {y}");
        }
    }

    #[test]
    fn files_are_about_as_long_as_googles() {
        for (side, expected) in [(1024, 1_000_000..2_000_000), (4096, 12_000_000..20_000_000)] {
            let length = png(Painting::of(&subject(side, side, 5))).len();
            assert!(expected.contains(&length), "{side}: {length}");
        }
    }

    #[test]
    fn plain_pictures_have_exactly_the_length_asked_for() {
        let size = PixelSize::new(1024, 1024).unwrap();
        let shortest = plain_png(size, 0).len();
        assert!(shortest < 2000, "{shortest}");
        for bytes in [shortest, shortest + 12, 2048, LONGEST_PADDING + shortest + 12 + 5, 3_000_001] {
            let file = plain_png(size, bytes);
            assert_eq!(file.len(), bytes);
            assert_eq!(inspected(file), (MediaType::Png, "1024x1024".into()));
        }
        assert_eq!(plain_png(size, shortest + 1).len(), shortest + 12);
    }
}
