//! A picture as it was decoded: in tiles of one size, never in one block of memory.
//!
//! Blocks as large as a picture are what an allocator keeps, splits and fragments; tiles of a chunk's size it hands
//! out again and again. A picture then takes its own length and little more, and gives each tile back as it leaves.

mod stock;

use bytes::Bytes;
use domain::{
    MediaType, PixelSize,
    image::{NotAnImage, TAIL, probe},
};
use proto::limits::CHUNK;

pub(crate) use stock::Stock;
use stock::Tile;

/// Bytes that arrive, laid out in tiles.
pub(crate) struct Tiles {
    stock: Stock,
    full: Vec<Bytes>,
    /// The tile that is being filled, and how many bytes it has.
    last: Option<(Tile, usize)>,
}

impl Tiles {
    /// No bytes so far; the tiles come from this stock.
    pub(crate) const fn new(stock: Stock) -> Self {
        Self { stock, full: Vec::new(), last: None }
    }

    /// Where the next bytes go: what is left of a tile.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        let (tile, filled) = self.last.get_or_insert_with(|| (self.stock.take(), 0));
        &mut tile.as_mut()[*filled..]
    }

    /// Declares that so many bytes are there.
    pub(crate) fn filled(&mut self, bytes: usize) {
        if let Some((_, length)) = &mut self.last {
            *length += bytes;
        }
        if let Some((tile, _)) = self.last.take_if(|(_, length)| *length == CHUNK) {
            self.full.push(tile.first(CHUNK));
        }
    }

    /// Every tile, the last of which may be short.
    pub(crate) fn finish(mut self) -> Vec<Bytes> {
        self.full.extend(self.last.map(|(tile, length)| tile.first(length)));
        self.full
    }
}

/// A whole picture in tiles: its bytes, and what their header says of it.
#[derive(Debug)]
pub(crate) struct TiledImage {
    /// Its format, sniffed.
    pub(crate) media_type: MediaType,
    /// Its width and height, from its header.
    pub(crate) size: PixelSize,
    /// Its bytes, in order.
    pub(crate) tiles: Vec<Bytes>,
}

impl TiledImage {
    /// Reads the format, the pixel size and the end mark of these bytes; decodes no pixels.
    pub(crate) fn inspect(tiles: Vec<Bytes>) -> Result<Self, NotAnImage> {
        let length = tiles.iter().map(Bytes::len).sum();
        let head = tiles.first().map(Bytes::as_ref).unwrap_or_default();
        let tail = match tiles.as_slice() {
            [.., before, last] if last.len() < TAIL => &[before, last.as_ref()].concat(),
            [.., last] => last.as_ref(),
            [] => head,
        };
        let (media_type, size) = probe(head, tail, length).or_else(|error| match error {
            // Some pictures carry so much about themselves that their size comes late.
            NotAnImage::BadHeader(_) if tiles.len() > 1 => probe(&tiles.concat(), tail, length),
            error => Err(error),
        })?;
        Ok(Self { media_type, size, tiles })
    }

    /// Its length in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.tiles.iter().map(|tile| tile.len() as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest whole PNG, with room for more in its middle.
    const PNG: &[u8] =
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\
        \x3a\x7e\x9b\x55\x00\x00\x00\x0aIDAT\x78\x9c\x63\x60\x00\x00\x00\x02\x00\x01\x48\xaf\xa4\x71\
        \x00\x00\x00\x00IEND\xae\x42\x60\x82";

    fn laid(bytes: &[u8], piece: usize) -> Vec<Bytes> {
        let mut tiles = Tiles::new(Stock::default());
        for mut piece in bytes.chunks(piece) {
            while !piece.is_empty() {
                let room = tiles.room();
                let fitting = piece.split_off(..piece.len().min(room.len())).unwrap();
                room[..fitting.len()].copy_from_slice(fitting);
                tiles.filled(fitting.len());
            }
        }
        tiles.finish()
    }

    fn png_of(length: usize) -> Vec<u8> {
        let mut png = PNG.to_vec();
        png.splice(33..33, (0..length - PNG.len()).map(|i| i.to_le_bytes()[0]));
        png
    }

    #[test]
    fn bytes_come_back_in_tiles_however_they_came() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7] {
            let bytes: Vec<u8> = (0..length).map(|i| i.to_le_bytes()[0]).collect();
            for piece in [997, CHUNK, 5 * CHUNK] {
                let tiles = laid(&bytes, piece);
                assert_eq!(tiles.concat(), bytes, "{length} in pieces of {piece}");
                assert_eq!(tiles.len(), length.div_ceil(CHUNK));
            }
        }
    }

    #[test]
    fn a_picture_is_whole_wherever_its_tiles_part() {
        for length in [PNG.len(), CHUNK - 1, CHUNK, CHUNK + 1, CHUNK + 5, CHUNK + 11, 2 * CHUNK + TAIL + 1] {
            let image = TiledImage::inspect(laid(&png_of(length), 4_096)).unwrap();
            assert_eq!((image.size.to_string(), image.length()), ("1x1".to_owned(), length as u64));
            let cut = laid(&png_of(length)[..length - 5], 4_096);
            assert_eq!(TiledImage::inspect(cut).unwrap_err(), NotAnImage::Truncated(MediaType::Png));
        }
        assert_eq!(TiledImage::inspect(Vec::new()).unwrap_err(), NotAnImage::UnknownFormat);
    }

    #[test]
    fn a_size_that_comes_late_is_found() {
        let mut jpeg = vec![0xff, 0xd8];
        for _ in 0..3 {
            jpeg.extend([0xff, 0xe2, 0xff, 0xff]);
            jpeg.extend(std::iter::repeat_n(0, 65_533));
        }
        jpeg.extend([0xff, 0xc0, 0, 11, 8, 0, 2, 0, 3, 1, 0, 0, 0, 0xff, 0xd9]);
        assert_eq!(TiledImage::inspect(laid(&jpeg, 4_096)).unwrap().size.to_string(), "3x2");
    }
}
