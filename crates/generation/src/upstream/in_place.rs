//! Base64 decoded inside the buffer that it arrived in, so that a picture is never held twice.

use std::ops::Range;

use base64_turbo::{Engine, STANDARD_NO_PAD};

/// Symbols decoded at once; a multiple of four, so that every piece but the last ends on a whole byte.
const PIECE: usize = 64 << 10;

/// Decodes `buffer[text]` to the front of `buffer` and tells how many bytes that gave; none when the text is
/// no base64. The standard and the URL-safe alphabet are read, with padding or without, and as JSON may
/// write them: with `\/` and `\u003d`.
pub(crate) fn decode(buffer: &mut [u8], text: Range<usize>) -> Option<usize> {
    let mut end = text.start + unpadded(&buffer[text.clone()]);
    let (mut read, mut written) = (text.start, 0);
    let mut scratch = Vec::new();
    let mut plain = false;
    while read < end {
        let piece = read..end.min(read + PIECE);
        match decode_piece(&STANDARD_NO_PAD, buffer, piece.clone(), written, &mut scratch) {
            Some(length) => (read, written) = (piece.end, written + length),
            None if plain => return None,
            None => {
                end = normalise(buffer, read..text.end)?;
                plain = true;
            }
        }
    }
    Some(written)
}

/// Decodes one piece to `buffer[to..]`, never past the piece itself. What was decoded before and what is still
/// to be read do not overlap; only the first few pieces are so close that they need the scratch buffer.
fn decode_piece(
    engine: &Engine,
    buffer: &mut [u8],
    piece: Range<usize>,
    to: usize,
    scratch: &mut Vec<u8>,
) -> Option<usize> {
    let room = engine.decoded_len_estimate(piece.len());
    let (front, back) = buffer.split_at_mut(piece.start);
    let symbols = &back[..piece.len()];
    if front.len() - to >= room {
        return engine.decode_slice(symbols, &mut front[to..]).ok();
    }
    scratch.resize(engine.decoded_len_estimate(PIECE).max(room), 0);
    let length = engine.decode_slice(symbols, scratch).ok()?;
    buffer[to..to + length].copy_from_slice(&scratch[..length]);
    Some(length)
}

/// How many symbols stand before the padding.
fn unpadded(symbols: &[u8]) -> usize {
    let padding = symbols.iter().rev().take(2).take_while(|&&symbol| symbol == b'=').count();
    symbols.len() - padding
}

/// Undoes JSON's escapes and the URL-safe alphabet within `text`, in place; where the symbols now end.
fn normalise(buffer: &mut [u8], text: Range<usize>) -> Option<usize> {
    let (mut read, mut write) = (text.start, text.start);
    while read < text.end {
        let (symbol, length) = match &buffer[read..text.end] {
            [b'\\', b'u', a, b, c, d, ..] => (unicode([*a, *b, *c, *d])?, 6),
            [b'\\', b'/', ..] => (b'/', 2),
            [b'-', ..] => (b'+', 1),
            [b'_', ..] => (b'/', 1),
            [symbol, ..] => (*symbol, 1),
            [] => return None,
        };
        buffer[write] = symbol;
        read += length;
        write += 1;
    }
    Some(text.start + unpadded(&buffer[text.start..write]))
}

fn unicode(digits: [u8; 4]) -> Option<u8> {
    let digits = std::str::from_utf8(&digits).ok().filter(|text| !text.starts_with('+'))?;
    match u8::try_from(u16::from_str_radix(digits, 16).ok()?).ok()? {
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        symbol => Some(symbol),
    }
}

#[cfg(test)]
mod tests {
    use base64_turbo::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    /// Decodes `text` within a buffer that has `before` bytes in front of it and some behind.
    fn decoded(text: &str, before: usize) -> Option<Vec<u8>> {
        let mut buffer = vec![b'"'; before];
        buffer.extend_from_slice(text.as_bytes());
        buffer.extend_from_slice(b"\"}]}");
        let length = decode(&mut buffer, before..before + text.len())?;
        Some(buffer[..length].to_vec())
    }

    fn spelled(bytes: &[u8], spelling: usize) -> String {
        match spelling {
            0 => STANDARD.encode(bytes),
            1 => URL_SAFE.encode(bytes),
            2 => STANDARD_NO_PAD.encode(bytes),
            3 => URL_SAFE_NO_PAD.encode(bytes),
            4 => STANDARD.encode(bytes).replace('=', "\\u003d").replace('+', "\\u002B"),
            _ => STANDARD.encode(bytes).replace('/', "\\/"),
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(
            seed in proptest::collection::vec(any::<u8>(), 0..600),
            times in prop_oneof![Just(1usize), 1usize..900],
            before in 0usize..200,
            spelling in 0usize..6,
        ) {
            let bytes = seed.repeat(times);
            prop_assert_eq!(decoded(&spelled(&bytes, spelling), before), Some(bytes));
        }

        #[test]
        fn no_text_makes_the_decoder_panic(text in proptest::collection::vec(any::<u8>(), 0..300), before in 0usize..50) {
            let mut buffer = vec![0; before];
            buffer.extend_from_slice(&text);
            let end = buffer.len();
            let _ = decode(&mut buffer, before..end);
        }
    }

    #[test]
    fn every_length_around_the_piece_comes_back() {
        for length in (PIECE / 4 * 3 - 4)..(PIECE / 4 * 3 + 5) {
            let bytes: Vec<u8> = (0..length).map(|i| u8::try_from(i * 7 % 251).unwrap()).collect();
            for spelling in 0..6 {
                assert_eq!(
                    decoded(&spelled(&bytes, spelling), 0),
                    Some(bytes.clone()),
                    "{length} {spelling}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for text in ["A", "AAAAA", "A=AA", "====", "AA*A", "AAAA\\n", "\\u00", "\\u+03d", "AAA\\", "ünï"] {
            assert_eq!(decoded(text, 3), None, "{text}");
        }
    }
}
