//! Empty tiles, kept for the next picture.
//!
//! The memory of a picture that left is the memory of the next: to give it back to the machine and to ask for it
//! again would cost more than to fill it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use proto::limits::CHUNK;

/// Empty tiles that are kept when none is in use: enough for one large picture.
const KEPT: usize = (16 << 20) / CHUNK;

/// Hands out tiles and takes them back. Clones share their tiles.
#[derive(Clone, Default)]
pub(crate) struct Stock(Arc<Mutex<Count>>);

#[derive(Default)]
struct Count {
    empty: Vec<Box<[u8]>>,
    used: usize,
}

/// A tile of a chunk's size. Dropping it gives it back.
pub(super) struct Tile {
    bytes: Box<[u8]>,
    stock: Stock,
}

impl Stock {
    /// A tile with anything in it.
    pub(super) fn take(&self) -> Tile {
        let mut count = self.count();
        count.used += 1;
        let empty = count.empty.pop();
        drop(count);
        let bytes = empty.unwrap_or_else(|| vec![0; CHUNK].into());
        Tile { bytes, stock: self.clone() }
    }

    /// Keeps a tile, as long as no more are empty than are in use.
    fn take_back(&self, tile: Box<[u8]>) {
        let mut count = self.count();
        count.used -= 1;
        count.empty.push(tile);
        let kept = count.used.max(KEPT);
        count.empty.truncate(kept);
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tile {
    /// All of it, to be filled.
    pub(super) fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Its first bytes; the tile goes back when nobody has them any more.
    pub(super) fn first(self, length: usize) -> Bytes {
        Bytes::from_owner(self).slice(..length)
    }
}

impl AsRef<[u8]> for Tile {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Tile {
    fn drop(&mut self) {
        self.stock.take_back(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty(stock: &Stock) -> usize {
        stock.count().empty.len()
    }

    #[test]
    fn a_tile_comes_back_with_the_last_of_its_bytes_and_is_used_again() {
        let stock = Stock::default();
        let mut tile = stock.take();
        tile.as_mut()[..3].copy_from_slice(b"abc");
        let bytes = tile.first(3);
        let place = bytes.as_ptr();
        drop(bytes.clone());
        assert_eq!((&bytes[..], empty(&stock)), (&b"abc"[..], 0));
        drop(bytes);
        assert_eq!(empty(&stock), 1);
        assert_eq!(stock.take().as_ref().as_ptr(), place);
    }

    #[test]
    fn no_more_tiles_are_kept_than_are_in_use_or_than_one_picture_has() {
        let stock = Stock::default();
        let mut tiles: Vec<_> = (0..3 * KEPT).map(|_| stock.take()).collect();
        tiles.truncate(2 * KEPT);
        assert_eq!(empty(&stock), KEPT);
        tiles.truncate(KEPT + KEPT / 2);
        assert_eq!(empty(&stock), KEPT + KEPT / 2);
        tiles.clear();
        assert_eq!(empty(&stock), KEPT);
    }
}
