//! Addresses that calls, and with them credentials, may be sent to.

use reqwest::Url;

/// A scheme and a host alone.
pub(crate) fn origin(text: &str) -> Option<Url> {
    endpoint(text).filter(|url| url.path() == "/")
}

/// A scheme, a host and perhaps a path.
pub(crate) fn endpoint(text: &str) -> Option<Url> {
    let plain = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    Url::parse(text).ok().filter(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_scheme_and_a_host_make_an_origin_and_a_path_may_follow_in_an_endpoint() {
        for good in ["https://generativelanguage.googleapis.com", "http://127.0.0.1:8080", "http://[::1]:1/"]
        {
            assert!(origin(good).is_some() && endpoint(good).is_some(), "{good}");
        }
        assert!(origin("https://example.com/token").is_none());
        assert!(endpoint("https://example.com/token").is_some());
        for bad in [
            "",
            "example.com",
            "ftp://example.com",
            "https://user@example.com",
            "https://example.com?key=1",
            "https://example.com#top",
            "unix:/socket",
        ] {
            assert!(origin(bad).is_none() && endpoint(bad).is_none(), "{bad}");
        }
    }
}
