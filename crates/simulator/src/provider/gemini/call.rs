//! What a call says before its body: its key, its model, its method and its parameters.

use std::time::Duration;

use axum::http::HeaderMap;
use domain::{Model, Provider};

use super::error;
use crate::{
    provider::{
        generate_content::{self, Api},
        parameters::Parameters,
        reply::Framing,
        rpc::Refusal,
    },
    quota::Overstep,
    script::{Caller, Keyring, Refuse, label},
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
    pub(super) parameters: Parameters,
}

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
        let parameters = Parameters::new(query);
        let key = in_header.or_else(|| parameters.get("key").filter(given)).map(str::to_owned);
        Self { version, model: model.to_owned(), method, key, parameters }
    }

    /// What its key is called, whether or not it opens anything.
    pub(super) fn key_label(&self, keys: &Keyring) -> Option<String> {
        let key = self.key.as_deref()?;
        Some(keys.caller(key).map_or_else(|| label(key), |caller| caller.key))
    }

    /// Whose call it is.
    pub(super) fn authorise(&self, keys: &Keyring) -> Result<Caller, Refusal> {
        let key = self.key.as_deref().ok_or_else(error::no_key)?;
        keys.caller(key).ok_or_else(error::bad_key)
    }

    /// The model, where it exists and has the method.
    pub(super) fn find_model(&self) -> Result<&'static Model, Refusal> {
        let method = self.method.as_deref();
        generate_content::find_model(Provider::Gemini, &self.model, method)
            .ok_or_else(|| error::no_model(self.version.name(), &self.model, method.unwrap_or("this")))
    }
}

impl Api for Call {
    const PROVIDER: Provider = Provider::Gemini;

    fn credential(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    fn framing(&self) -> Framing {
        generate_content::framing(self.method.as_deref(), self.parameters.want_events())
    }

    fn over_quota(&self, model: &str, oversteps: &[Overstep]) -> Refusal {
        error::quota(model, oversteps)
    }

    fn commanded(&self, refuse: Refuse, model: &str, day_ends_in: Duration) -> Refusal {
        error::commanded(refuse, self.version.name(), model, day_ends_in)
    }

    fn internal(&self) -> Refusal {
        error::internal()
    }

    fn unavailable(&self) -> Refusal {
        error::unavailable()
    }
}
