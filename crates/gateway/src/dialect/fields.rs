//! Fields of a request: lenient about what is absent, exact about what is there.
//!
//! `null` is absent. Every failure names its field by the path the client wrote it at, such as
//! `messages[0].content[1].image_url.url`.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use domain::{Failure, aspect_ratio::list};

use super::json::Json;

/// An object of the request.
pub(crate) struct Fields<'j, 'a> {
    path: String,
    entries: &'j [(String, Json<'a>)],
}

/// A value of the request, and where it stands.
pub(super) struct Field<'j, 'a> {
    path: String,
    value: &'j Json<'a>,
}

impl<'j, 'a> Fields<'j, 'a> {
    /// The entries of the object at `path`, which is empty for the request itself.
    pub(super) fn new(path: String, entries: &'j [(String, Json<'a>)]) -> Self {
        Self { path, entries }
    }

    /// The first of these spellings that is there.
    pub(super) fn find(&self, spellings: &[&str]) -> Option<Field<'j, 'a>> {
        spellings.iter().find_map(|name| {
            let (_, value) = self.entries.iter().rev().find(|(key, _)| key == name)?;
            (*value != Json::Null).then(|| Field { path: self.path_of(name), value })
        })
    }

    /// Reads the field if it is there.
    pub(super) fn optional<T>(
        &self,
        spellings: &[&str],
        read: impl FnOnce(Field<'j, 'a>) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        self.find(spellings).map(read).transpose()
    }

    /// Reads a field that must be there.
    pub(super) fn required<T>(
        &self,
        name: &str,
        read: impl FnOnce(Field<'j, 'a>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.find(&[name]).map_or_else(|| Err(Failure::missing(self.path_of(name))), read)
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

impl<'j, 'a> Field<'j, 'a> {
    /// Where it stands.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// A failure that names this field.
    pub(super) fn invalid(&self, message: impl fmt::Display) -> Failure {
        Failure::invalid(&self.path, message)
    }

    /// A string.
    pub(super) fn text(&self) -> Result<&'j str, Failure> {
        self.as_text().ok_or_else(|| self.invalid("must be a string"))
    }

    /// A string, where something else is allowed too.
    pub(super) fn as_text(&self) -> Option<&'j str> {
        match self.value {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self) -> Result<bool, Failure> {
        match self.value {
            Json::Bool(value) => Ok(*value),
            _ => Err(self.invalid("must be true or false")),
        }
    }

    /// A whole number within bounds; `2.0` is one too.
    pub(super) fn integer(&self, allowed: RangeInclusive<i64>) -> Result<i64, Failure> {
        let whole = match self.value {
            Json::Integer(value) => Some(*value),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "whole, and what is too large stays too large"
            )]
            Json::Fraction(value) if value.fract() == 0.0 => Some(*value as i64),
            _ => None,
        };
        whole.filter(|value| allowed.contains(value)).ok_or_else(|| {
            self.invalid(format_args!("must be an integer from {} to {}", allowed.start(), allowed.end()))
        })
    }

    /// A string that names a value of the domain.
    pub(super) fn parsed<T: FromStr<Err: fmt::Display>>(&self) -> Result<T, Failure> {
        self.text()?.parse().map_err(|error| self.invalid(error))
    }

    /// One of these strings.
    pub(super) fn one_of(&self, allowed: &[&'static str]) -> Result<&'static str, Failure> {
        let text = self.text()?;
        allowed.iter().copied().find(|known| *known == text).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            self.invalid(format_args!("`{shown}` is not allowed; allowed are {}", list(allowed)))
        })
    }

    /// The values of an array.
    pub(super) fn list(&self) -> Result<impl Iterator<Item = Field<'j, 'a>> + use<'j, 'a>, Failure> {
        let Json::List(values) = self.value else { return Err(self.invalid("must be an array")) };
        let path = self.path.clone();
        Ok(values
            .iter()
            .enumerate()
            .map(move |(index, value)| Field { path: format!("{path}[{index}]"), value }))
    }

    /// The fields of an object.
    pub(super) fn object(&self) -> Result<Fields<'j, 'a>, Failure> {
        match self.value {
            Json::Object(entries) => Ok(Fields { path: self.path.clone(), entries }),
            _ => Err(self.invalid("must be an object")),
        }
    }
}
