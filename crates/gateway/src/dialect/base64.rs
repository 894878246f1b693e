//! Base64 in both directions: whole texts in, pictures out piece by piece.

use std::borrow::Cow;

use base64_turbo::{STANDARD, STANDARD_PAD_INDIFFERENT, URL_SAFE_PAD_INDIFFERENT};
use bytes::Bytes;

use super::output::Output;

/// The text is no base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not valid base64")]
pub(super) struct NotBase64;

/// Reads either alphabet, with or without padding, broken over lines or not.
pub(super) fn decode(text: &str) -> Result<Bytes, NotBase64> {
    let text = text.trim_ascii();
    let is_space = |byte: &u8| byte.is_ascii_whitespace();
    let text: Cow<'_, [u8]> = if text.bytes().any(|byte| is_space(&byte)) {
        text.bytes().filter(|byte| !is_space(byte)).collect()
    } else {
        text.as_bytes().into()
    };
    let url_safe = text.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let engine = if url_safe { URL_SAFE_PAD_INDIFFERENT } else { STANDARD_PAD_INDIFFERENT };
    engine.decode(&text).map(Bytes::from).map_err(|_| NotBase64)
}

/// Encodes bytes that come in pieces of any length, as if they had come in one.
#[derive(Default)]
pub(super) struct Encoder {
    /// Bytes that do not yet make a group of three.
    rest: [u8; 2],
    held: usize,
}

impl Encoder {
    /// Writes as much as is complete.
    pub(super) fn push(&mut self, mut bytes: &[u8], out: &mut Output) {
        if self.held > 0 {
            let (first, after) = bytes.split_at(bytes.len().min(3 - self.held));
            let mut group = [0; 3];
            group[..self.held].copy_from_slice(&self.rest[..self.held]);
            group[self.held..self.held + first.len()].copy_from_slice(first);
            bytes = after;
            if self.held + first.len() < 3 {
                return self.hold(&group[..self.held + first.len()]);
            }
            out.adopt(STANDARD.encode(group));
        }
        let (whole, rest) = bytes.split_at(bytes.len() / 3 * 3);
        out.adopt(STANDARD.encode(whole));
        self.hold(rest);
    }

    /// Writes what is left, with its padding.
    pub(super) fn finish(&mut self, out: &mut Output) {
        out.adopt(STANDARD.encode(&self.rest[..self.held]));
        self.held = 0;
    }

    fn hold(&mut self, rest: &[u8]) {
        self.rest[..rest.len()].copy_from_slice(rest);
        self.held = rest.len();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_alphabets_and_loose_padding_are_read() {
        let bytes = [0xff, 0xfe, 0xfd, 0xfb];
        for text in ["//79+w==", "//79+w", "__79-w", "__79-w==", " //79\r\n+w== "] {
            assert_eq!(decode(text).as_deref(), Ok(&bytes[..]), "{text:?}");
        }
        for text in ["!", "//79+", "//_9", "=", "ü"] {
            assert_eq!(decode(text), Err(NotBase64), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_of_any_length_encode_as_the_whole(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..20),
        ) {
            let (mut encoder, mut out) = (Encoder::default(), Output::default());
            for piece in &pieces {
                encoder.push(piece, &mut out);
            }
            encoder.finish(&mut out);
            prop_assert_eq!(Bytes::from(out), STANDARD.encode(pieces.concat()));
        }
    }
}
