//! How gRPC calls end.

use http::HeaderMap;

/// The names of status codes, by their numbers.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Whoever called went away.
pub(super) const CANCELLED: &str = NAMES[1];
/// There is no such method.
pub(super) const UNIMPLEMENTED: &str = NAMES[12];

/// The status among these headers or trailers, where it is told.
pub(super) fn told(headers: &HeaderMap) -> Option<&'static str> {
    let code: usize = headers.get("grpc-status")?.to_str().ok()?.parse().ok()?;
    Some(NAMES.get(code).copied().unwrap_or("UNKNOWN"))
}

/// Whether the service is at fault, as OpenTelemetry's conventions have it for servers.
pub(super) fn is_error(status: &str) -> bool {
    ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"]
        .contains(&status)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_status_is_told_by_its_number_in_headers_or_trailers() {
        let with =
            |code| HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static(code))]);
        assert_eq!(told(&with("0")), Some("OK"));
        assert_eq!(told(&with("14")), Some("UNAVAILABLE"));
        assert_eq!(told(&with("99")), Some("UNKNOWN"));
        assert_eq!(told(&HeaderMap::new()), None);
        assert!(is_error("UNAVAILABLE") && !is_error("NOT_FOUND") && !is_error("OK"));
    }
}
