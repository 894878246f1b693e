//! The many ways in which one name or one value may be written.

use base64_turbo::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::json::Json;

/// Whether `key` is `name`, which is in `snake_case`, or its `camelCase`.
pub(super) fn is_spelling(key: &str, name: &str) -> bool {
    let mut raise = false;
    let camel = name.chars().filter_map(|letter| {
        let raised = std::mem::replace(&mut raise, letter == '_');
        (letter != '_').then(|| if raised { letter.to_ascii_uppercase() } else { letter })
    });
    key == name || key.chars().eq(camel)
}

/// An integer, in whichever way it is written.
pub(super) fn whole(json: &Json<'_>) -> Option<i32> {
    match json {
        Json::Integer(number) => i32::try_from(*number).ok(),
        // 3.0 is an integer to protobuf, and so are "3" and 3e0.
        Json::Real(number) if number.fract() == 0.0 => format!("{number:.0}").parse().ok(),
        Json::Text(text) => text.parse().ok(),
        _ => None,
    }
}

/// A number, in whichever way it is written.
pub(super) fn real(json: &Json<'_>) -> Option<f64> {
    match json {
        Json::Integer(number) => number.to_string().parse().ok(),
        Json::Real(number) => Some(*number).filter(|number| number.is_finite()),
        Json::Text(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// Bytes from base64 of either alphabet, with or without padding.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let unpadded = text.trim_end_matches('=');
    let url_safe = unpadded.bytes().any(|byte| matches!(byte, b'-' | b'_'));
    let engine = if url_safe { URL_SAFE_NO_PAD } else { STANDARD_NO_PAD };
    engine.decode(unpadded).ok()
}
