//! Base64 decoded piece by piece, as it arrives.

use base64_turbo::STANDARD_NO_PAD;
use bytes::Bytes;

use super::tiles::{Stock, Tiles};

/// Symbols that make whole bytes, and how many they make.
const GROUP: usize = 4;
const WHOLE: usize = 3;

/// Decodes a text that comes in pieces, into tiles. The standard and the URL-safe alphabet are read, with padding or without.
pub(crate) struct Decoder {
    tiles: Tiles,
    /// The last one to four symbols, which may turn out to be padded.
    pending: Vec<u8>,
    broken: bool,
}

impl Decoder {
    /// A decoder of a text that has not begun.
    pub(crate) const fn new(stock: Stock) -> Self {
        Self { tiles: Tiles::new(stock), pending: Vec::new(), broken: false }
    }

    /// Takes the next symbols.
    pub(crate) fn push(&mut self, symbols: &[u8]) {
        let (head, rest) = symbols.split_at(symbols.len().min(GROUP - self.pending.len()));
        self.pending.extend_from_slice(head);
        if rest.is_empty() {
            return;
        }
        let group = std::mem::take(&mut self.pending);
        self.decode(&group);
        // At least one symbol stays behind, so that the end of the text is always pending.
        let (whole, last) = rest.split_at((rest.len() - 1) / GROUP * GROUP);
        self.decode(whole);
        self.pending.extend_from_slice(last);
    }

    /// Declares that the text is no base64.
    pub(crate) fn spoil(&mut self) {
        self.broken = true;
    }

    /// What was decoded; none when the text is no base64.
    pub(crate) fn finish(mut self) -> Option<Vec<Bytes>> {
        let last = std::mem::take(&mut self.pending);
        let padding = last.iter().rev().take(2).take_while(|&&symbol| symbol == b'=').count();
        self.broken |= padding > 0 && padding == last.len();
        self.decode(&last[..last.len() - padding]);
        (!self.broken).then(|| self.tiles.finish())
    }

    /// Decodes whole groups, or the last of them. A tile has room for whole groups alone until then.
    fn decode(&mut self, mut symbols: &[u8]) {
        while !symbols.is_empty() && !self.broken {
            let room = self.tiles.room();
            let (fitting, rest) = symbols.split_at(symbols.len().min(room.len() / WHOLE * GROUP));
            let decoded = STANDARD_NO_PAD
                .decode_slice(fitting, room)
                .or_else(|_| STANDARD_NO_PAD.decode_slice(standard(fitting), room));
            match decoded {
                Ok(length) => self.tiles.filled(length),
                Err(_) => self.spoil(),
            }
            symbols = rest;
        }
    }
}

/// The same symbols in the standard alphabet.
fn standard(symbols: &[u8]) -> Vec<u8> {
    let in_standard = |symbol: &u8| match symbol {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    };
    symbols.iter().map(in_standard).collect()
}

#[cfg(test)]
mod tests {
    use base64_turbo::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    /// Decodes a text that comes in pieces of these lengths, over and over.
    fn decoded(text: &str, pieces: &[usize]) -> Option<Vec<u8>> {
        let mut decoder = Decoder::new(Stock::default());
        let (mut rest, mut lengths) = (text.as_bytes(), pieces.iter().cycle());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(*lengths.next().unwrap()));
            decoder.push(piece);
            rest = after;
        }
        decoder.finish().map(|tiles| tiles.concat())
    }

    proptest! {
        #[test]
        fn what_was_encoded_comes_back_however_it_is_cut(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
            pieces in proptest::collection::vec(1usize..70, 1..8),
        ) {
            for spelled in [
                STANDARD.encode(&bytes),
                URL_SAFE.encode(&bytes),
                STANDARD_NO_PAD.encode(&bytes),
                URL_SAFE_NO_PAD.encode(&bytes),
            ] {
                prop_assert_eq!(decoded(&spelled, &pieces), Some(bytes.clone()));
            }
        }

        #[test]
        fn no_text_makes_the_decoder_panic(text in "[A-Za-z=+/_-]{0,40}|\\PC{0,40}", piece in 1usize..9) {
            let _ = decoded(&text, &[piece]);
        }
    }

    #[test]
    fn what_is_no_base64_is_refused_however_it_is_cut() {
        for text in ["A", "AAAAA", "A=AA", "====", "=", "==", "AAAA=", "AA*A", "AA==AAAA", "ünï"] {
            for piece in 1..9 {
                assert_eq!(decoded(text, &[piece]), None, "{text} in pieces of {piece}");
            }
        }
    }
}
