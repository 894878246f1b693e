//! How the page and the console hand each other words and pictures in one body, with nothing encoded: pieces, each
//! behind a byte that says what it is and four that say how long it is, the highest first.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use serde::Serialize;

/// A piece of JSON.
const WORDS: u8 = 0;

/// Bytes of a picture: a whole one on the way here, and on the way back some of the one that was announced last.
const PICTURE: u8 = 1;

/// What stands before a piece.
const HEAD: usize = 5;

/// What a page sent: words, then pictures.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) words: Bytes,
    pub(super) pictures: Vec<Bytes>,
}

/// The bytes are no words with pictures behind them.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("this does not read as something that the playground sent; load the page again")]
pub(super) struct Garbled;

/// A piece of words.
pub(super) fn words(told: &impl Serialize) -> Bytes {
    let told = serde_json::to_vec(told).expect("what is told are plain structs");
    [head(WORDS, told.len()), told.into()].concat().into()
}

/// A piece of a picture.
pub(super) fn picture(bytes: Bytes) -> [Bytes; 2] {
    [head(PICTURE, bytes.len()), bytes]
}

fn head(kind: u8, length: usize) -> Bytes {
    let mut head = BytesMut::with_capacity(HEAD);
    head.put_u8(kind);
    head.put_u32(length.try_into().expect("a piece is shorter than a message of the services"));
    head.freeze()
}

/// Takes a body apart; its pictures stay where they are.
pub(super) fn read(body: &Bytes) -> Result<Sent, Garbled> {
    let mut rest = body.clone();
    let (WORDS, words) = next(&mut rest)? else { return Err(Garbled) };
    let mut pictures = Vec::new();
    while !rest.is_empty() {
        match next(&mut rest)? {
            (PICTURE, bytes) => pictures.push(bytes),
            _ => return Err(Garbled),
        }
    }
    Ok(Sent { words, pictures })
}

fn next(rest: &mut Bytes) -> Result<(u8, Bytes), Garbled> {
    if rest.len() < HEAD {
        return Err(Garbled);
    }
    let kind = rest.get_u8();
    let length = usize::try_from(rest.get_u32()).map_err(|_| Garbled)?;
    if rest.len() < length {
        return Err(Garbled);
    }
    Ok((kind, rest.split_to(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(pieces: &[Bytes]) -> Bytes {
        pieces.concat().into()
    }

    #[test]
    fn words_and_pictures_come_out_as_they_went_in() {
        let [head, bytes] = picture(Bytes::from_static(b"\x89PNG"));
        let sent = read(&body(&[words(&"a fox"), head.clone(), bytes.clone(), head, bytes.clone()])).unwrap();
        assert_eq!(
            sent,
            Sent { words: Bytes::from_static(b"\"a fox\""), pictures: vec![bytes.clone(), bytes] }
        );
    }

    #[test]
    fn whatever_is_cut_short_or_out_of_order_is_refused() {
        let [head, bytes] = picture(Bytes::from_static(b"\x89PNG"));
        let whole = body(&[words(&"a fox"), head.clone(), bytes.clone()]);
        let after_words = whole.len() - HEAD - bytes.len();
        for length in (0..whole.len()).filter(|length| *length != after_words) {
            assert_eq!(read(&whole.slice(..length)), Err(Garbled), "{length}");
        }
        assert_eq!(read(&body(&[head, bytes, words(&1)])), Err(Garbled));
        assert_eq!(read(&body(&[words(&1), words(&1)])), Err(Garbled));
    }
}
