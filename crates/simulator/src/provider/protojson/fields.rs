//! The fields of one message, taken one by one; what is left was unknown.

use super::{
    FieldViolation,
    json::{Entries, Json},
    spelling::{decode, is_spelling, real, whole},
};

/// The fields of a message that have not been taken yet.
///
/// Every `take` names a field in `snake_case` and answers none both where it is absent and where it is wrong;
/// what is wrong is noted, and the message as a whole is refused in the end.
pub(in crate::provider) struct Fields<'j, 'v> {
    /// The path of this message, empty for the root.
    at: String,
    entries: Entries<'j>,
    /// Where the types of the messages live.
    package: &'static str,
    violations: &'v mut Vec<FieldViolation>,
}

impl<'j, 'v> Fields<'j, 'v> {
    /// Reads a message and refuses what `read` leaves behind.
    pub(super) fn read_all<T>(
        at: String,
        entries: Entries<'j>,
        package: &'static str,
        violations: &'v mut Vec<FieldViolation>,
        read: impl FnOnce(&mut Fields<'j, 'v>) -> T,
    ) -> T {
        let mut fields = Self { at, entries, package, violations };
        let message = read(&mut fields);
        fields.refuse_rest();
        message
    }

    pub(in crate::provider) fn text(&mut self, name: &str) -> Option<String> {
        self.scalar(name, "TYPE_STRING", |json| match json {
            Json::Text(text) => Ok(text.into_owned()),
            other => Err(other),
        })
    }

    pub(in crate::provider) fn flag(&mut self, name: &str) -> Option<bool> {
        self.scalar(name, "TYPE_BOOL", |json| match json {
            Json::Flag(flag) => Ok(flag),
            other => Err(other),
        })
    }

    pub(in crate::provider) fn integer(&mut self, name: &str) -> Option<i32> {
        self.scalar(name, "TYPE_INT32", |json| whole(&json).ok_or(json))
    }

    pub(in crate::provider) fn number(&mut self, name: &str) -> Option<f64> {
        self.scalar(name, "TYPE_FLOAT", |json| real(&json).ok_or(json))
    }

    /// Bytes in base64.
    pub(in crate::provider) fn bytes(&mut self, name: &str) -> Option<Vec<u8>> {
        let (at, json) = self.take(name)?;
        let Json::Text(text) = json else {
            self.invalid(&at, "TYPE_BYTES", &json);
            return None;
        };
        let decoded = decode(&text);
        if decoded.is_none() {
            let shown: String = text.chars().take(100).collect();
            let reason = format!("Base64 decoding failed for \"{shown}\"");
            self.note(&at, format!("Invalid value at '{at}' (TYPE_BYTES), {reason}"));
        }
        decoded
    }

    /// One of these names of the enum `kind`, in any case.
    pub(in crate::provider) fn choice(
        &mut self,
        name: &str,
        kind: &str,
        among: &[&'static str],
    ) -> Option<&'static str> {
        let (at, json) = self.take(name)?;
        self.choose(&at, &json, kind, among)
    }

    pub(in crate::provider) fn choices(
        &mut self,
        name: &str,
        kind: &str,
        among: &[&'static str],
    ) -> Vec<&'static str> {
        let values = self.list(name);
        values.into_iter().filter_map(|(at, json)| self.choose(&at, &json, kind, among)).collect()
    }

    pub(in crate::provider) fn texts(&mut self, name: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for (at, json) in self.list(name) {
            match json {
                Json::Text(text) => texts.push(text.into_owned()),
                other => self.invalid(&at, "TYPE_STRING", &other),
            }
        }
        texts
    }

    pub(in crate::provider) fn message<T>(
        &mut self,
        name: &str,
        kind: &str,
        read: impl FnOnce(&mut Fields<'j, '_>) -> T,
    ) -> Option<T> {
        let (at, json) = self.take(name)?;
        self.descend(at, json, kind, read)
    }

    pub(in crate::provider) fn messages<T>(
        &mut self,
        name: &str,
        kind: &str,
        mut read: impl FnMut(&mut Fields<'j, '_>) -> T,
    ) -> Vec<T> {
        let values = self.list(name);
        values.into_iter().filter_map(|(at, json)| self.descend(at, json, kind, &mut read)).collect()
    }

    /// Whether the field is there, with anything in it.
    pub(in crate::provider) fn anything(&mut self, name: &str) -> bool {
        self.take(name).is_some()
    }

    fn scalar<T>(
        &mut self,
        name: &str,
        kind: &str,
        read: impl FnOnce(Json<'j>) -> Result<T, Json<'j>>,
    ) -> Option<T> {
        let (at, json) = self.take(name)?;
        read(json).map_err(|wrong| self.invalid(&at, kind, &wrong)).ok()
    }

    fn descend<T>(
        &mut self,
        at: String,
        json: Json<'j>,
        kind: &str,
        read: impl FnOnce(&mut Fields<'j, '_>) -> T,
    ) -> Option<T> {
        match json {
            Json::Object(entries) => Some(Fields::read_all(at, entries, self.package, self.violations, read)),
            other => {
                self.invalid(&at, &self.type_name(kind), &other);
                None
            }
        }
    }

    fn choose(
        &mut self,
        at: &str,
        json: &Json<'j>,
        kind: &str,
        among: &[&'static str],
    ) -> Option<&'static str> {
        let named = |text: &str| among.iter().copied().find(|known| known.eq_ignore_ascii_case(text));
        let found = if let Json::Text(text) = json { named(text) } else { None };
        if found.is_none() {
            self.invalid(at, &self.type_name(kind), json);
        }
        found
    }

    /// The values of a list and their paths; one value alone is a list of one.
    fn list(&mut self, name: &str) -> Vec<(String, Json<'j>)> {
        match self.take(name) {
            Some((at, Json::List(values))) => (0..)
                .zip(values)
                .map(|(place, value): (usize, _)| (format!("{at}[{place}]"), value))
                .collect(),
            Some((at, value)) => vec![(format!("{at}[0]"), value)],
            None => Vec::new(),
        }
    }

    /// Takes the field out, in either spelling; null is absent.
    fn take(&mut self, name: &str) -> Option<(String, Json<'j>)> {
        let place = self.entries.iter().position(|(key, _)| is_spelling(key, name))?;
        let (_, value) = self.entries.remove(place);
        let dot = if self.at.is_empty() { "" } else { "." };
        (!matches!(value, Json::Null)).then(|| (format!("{}{dot}{name}", self.at), value))
    }

    fn refuse_rest(&mut self) {
        for (name, _) in std::mem::take(&mut self.entries) {
            let name: String = name.chars().take(100).collect();
            let place = if self.at.is_empty() { String::new() } else { format!(" at '{}'", self.at) };
            let description =
                format!("Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field.");
            let field = (!self.at.is_empty()).then(|| self.at.clone());
            self.violations.push(FieldViolation { field, description });
        }
    }

    fn invalid(&mut self, at: &str, kind: &str, value: &Json<'j>) {
        self.note(at, format!("Invalid value at '{at}' ({kind}), {value}"));
    }

    fn type_name(&self, kind: &str) -> String {
        format!("type.googleapis.com/{}.{kind}", self.package)
    }

    fn note(&mut self, at: &str, description: String) {
        self.violations.push(FieldViolation { field: Some(at.to_owned()), description });
    }
}
