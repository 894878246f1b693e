//! How the service behaves, checked before anything listens.

use std::{path::PathBuf, sync::Arc, time::Duration};

use domain::{AccountId, lease::term};
use proto::sealing::SealingKey;

use crate::{
    outbox::OutboxError,
    upstream::{gemini, vertex},
};

/// How the service behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The most attempts at one picture, each on another account; 1 to 3.
    pub max_attempts: u32,
    /// How long a whole request may take; a caller's own deadline can only shorten it.
    pub deadline: Duration,
    /// The directory of what the ledger was not yet told of leases; without one that is lost with the process.
    pub outbox: Option<PathBuf>,
    /// Whether the record of recent requests has their prompts.
    pub keep_prompts: bool,
    /// What opens the credentials that were added at run time; without it there can be none.
    pub sealing_key: Option<Arc<SealingKey>>,
    /// How the Gemini API is called.
    pub gemini: gemini::Settings,
    /// Where Vertex AI is called.
    pub vertex: vertex::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            deadline: Duration::from_mins(3),
            outbox: None,
            keep_prompts: false,
            sealing_key: None,
            gemini: gemini::Settings::default(),
            vertex: vertex::Settings::default(),
        }
    }
}

/// Why the service cannot work with its settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// `max_attempts` is out of range.
    #[error("generation.max_attempts must be 1 to 3, not {0}")]
    Attempts(u32),
    /// A duration that must be positive is zero.
    #[error("generation.{0} must be longer than zero")]
    Zero(String),
    /// A call could outlast its lease.
    #[error("generation.{0} must be shorter than {longest} seconds, the longest lease", longest = term::LONGEST.as_secs())]
    OutlastsLease(String),
    /// The address is not a scheme and a host alone.
    #[error("generation.{0} must be a scheme and a host, such as https://example.com, with nothing after it")]
    BaseUrl(&'static str),
    /// The address is not a scheme and a host with perhaps a path.
    #[error("generation.{0} must be an http or https address, such as https://example.com/token")]
    Url(&'static str),
    /// A service account's key file cannot be used.
    #[error("the service account file of account `{0}` {1}")]
    KeyFile(AccountId, vertex::KeyFileError),
    /// A key holds characters that no HTTP header can carry.
    #[error("the API key of account `{0}` must be visible ASCII characters without spaces or line breaks")]
    Key(AccountId),
    /// There can be no outbox.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be built: {0}")]
    Client(String),
}

impl Settings {
    pub(crate) fn validate(&self) -> Result<(), SettingsError> {
        if !(1..=3).contains(&self.max_attempts) {
            return Err(SettingsError::Attempts(self.max_attempts));
        }
        if self.deadline.is_zero() {
            return Err(SettingsError::Zero("deadline_seconds".to_owned()));
        }
        self.gemini.validate()?;
        self.vertex.validate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_work_and_impossible_settings_are_refused() {
        assert!(Settings::default().validate().is_ok());
        let none = Settings { max_attempts: 0, ..Settings::default() };
        assert!(matches!(none.validate(), Err(SettingsError::Attempts(0))));
        let mut endless = Settings::default();
        endless.gemini.timeouts.total = term::LONGEST;
        let refusal = endless.validate().unwrap_err().to_string();
        assert!(refusal.starts_with("generation.gemini.total_timeout_seconds must be shorter"), "{refusal}");
        let mut hasty = Settings::default();
        hasty.gemini.timeouts.idle = Duration::ZERO;
        assert!(matches!(hasty.validate(), Err(SettingsError::Zero(_))));
    }
}
