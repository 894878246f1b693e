//! The deadline that a gRPC caller sets.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

/// How long the caller waits, as its `grpc-timeout` header says: up to eight digits and a unit.
pub fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let well_formed = (1..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = digits.parse().ok().filter(|_| well_formed)?;
    match unit {
        "H" => Some(Duration::from_hours(count)),
        "M" => Some(Duration::from_mins(count)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// Says that the caller waits for so long; in whole milliseconds, of which there can be eight digits.
pub(super) fn set_deadline(headers: &mut HeaderMap, patience: Duration) {
    let millis = patience.as_millis().min(99_999_999);
    let value = HeaderValue::try_from(format!("{millis}m")).expect("is ASCII");
    headers.insert("grpc-timeout", value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_is_set_is_read() {
        let mut headers = HeaderMap::new();
        for (set, read) in [(1_500, 1_500), (u64::MAX, 99_999_999)] {
            set_deadline(&mut headers, Duration::from_millis(set));
            assert_eq!(deadline(&headers), Some(Duration::from_millis(read)));
        }
    }

    #[test]
    fn every_unit_is_read_and_nonsense_is_no_deadline() {
        for (text, expected) in [
            ("2H", Some(Duration::from_hours(2))),
            ("3M", Some(Duration::from_mins(3))),
            ("10S", Some(Duration::from_secs(10))),
            ("99999999m", Some(Duration::from_millis(99_999_999))),
            ("5u", Some(Duration::from_micros(5))),
            ("7n", Some(Duration::from_nanos(7))),
            ("", None),
            ("S", None),
            ("10", None),
            ("-1S", None),
            ("123456789S", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            assert_eq!(deadline(&headers), expected, "{text:?}");
        }
    }
}
