//! Where a call is served.

use domain::Location;
use reqwest::Url;

/// Google's own host for a location.
pub(super) fn origin(location: &Location) -> Url {
    let host = match location.as_str() {
        "global" => "aiplatform.googleapis.com".to_owned(),
        multi @ ("us" | "eu") => format!("aiplatform.{multi}.rep.googleapis.com"),
        region => format!("{region}-aiplatform.googleapis.com"),
    };
    Url::parse(&format!("https://{host}")).expect("a location is letters, digits and hyphens")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_location_has_its_own_host() {
        for (location, host) in [
            ("global", "https://aiplatform.googleapis.com/"),
            ("us-central1", "https://us-central1-aiplatform.googleapis.com/"),
            ("us", "https://aiplatform.us.rep.googleapis.com/"),
            ("eu", "https://aiplatform.eu.rep.googleapis.com/"),
        ] {
            assert_eq!(origin(&location.parse().unwrap()).as_str(), host);
        }
    }
}
