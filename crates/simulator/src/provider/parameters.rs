//! The parameters of a query, of which every Google service takes the same.

use super::rpc::{FieldViolation, Refusal};

/// What stands behind the question mark.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

const KNOWN: [&str; 14] = [
    "$alt",
    "$.xgafv",
    "access_token",
    "alt",
    "callback",
    "fields",
    "key",
    "oauth_token",
    "pageSize",
    "pageToken",
    "prettyPrint",
    "quotaUser",
    "uploadType",
    "upload_protocol",
];

impl Parameters {
    pub(super) const fn new(query: Vec<(String, String)>) -> Self {
        Self(query)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether server-sent events are wanted.
    pub(super) fn want_events(&self) -> bool {
        self.get("alt").or(self.get("$alt")) == Some("sse")
    }

    /// Refuses those that no Google service has.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let known = |name: &str| KNOWN.contains(&name);
        match self.0.iter().find(|(name, _)| !known(name)) {
            Some((name, _)) => Err(unknown(name)),
            None => Ok(()),
        }
    }
}

fn unknown(name: &str) -> Refusal {
    let description = format!(
        "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' \
         could not be found in request message."
    );
    Refusal::bad_request(vec![FieldViolation { field: None, description }])
}
