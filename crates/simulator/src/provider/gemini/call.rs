//! What a call says before its body: its key, its model, its method and its parameters.

use axum::http::HeaderMap;
use domain::{Catalog, Model, Provider};

use super::{catalog::CATALOG, error};
use crate::{
    provider::{reply::Framing, rpc::Refusal},
    script::{Caller, Keyring, label},
};

/// A version of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V1Beta,
}

/// The head of a call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) version: Version,
    /// The model as it was named.
    pub(super) model: String,
    /// What follows the colon after the model.
    method: Option<String>,
    key: Option<String>,
    query: Vec<(String, String)>,
}

/// Parameters that every Google service takes.
const SYSTEM_PARAMETERS: [&str; 14] = [
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

impl Version {
    pub(super) const ALL: [Self; 2] = [Self::V1, Self::V1Beta];

    /// `/v1` or `/v1beta`.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::V1 => "/v1",
            Self::V1Beta => "/v1beta",
        }
    }

    /// `v1` or `v1beta`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1Beta => "v1beta",
        }
    }
}

impl Call {
    /// `target` is a model, and after a colon the method.
    pub(super) fn new(
        version: Version,
        target: &str,
        query: Vec<(String, String)>,
        headers: &HeaderMap,
    ) -> Self {
        let (model, method) = match target.rsplit_once(':') {
            Some((model, method)) => (model, Some(method.to_owned())),
            None => (target, None),
        };
        let given = |key: &&str| !key.is_empty();
        let in_header = headers.get("x-goog-api-key").and_then(|key| key.to_str().ok()).filter(given);
        let in_query = query.iter().find(|(name, _)| name == "key").map(|(_, key)| key.as_str());
        let key = in_header.or(in_query.filter(given)).map(str::to_owned);
        Self { version, model: model.to_owned(), method, key, query }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What its key is called, whether or not it opens anything.
    pub(super) fn key_label(&self, keys: &Keyring) -> Option<String> {
        let key = self.key.as_deref()?;
        Some(keys.caller(key).map_or_else(|| label(key), |caller| caller.key))
    }

    /// The key as it came, for rules that name it.
    pub(super) fn key(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    /// Whose call it is.
    pub(super) fn authorise(&self, keys: &Keyring) -> Result<Caller, Refusal> {
        let key = self.key.as_deref().ok_or_else(error::no_key)?;
        keys.caller(key).ok_or_else(error::bad_key)
    }

    /// Refuses query parameters that no Google service has.
    pub(super) fn check_parameters(&self) -> Result<(), Refusal> {
        let known = |name: &str| SYSTEM_PARAMETERS.contains(&name);
        match self.query.iter().find(|(name, _)| !known(name)) {
            Some((name, _)) => Err(error::unknown_parameter(name)),
            None => Ok(()),
        }
    }

    /// The model, where it exists and has the method.
    pub(super) fn find_model(&self) -> Result<&'static Model, Refusal> {
        let catalog: &'static Catalog = &CATALOG;
        let named = |model: &&Model| model.upstream_id(Provider::Gemini) == Some(self.model.as_str());
        let found = catalog.models().iter().find(named);
        let method = self.method.as_deref().unwrap_or("this");
        let serves = matches!(method, "generateContent" | "streamGenerateContent");
        found.filter(|_| serves).ok_or_else(|| error::no_model(self.version.name(), &self.model, method))
    }

    /// How the answer is to be framed.
    pub(super) fn framing(&self) -> Framing {
        let events = self.parameter("alt").or(self.parameter("$alt")) == Some("sse");
        match self.method.as_deref() {
            Some("streamGenerateContent") if events => Framing::Events,
            Some("streamGenerateContent") => Framing::Array,
            _ => Framing::Object,
        }
    }
}
