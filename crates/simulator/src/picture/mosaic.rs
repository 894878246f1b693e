//! The tiles behind the lettering.

use domain::PixelSize;

use super::{PIXEL, index};
use crate::chance::Chance;

type Colour = [u8; PIXEL];

/// Square tiles, coloured by a smooth field, each with a light and a dark edge, and grain over all.
#[derive(Debug)]
pub(super) struct Mosaic {
    /// Width and height of a tile, grout included.
    tile: u32,
    grout: u32,
    columns: u32,
    colours: Vec<Colour>,
    grain: Grain,
    /// Rows look alike within a band of a row of tiles: the last one that was painted, without grain.
    band: Option<(u32, Band)>,
    template: Vec<u8>,
}

/// Which part of a tile a row crosses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Band {
    Grout,
    Light,
    Face,
    Dark,
}

const GROUT: Colour = [38, 36, 40];

const PALETTES: [[Colour; 5]; 6] = [
    [[20, 66, 114], [44, 116, 179], [94, 170, 168], [232, 213, 183], [201, 122, 74]],
    [[92, 36, 52], [168, 62, 60], [222, 134, 84], [244, 208, 140], [110, 130, 92]],
    [[28, 68, 52], [62, 120, 76], [140, 172, 92], [226, 216, 152], [120, 88, 58]],
    [[52, 38, 92], [104, 68, 150], [176, 110, 170], [238, 176, 158], [66, 110, 160]],
    [[24, 52, 66], [38, 108, 124], [112, 178, 160], [250, 226, 170], [228, 108, 84]],
    [[66, 58, 52], [128, 108, 88], [188, 164, 128], [232, 220, 196], [92, 120, 136]],
];

/// Colours are chosen at the corners of a lattice of so many cells each way, and blend between them.
const LATTICE: u32 = 4;

impl Mosaic {
    pub(super) fn new(size: PixelSize, seed: u64) -> Self {
        let short = size.width().min(size.height());
        let tile = (short / 28).max(8);
        let (columns, rows) = (size.width().div_ceil(tile), size.height().div_ceil(tile));
        Self {
            tile,
            grout: (tile / 14).max(1),
            columns,
            colours: colours(columns, rows, &mut Chance::new(seed)),
            grain: Grain::new(size, seed),
            band: None,
            template: vec![0; index(size.width()) * PIXEL],
        }
    }

    pub(super) fn paint(&mut self, y: u32, row: &mut [u8]) {
        let band = (y / self.tile, self.band(y % self.tile));
        if self.band != Some(band) {
            self.lay(band);
            self.band = Some(band);
        }
        row.copy_from_slice(&self.template);
        self.grain.scatter(row);
    }

    /// Which part of a tile lies this far from its upper or left edge.
    const fn band(&self, offset: u32) -> Band {
        let edge = self.grout * 2;
        match offset {
            _ if offset < self.grout => Band::Grout,
            _ if offset < self.grout + edge => Band::Light,
            _ if offset >= self.tile - edge => Band::Dark,
            _ => Band::Face,
        }
    }

    /// Prepares the row that crosses this band of this row of tiles.
    fn lay(&mut self, (tile_row, across): (u32, Band)) {
        let mut template = std::mem::take(&mut self.template);
        for (x, pixel) in (0..).zip(template.as_chunks_mut::<PIXEL>().0) {
            let colour = self.colours[index(tile_row * self.columns + x / self.tile)];
            *pixel = match (across, self.band(x % self.tile)) {
                (Band::Grout, _) | (_, Band::Grout) => GROUT,
                (Band::Light, _) | (Band::Face, Band::Light) => colour.map(|part| part.saturating_add(22)),
                (Band::Dark, _) | (Band::Face, Band::Dark) => colour.map(|part| part.saturating_sub(22)),
                (Band::Face, Band::Face) => colour,
            };
        }
        self.template = template;
    }
}

/// One colour for each tile, row by row.
fn colours(columns: u32, rows: u32, chance: &mut Chance) -> Vec<Colour> {
    let pick = |chance: &mut Chance, among: u64| {
        usize::try_from(chance.next() % among).expect("a small number fits")
    };
    let palette = PALETTES[pick(chance, 6)];
    let corners: Vec<Colour> = (0..(LATTICE + 1) * (LATTICE + 1)).map(|_| palette[pick(chance, 5)]).collect();
    let corner = |column: u32, row: u32| corners[index(row * (LATTICE + 1) + column)];
    let mut tiles = Vec::with_capacity(index(columns * rows));
    for row in 0..rows {
        for column in 0..columns {
            let ((left, x), (top, y)) = (place(column, columns), place(row, rows));
            let above = mix(corner(left, top), corner(left + 1, top), x);
            let below = mix(corner(left, top + 1), corner(left + 1, top + 1), x);
            let jitter = u8::try_from(chance.next() % 28).expect("less than 28 is a byte");
            let tile = mix(above, below, y);
            tiles.push(tile.map(|part| part.saturating_add(jitter).saturating_sub(14)));
        }
    }
    tiles
}

/// The lattice cell that a tile lies in, and how far into it, in 256ths.
fn place(tile: u32, tiles: u32) -> (u32, u32) {
    let position = (tile * 2 + 1) * LATTICE * 128 / tiles;
    (position / 256, position % 256)
}

fn mix(from: Colour, to: Colour, share: u32) -> Colour {
    std::array::from_fn(|part| {
        let sum = u32::from(from[part]) * (256 - share) + u32::from(to[part]) * share;
        u8::try_from(sum / 256).expect("a mean of bytes is a byte")
    })
}

/// Noise over the tiles, so that files are about as long as Google's: coarser where pixels are few.
#[derive(Debug)]
struct Grain {
    chance: Chance,
    mask: u8,
    noise: Vec<u8>,
}

impl Grain {
    fn new(size: PixelSize, seed: u64) -> Self {
        let mask = match size.width() * size.height() {
            0..2_000_000 => 7,
            2_000_000..8_000_000 => 3,
            _ => 1,
        };
        Self { chance: Chance::new(!seed), mask, noise: vec![0; index(size.width()) * PIXEL] }
    }

    fn scatter(&mut self, row: &mut [u8]) {
        self.chance.fill(&mut self.noise);
        let (mask, middle) = (self.mask, (self.mask / 2).cast_signed());
        for (part, noise) in row.iter_mut().zip(&self.noise) {
            *part = part.saturating_add_signed((noise & mask).cast_signed() - middle);
        }
    }
}
