//! A tree of JSON that borrows its text from the body it was read from.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

/// Any JSON value. Objects keep their order and their duplicates.
#[derive(Debug)]
pub(super) enum Json<'j> {
    Null,
    Flag(bool),
    Integer(i64),
    Real(f64),
    Text(Cow<'j, str>),
    List(Vec<Json<'j>>),
    Object(Entries<'j>),
}

/// The names and values of an object.
pub(super) type Entries<'j> = Vec<(Cow<'j, str>, Json<'j>)>;

impl fmt::Display for Json<'_> {
    /// The value as Google quotes it in a complaint: scalars in short, the rest by its kind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Flag(flag) => flag.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Real(number) => number.fmt(f),
            Self::Text(text) => write!(f, "\"{}\"", text.chars().take(100).collect::<String>()),
            Self::List(_) => f.write_str("Proto field is not repeating, cannot start list."),
            Self::Object(_) => f.write_str("Starting an object on a scalar field"),
        }
    }
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

/// A name, borrowed where it holds no escapes.
#[derive(Deserialize)]
struct Name<'j>(#[serde(borrow)] Cow<'j, str>);

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json<'de>, E> {
        Ok(Json::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        // Beyond the integers there is no field for it: as a real number it is refused with its value.
        Ok(i64::try_from(number).map_or(Json::Real(f64::INFINITY), Json::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json<'de>, E> {
        Ok(Json::Real(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json<'de>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Json<'de>, A::Error> {
        let mut entries = Vec::new();
        while let Some((Name(name), value)) = object.next_entry()? {
            entries.push((name, value));
        }
        Ok(Json::Object(entries))
    }
}
