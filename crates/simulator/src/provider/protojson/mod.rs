//! Protobuf messages in JSON, read as strictly and as leniently as Google's front end reads them.
//!
//! Strict: unknown names and wrong types are refused, all of them at once, by their path in `snake_case`.
//! Lenient: names in `camelCase` and in `snake_case`, `null` for absent, one value for a list of one, enum
//! names in any case, numbers in strings, base64 of either alphabet with or without padding.

mod fields;
mod json;
mod spelling;

pub(super) use fields::Fields;
use json::Json;

use super::rpc::{FieldViolation, Refusal};

/// Reads a body as the message that `read` takes from its fields. Its types are called after `package`.
pub(super) fn read<T>(
    body: &[u8],
    package: &'static str,
    read: impl FnOnce(&mut Fields<'_, '_>) -> T,
) -> Result<T, Refusal> {
    let root = match serde_json::from_slice::<Json<'_>>(body) {
        Ok(Json::Object(entries)) => entries,
        Ok(_) => return Err(violation("Invalid JSON payload received. Root element must be a message.")),
        Err(error) if error.is_eof() => {
            return Err(violation("Invalid JSON payload received. Unexpected end of string."));
        }
        Err(_) => return Err(violation("Invalid JSON payload received. Unexpected token.")),
    };
    let mut violations = Vec::new();
    let message = Fields::read_all(String::new(), root, package, &mut violations, read);
    if violations.is_empty() { Ok(message) } else { Err(Refusal::bad_request(violations)) }
}

fn violation(description: &str) -> Refusal {
    Refusal::bad_request(vec![FieldViolation { field: None, description: description.to_owned() }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as<T>(body: &[u8], take: impl FnOnce(&mut Fields<'_, '_>) -> T) -> Result<T, Refusal> {
        read(body, "google.ai.generativelanguage.v1beta", take)
    }

    #[test]
    fn both_spellings_and_both_alphabets_are_read() {
        for body in [
            r#"{"mimeType": "a", "inlineData": {"data": "_-8="}}"#,
            r#"{"mime_type": "a", "inline_data": {"data": "/+8"}}"#,
        ] {
            let read = read_as(body.as_bytes(), |fields| {
                (fields.text("mime_type"), fields.message("inline_data", "Blob", |blob| blob.bytes("data")))
            });
            assert_eq!(read.unwrap(), (Some("a".into()), Some(Some(vec![0xff, 0xef]))));
        }
    }

    #[test]
    fn everything_wrong_is_told_at_once_by_path() {
        let body = r#"{"list": [{"number": "x"}, {"other": 1}], "odd": 1, "flag": 3, "kind": "C"}"#;
        let refusal = read_as(body.as_bytes(), |fields| {
            fields.messages("list", "Item", |item| item.number("number"));
            fields.flag("flag");
            fields.choice("kind", "Kind", &["A", "B"]);
        })
        .unwrap_err();
        assert_eq!(
            refusal.message.lines().collect::<Vec<_>>(),
            [
                r#"Invalid value at 'list[0].number' (TYPE_FLOAT), "x""#,
                r#"Invalid JSON payload received. Unknown name "other" at 'list[1]': Cannot find field."#,
                "Invalid value at 'flag' (TYPE_BOOL), 3",
                "Invalid value at 'kind' \
                 (type.googleapis.com/google.ai.generativelanguage.v1beta.Kind), \"C\"",
                r#"Invalid JSON payload received. Unknown name "odd": Cannot find field."#,
            ]
        );
    }

    #[test]
    fn null_is_absent_one_value_is_a_list_and_numbers_have_many_spellings() {
        let body = br#"{"a": null, "kinds": "b", "x": 3.0, "y": "4", "z": 99999999999}"#;
        let read = read_as(body, |fields| {
            let kinds = fields.choices("kinds", "Kind", &["A", "B"]);
            let whole = (fields.integer("x"), fields.integer("y"));
            (fields.text("a"), kinds, whole, fields.number("z"))
        });
        assert_eq!(read.unwrap(), (None, vec!["B"], (Some(3), Some(4)), Some(99_999_999_999.0)));
        assert!(read_as(br#"{"z": 99999999999}"#, |fields| fields.integer("z")).is_err());
    }

    #[test]
    fn what_is_no_json_object_is_refused() {
        let deep = "[".repeat(200);
        for body in [&b""[..], b"{", b"[]", b"\"x\"", b"{\"a\": \xff}", b"{\"a\":}", deep.as_bytes()] {
            assert!(read_as(body, |_| ()).is_err(), "{body:?}");
        }
    }
}
