//! How long a provider may take.

use std::time::Duration;

use domain::lease::term;

use crate::SettingsError;

/// How long a provider may take over each step of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Finding the host, connecting and agreeing on keys.
    pub connect: Duration,
    /// From then to the first byte of the answer; the model draws meanwhile and sends nothing.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
    /// The whole call.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(170),
            idle: Duration::from_secs(30),
            total: Duration::from_secs(175),
        }
    }
}

impl Timeouts {
    /// `section` is where the configuration sets them.
    pub(crate) fn validate(&self, section: &str) -> Result<(), SettingsError> {
        let key = |name: &str| format!("{section}.{name}");
        let named = [
            (self.connect, "connect_timeout_seconds"),
            (self.first_byte, "first_byte_timeout_seconds"),
            (self.idle, "idle_timeout_seconds"),
            (self.total, "total_timeout_seconds"),
        ];
        if let Some((_, name)) = named.into_iter().find(|(timeout, _)| timeout.is_zero()) {
            return Err(SettingsError::Zero(key(name)));
        }
        // A lease cannot be prolonged beyond this: a longer call would be settled too late to count.
        if self.total >= term::LONGEST {
            return Err(SettingsError::OutlastsLease(key("total_timeout_seconds")));
        }
        Ok(())
    }
}
