//! Words on pictures, in an 8 by 8 pixel font made larger.

use domain::PixelSize;
use font8x8::{
    UnicodeFonts,
    unicode::{BASIC_UNICODE, GreekFonts, HiraganaFonts, LatinFonts, MiscFonts},
};

use super::{PIXEL, index};

/// The plaques with words on a picture.
#[derive(Debug)]
pub(super) struct Lettering(Vec<Plaque>);

/// A darkened rectangle with lines of letters.
#[derive(Debug)]
struct Plaque {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    /// Pixels of the picture for one dot of the font.
    dot: u32,
    lines: Vec<Vec<Glyph>>,
}

/// Eight rows of eight dots; the lowest bit is the leftmost dot.
type Glyph = [u8; 8];

/// Height of a line in dots, with the space below it.
const LINE: u32 = 10;
/// Dots between a plaque's edge and its letters.
const PADDING: u32 = 4;
/// A frame, for what the font does not have.
const UNKNOWN: Glyph = [0x7e, 0x42, 0x42, 0x42, 0x42, 0x42, 0x7e, 0];
const INK: [u8; PIXEL] = [250, 246, 236];

impl Lettering {
    pub(super) fn new(size: PixelSize, prompt: &str, caption: &str) -> Self {
        let small = (size.width().min(size.height()) / 340).max(1);
        let room_below = small * (LINE + PADDING * 2);
        let caption = Plaque::fitting(size, caption, small..=small, room_below)
            .map(|plaque| plaque.at(small * 4, size.height().saturating_sub(room_below + small * 4)));
        let room = (size.height() * 3 / 5).min(size.height().saturating_sub(room_below * 2 + small * 8));
        let prompt =
            Plaque::fitting(size, prompt, small..=small * 3, room).map(|plaque| plaque.centred(size));
        Self(prompt.into_iter().chain(caption).collect())
    }

    pub(super) fn paint(&self, y: u32, row: &mut [u8]) {
        for plaque in &self.0 {
            plaque.paint(y, row);
        }
    }
}

impl Plaque {
    /// A plaque for `text` with the largest letters that leave it no higher than `room`; at the smallest
    /// letters, what does not fit is cut off. None for no text.
    fn fitting(size: PixelSize, text: &str, dots: std::ops::RangeInclusive<u32>, room: u32) -> Option<Self> {
        if text.trim().is_empty() {
            return None;
        }
        let smallest = *dots.start();
        let lines_at = |dot: u32| {
            let letters = (size.width() / dot).saturating_sub(PADDING * 4) / 8;
            let rows = (room / dot).saturating_sub(PADDING * 2) / LINE;
            (wrap(text, index(letters.max(1))), index(rows.max(1)))
        };
        let fits = |dot: &u32| {
            let (lines, rows) = lines_at(*dot);
            lines.len() <= rows
        };
        let dot = dots.rev().find(fits).unwrap_or(smallest);
        let (mut lines, rows) = lines_at(dot);
        if lines.len() > rows {
            lines.truncate(rows);
            lines.push("...".to_owned());
            lines.remove(rows - 1);
        }
        Some(Self::with_lines(&lines, dot))
    }

    fn with_lines(lines: &[String], dot: u32) -> Self {
        let lines: Vec<Vec<Glyph>> = lines.iter().map(|line| line.chars().map(glyph).collect()).collect();
        let longest = lines.iter().map(Vec::len).max().unwrap_or_default();
        let pixels = |dots: usize| u32::try_from(dots).expect("text was cut to the picture") * dot;
        let width = pixels(longest * 8) + PADDING * 2 * dot;
        let height = pixels(lines.len()) * LINE + (PADDING * 2 - 2) * dot;
        Self { left: 0, top: 0, width, height, dot, lines }
    }

    fn at(mut self, left: u32, top: u32) -> Self {
        (self.left, self.top) = (left, top);
        self
    }

    fn centred(self, size: PixelSize) -> Self {
        let left = size.width().saturating_sub(self.width) / 2;
        let top = size.height().saturating_sub(self.height) / 2;
        self.at(left, top)
    }

    fn paint(&self, y: u32, row: &mut [u8]) {
        let Some(below) = y.checked_sub(self.top).filter(|below| *below < self.height) else { return };
        let pixels = row.as_chunks_mut::<PIXEL>().0;
        let right = index(self.left + self.width).min(pixels.len());
        let pixels = &mut pixels[index(self.left).min(right)..right];
        for pixel in &mut *pixels {
            *pixel = pixel.map(|part| part / 4);
        }
        if let Some(dot_row) = (below / self.dot).checked_sub(PADDING)
            && let Some(line) = self.lines.get(index(dot_row / LINE))
            && dot_row % LINE < 8
        {
            self.ink(line, index(dot_row % LINE), pixels);
        }
    }

    /// Draws one row of dots of a line of letters.
    fn ink(&self, line: &[Glyph], dot_row: usize, pixels: &mut [[u8; PIXEL]]) {
        let dot = index(self.dot);
        let pixels = pixels.get_mut(index(PADDING) * dot..).unwrap_or_default();
        for (glyph, space) in line.iter().zip(pixels.chunks_mut(8 * dot)) {
            for (bit, dots) in space.chunks_mut(dot).enumerate() {
                if glyph[dot_row] >> bit & 1 == 1 {
                    dots.fill(INK);
                }
            }
        }
    }
}

fn glyph(letter: char) -> Glyph {
    if let Some(basic) = BASIC_UNICODE.get(letter as usize) {
        return basic.byte_array();
    }
    let sets: [fn(char) -> Option<Glyph>; 4] = [
        |letter| LatinFonts::new().get(letter),
        |letter| GreekFonts::new().get(letter),
        |letter| HiraganaFonts::new().get(letter),
        |letter| MiscFonts::new().get(letter),
    ];
    sets.iter().find_map(|set| set(letter)).unwrap_or(UNKNOWN)
}

/// Breaks text into lines of at most `width` letters, between words where that is possible.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for (part, piece) in letters.chunks(width).enumerate() {
            let space = usize::from(part == 0 && length > 0);
            if length > 0 && length + space + piece.len() > width {
                lines.push(std::mem::take(&mut line));
                length = 0;
            } else if space == 1 {
                line.push(' ');
                length += 1;
            }
            line.extend(piece);
            length += piece.len();
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_within_words_that_are_too_long() {
        assert_eq!(wrap("a fox  in the snow", 6), ["a fox", "in the", "snow"]);
        assert_eq!(wrap("extraordinary", 5), ["extra", "ordin", "ary"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn letters_and_what_the_font_lacks_have_a_shape() {
        assert_ne!(glyph('A'), glyph('B'));
        assert_ne!(glyph('ü'), UNKNOWN);
        assert_eq!(glyph('狐'), UNKNOWN);
        assert_eq!(glyph(' '), [0; 8]);
    }

    #[test]
    fn any_text_fits_on_any_picture() {
        for (width, height) in [(1, 1), (192, 1536), (1536, 192), (12_288, 1536)] {
            let size = PixelSize::new(width, height).unwrap();
            let lettering = Lettering::new(size, &"word ".repeat(5000), "caption");
            let mut row = vec![0; index(width) * PIXEL];
            (0..height).for_each(|y| lettering.paint(y, &mut row));
        }
    }
}
