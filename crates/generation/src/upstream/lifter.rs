//! Pictures lifted out of a JSON answer while it arrives.
//!
//! Nearly all of an answer is the base64 of one string. It is decoded piece by piece as it comes off the wire, so
//! that the base64 is never held, and the picture is whole at the moment the answer is. What remains is a small
//! JSON document like the original, with the picture's number in the place of its base64.

use bytes::Bytes;
use memchr::{memchr, memchr2};

use super::{base64::Decoder, tiles::Stock};

/// A JSON answer without its pictures, and the pictures.
#[derive(Debug)]
pub(crate) struct Lifted {
    /// The answer, in which the value of every `"data"` string is the number of a picture.
    pub(crate) json: Vec<u8>,
    /// The pictures by their number, each in tiles; none where the text was no base64.
    pub(crate) pictures: Vec<Option<Vec<Bytes>>>,
}

/// Takes the pieces of an answer.
pub(crate) struct Lifter {
    stock: Stock,
    lifted: Lifted,
    place: Place,
    decoder: Decoder,
    /// The characters of an escape within a picture, after its backslash.
    escape: Vec<u8>,
}

/// Where the next byte stands.
#[derive(Clone, Copy)]
enum Place {
    BetweenStrings,
    Text,
    TextEscape,
    Picture,
    PictureEscape,
}

impl Lifter {
    /// A lifter that has taken nothing yet, and lays pictures in tiles of this stock.
    pub(crate) fn new(stock: Stock) -> Self {
        Self {
            decoder: Decoder::new(stock.clone()),
            stock,
            lifted: Lifted { json: Vec::new(), pictures: Vec::new() },
            place: Place::BetweenStrings,
            escape: Vec::new(),
        }
    }

    /// Takes the next piece.
    pub(crate) fn push(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let length = match self.place {
                Place::BetweenStrings => self.between_strings(piece),
                Place::Text => self.text(piece),
                Place::TextEscape => self.text_escape(piece),
                Place::Picture => self.picture(piece),
                Place::PictureEscape => self.picture_escape(piece),
            };
            piece = &piece[length..];
        }
    }

    /// What the answer held. One that was cut short is no JSON.
    pub(crate) fn finish(self) -> Lifted {
        self.lifted
    }

    /// Each of these takes some of the piece and tells how much.
    fn between_strings(&mut self, piece: &[u8]) -> usize {
        let Some(quote) = memchr(b'"', piece) else { return self.keep(piece) };
        let taken = self.keep(&piece[..=quote]);
        self.place = if self.opens_data() { Place::Picture } else { Place::Text };
        taken
    }

    fn text(&mut self, piece: &[u8]) -> usize {
        let Some(mark) = memchr2(b'"', b'\\', piece) else { return self.keep(piece) };
        self.place = if piece[mark] == b'"' { Place::BetweenStrings } else { Place::TextEscape };
        self.keep(&piece[..=mark])
    }

    fn text_escape(&mut self, piece: &[u8]) -> usize {
        self.place = Place::Text;
        self.keep(&piece[..1])
    }

    fn picture(&mut self, piece: &[u8]) -> usize {
        let mark = memchr2(b'"', b'\\', piece);
        self.decoder.push(&piece[..mark.unwrap_or(piece.len())]);
        match mark {
            None => return piece.len(),
            Some(quote) if piece[quote] == b'"' => self.close_picture(),
            Some(_) => {
                self.escape.clear();
                self.place = Place::PictureEscape;
            }
        }
        mark.map_or(piece.len(), |mark| mark + 1)
    }

    /// JSON may write `/` as `\/` and `=` as `\u003d`, within base64 too.
    fn picture_escape(&mut self, piece: &[u8]) -> usize {
        self.escape.push(piece[0]);
        let symbol = match self.escape[..] {
            [b'u'] | [b'u', _] | [b'u', _, _] | [b'u', _, _, _] => return 1,
            [b'/'] => Some(b'/'),
            [b'u', a, b, c, d] => unicode([a, b, c, d]),
            _ => None,
        };
        match symbol {
            Some(symbol) => self.decoder.push(&[symbol]),
            None => self.decoder.spoil(),
        }
        self.place = Place::Picture;
        1
    }

    fn close_picture(&mut self) {
        let number = self.lifted.pictures.len().to_string();
        self.keep(number.as_bytes());
        self.keep(b"\"");
        let decoder = std::mem::replace(&mut self.decoder, Decoder::new(self.stock.clone()));
        self.lifted.pictures.push(decoder.finish());
        self.place = Place::BetweenStrings;
    }

    fn keep(&mut self, bytes: &[u8]) -> usize {
        self.lifted.json.extend_from_slice(bytes);
        bytes.len()
    }

    /// Whether the quotation mark that was kept last opens the value of a field called `data`.
    fn opens_data(&self) -> bool {
        let Some((_quote, before)) = self.lifted.json.split_last() else { return false };
        let Some(field) = before.trim_ascii_end().strip_suffix(b":") else { return false };
        field.trim_ascii_end().ends_with(b"\"data\"")
    }
}

