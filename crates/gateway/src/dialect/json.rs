//! JSON as it arrives: a tree that borrows its long strings from the body, and never grows out of bounds.

use std::{borrow::Cow, cell::Cell, fmt};

use bytes::Bytes;
use domain::{Failure, FailureKind};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::fields::Fields;

/// A JSON value. Numbers are whole wherever they were written so.
#[derive(Debug, PartialEq)]
pub(crate) enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number; what is beyond 64 bits stays at the nearest bound.
    Integer(i64),
    /// Any other number.
    Fraction(f64),
    /// A string.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Json<'a>>),
    /// An object, in the order it was written; of equal keys the last one counts.
    Object(Vec<(String, Json<'a>)>),
}

/// Levels of nesting that are read.
const DEEPEST: usize = 64;

/// Values that are read: each takes far more memory than the two bytes it may be written with.
const MOST_VALUES: usize = 100_000;

/// What some clients write before UTF-8; JSON's standard lets a reader pass over it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Longer bodies are read off the threads that serve everybody.
const LONG: usize = 512 << 10;

/// Reads a body that is a JSON object, and hands its fields to `parse`.
pub(super) async fn read<T, P>(body: Bytes, parse: P) -> Result<T, Failure>
where
    T: Send + 'static,
    P: FnOnce(&Fields<'_, '_>) -> Result<T, Failure> + Send + 'static,
{
    if body.len() < LONG {
        return read_now(&body, parse);
    }
    match tokio::task::spawn_blocking(move || read_now(&body, parse)).await {
        Ok(read) => read,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

fn read_now<T>(body: &[u8], parse: impl FnOnce(&Fields<'_, '_>) -> Result<T, Failure>) -> Result<T, Failure> {
    match tree(body)? {
        Json::Object(entries) => parse(&Fields::new(String::new(), &entries)),
        _ => Err(unusable("the request body must be a JSON object")),
    }
}

fn tree(body: &[u8]) -> Result<Json<'_>, Failure> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    if body.trim_ascii().is_empty() {
        return Err(unusable("the request body is empty; send a JSON object"));
    }
    let not_json =
        |error: serde_json::Error| unusable(format!("the request body is not valid JSON: {error}"));
    let mut reader = serde_json::Deserializer::from_slice(body);
    let left = Cell::new(MOST_VALUES);
    let tree = Seed { depth: 0, left: &left }.deserialize(&mut reader).map_err(not_json)?;
    reader.end().map_err(not_json)?;
    Ok(tree)
}

fn unusable(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::InvalidRequest, message)
}

/// Reads one value, counting how deep it is and how many may follow.
#[derive(Clone, Copy)]
struct Seed<'s> {
    depth: usize,
    left: &'s Cell<usize>,
}

impl Seed<'_> {
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == DEEPEST {
            return Err(E::custom(format_args!("nested deeper than {DEEPEST} levels")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Json<'de>, D::Error> {
        let left = self.left.get().checked_sub(1);
        let too_many = || D::Error::custom(format_args!("more than {MOST_VALUES} values"));
        self.left.set(left.ok_or_else(too_many)?);
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(i64::try_from(value).unwrap_or(i64::MAX)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Fraction(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json<'de>, A::Error> {
        let seed = self.inside()?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(seed)? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Json<'de>, A::Error> {
        let seed = self.inside()?;
        let mut entries = Vec::new();
        while let Some(key) = object.next_key()? {
            entries.push((key, object.next_value_seed(seed)?));
        }
        Ok(Json::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &[u8]) -> String {
        tree(body).unwrap_err().message
    }

    #[test]
    fn long_strings_are_borrowed_from_the_body() {
        let Json::List(values) = tree(br#"["plain", "esc\u0061ped"]"#).unwrap() else { panic!("is a list") };
        assert!(matches!(&values[0], Json::Text(Cow::Borrowed("plain"))));
        assert!(matches!(&values[1], Json::Text(Cow::Owned(text)) if text == "escaped"));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_what_follows_it() {
        assert_eq!(tree(b"\xef\xbb\xbf{}").unwrap(), Json::Object(Vec::new()));
        assert!(refused(b"\xef\xbb\xbf").contains("empty"));
        assert!(refused(b"{}\xef\xbb\xbf").contains("not valid JSON"));
    }

    #[test]
    fn numbers_stay_what_they_are() {
        let expected = [
            Json::Integer(-1),
            Json::Integer(i64::MAX),
            Json::Fraction(1.5),
            Json::Fraction(1e9),
            Json::Integer(7),
        ];
        assert_eq!(
            tree(b"[-1, 18446744073709551615, 1.5, 1e9, 7]").unwrap(),
            Json::List(Vec::from(expected))
        );
    }

    #[test]
    fn what_is_no_bearable_json_is_refused() {
        let nested = |levels: usize| [b"[".repeat(levels), b"]".repeat(levels)].concat();
        assert!(tree(&nested(DEEPEST)).is_ok());
        assert!(refused(&nested(200)).contains("nested deeper than 64 levels"));
        let many = format!("[{}0]", "0,".repeat(MOST_VALUES));
        assert!(refused(many.as_bytes()).contains("more than 100000 values"));
        assert!(refused(b" \n").contains("empty"));
        for broken in [&b"{"[..], b"{} {}", b"{\"a\":\"\xff\"}", b"{'a':1}", b"nul", b"[1,]", b"1e999"] {
            assert!(refused(broken).contains("not valid JSON"), "{broken:?}");
        }
    }
}
