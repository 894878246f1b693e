//! Errors in the form of `google.rpc`, read as leniently as they are written.

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::upstream::one_line;

/// A `google.rpc.Status`.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct RpcError {
    pub(super) message: String,
    pub(super) status: String,
    #[serde(skip)]
    pub(super) details: Vec<Detail>,
}

/// Any of the details that may come with it.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Detail {
    /// `ErrorInfo`
    pub(super) reason: String,
    /// `QuotaFailure`; a `BadRequest` calls its own otherwise.
    pub(super) violations: Vec<Violation>,
    /// `RetryInfo`
    pub(super) retry_delay: String,
}

/// A quota that is used up.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Violation {
    #[serde(rename = "quotaId")]
    pub(super) id: String,
    #[serde(rename = "quotaMetric")]
    pub(super) metric: String,
    /// The limit, in digits.
    #[serde(rename = "quotaValue")]
    pub(super) limit: String,
}

impl RpcError {
    /// Reads an error, which may be wrapped in an array of one.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Envelope<'a> {
            #[serde(borrow)]
            error: &'a RawValue,
        }
        #[derive(Deserialize)]
        struct Details<'a> {
            #[serde(borrow, default)]
            details: Vec<&'a RawValue>,
        }
        let envelope: Envelope<'_> = match body.trim_ascii_start().first()? {
            b'[' => serde_json::from_slice::<Vec<_>>(body).ok()?.into_iter().next()?,
            _ => serde_json::from_slice(body).ok()?,
        };
        let raw = envelope.error.get();
        let mut error: Self = serde_json::from_str(raw).ok()?;
        // One detail of an unknown shape must not hide the others.
        let details = serde_json::from_str::<Details<'_>>(raw).map(|list| list.details).unwrap_or_default();
        error.details = details.into_iter().filter_map(|raw| serde_json::from_str(raw.get()).ok()).collect();
        Some(error)
    }

    /// Every quota that is told to be used up.
    pub(super) fn violations(&self) -> impl Iterator<Item = &Violation> {
        self.details.iter().flat_map(|detail| &detail.violations)
    }

    /// Whether this reason is given, in a detail or in the prose.
    pub(super) fn mentions(&self, reason: &str) -> bool {
        self.details.iter().any(|detail| detail.reason == reason) || self.message.contains(reason)
    }

    /// For the log, without what the caller asked for.
    pub(super) fn describe(&self, status: StatusCode) -> String {
        let reasons = self.details.iter().map(|detail| detail.reason.as_str());
        let quotas = self.violations().map(|violation| violation.id.as_str());
        let words = [self.status.as_str(), &self.message].into_iter().chain(reasons).chain(quotas);
        words.fold(status.as_u16().to_string(), |line, word| format!("{line} {}", one_line(word, 200)))
    }
}