fn unicode(digits: [u8; 4]) -> Option<u8> {
    let digits = std::str::from_utf8(&digits).ok().filter(|text| !text.starts_with('+'))?;
    u8::try_from(u16::from_str_radix(digits, 16).ok()?).ok().filter(u8::is_ascii)
}

#[cfg(test)]
mod tests {
    use base64_turbo::STANDARD;
    use proptest::prelude::*;

    use super::*;

    fn lifted(json: &str, piece: usize) -> (String, Vec<Option<Vec<u8>>>) {
        let mut lifter = Lifter::new(Stock::default());
        json.as_bytes().chunks(piece).for_each(|piece| lifter.push(piece));
        let Lifted { json, pictures } = lifter.finish();
        let whole = |tiles: Vec<Bytes>| tiles.concat();
        (String::from_utf8(json).unwrap(), pictures.into_iter().map(|tiles| tiles.map(whole)).collect())
    }

    #[test]
    fn only_the_values_of_data_are_lifted_however_the_answer_is_cut() {
        let json = r#"{"text":"say \"data\": \"AAAA\" \\","n":[1,"data","x"],"data" : "AAAA","more":{"data":"","data2":"AAAA"}}"#;
        let rest = r#"{"text":"say \"data\": \"AAAA\" \\","n":[1,"data","x"],"data" : "0","more":{"data":"1","data2":"AAAA"}}"#;
        for piece in 1..json.len() {
            let pictures = vec![Some(vec![0; 3]), Some(vec![])];
            assert_eq!(lifted(json, piece), (rest.to_owned(), pictures), "in pieces of {piece}");
        }
    }

    #[test]
    fn escapes_within_base64_are_undone() {
        for spelled in [r"\/+8\u003d", r"\u002F+8=", r"\u002f\u002b8"] {
            for piece in 1..9 {
                let (_, pictures) = lifted(&format!(r#"{{"data":"{spelled}"}}"#), piece);
                assert_eq!(pictures, [Some(vec![0xff, 0xef])], "{spelled} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn what_is_no_base64_is_no_picture_and_harms_nothing_else() {
        for broken in [r"AA\nAA", r"\u00fcAAA", r"\u+02f", "A", "A=AA"] {
            let (json, pictures) = lifted(&format!(r#"{{"data":"{broken}","b":{{"data":"AAAA"}}}}"#), 5);
            assert_eq!(json, r#"{"data":"0","b":{"data":"1"}}"#);
            assert_eq!(pictures, [None, Some(vec![0; 3])], "{broken}");
        }
    }

    #[test]
    fn a_picture_that_is_cut_short_leaves_no_json() {
        let (json, pictures) = lifted(r#"{"data":"AAAA"#, 4);
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_err());
        assert!(pictures.is_empty());
    }

    proptest! {
        #[test]
        fn a_picture_comes_back_whatever_its_length_and_the_pieces(
            bytes in proptest::collection::vec(any::<u8>(), 0..3_000),
            piece in 1usize..5_000,
        ) {
            let json = format!(r#"{{"data":"{}"}}"#, STANDARD.encode(&bytes));
            prop_assert_eq!(lifted(&json, piece).1, vec![Some(bytes)]);
        }

        #[test]
        fn an_answer_without_data_stays_as_it_is(json in "[\"\\\\:,{}a-d ]{0,60}", piece in 1usize..9) {
            prop_assume!(!json.contains("\"data\""));
            prop_assert_eq!(lifted(&json, piece).0, json);
        }
    }
}
