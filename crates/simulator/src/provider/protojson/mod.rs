//! Protobuf messages in JSON, read as strictly and as leniently as Google's front end reads them.
//!
//! Strict: unknown names and wrong types are refused, all of them at once, by their path in `snake_case`.
//! Lenient: names in `camelCase` and in `snake_case`, `null` for absent, one value for a list of one, enum
//! names in any case, numbers in strings, base64 of either alphabet with or without padding.

mod fields;
mod json;

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
