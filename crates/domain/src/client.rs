//! Who calls us, and how much they may.

use std::fmt;

use crate::ClientId;

/// An application that may ask for pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its name, which logs and usage records carry.
    pub id: ClientId,
    /// How much it may ask for.
    pub limits: ClientLimits,
}

impl Client {
    /// A client without limits of its own.
    pub const fn unlimited(id: ClientId) -> Self {
        Self { id, limits: ClientLimits::NONE }
    }
}

/// What one client may use; a limit that is absent does not hold. Days end at midnight Pacific time, as the
/// providers' do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientLimits {
    /// Requests in any 60 seconds, however many pictures each is for.
    pub requests_per_minute: Option<u32>,
    /// Pictures in a day.
    pub images_per_day: Option<u32>,
    /// Spending in a day, in millionths of a US dollar.
    pub spend_per_day_micro_usd: Option<u64>,
    /// Upstream calls at once.
    pub concurrent: Option<u32>,
}

impl ClientLimits {
    /// No limit at all.
    pub const NONE: Self = Self {
        requests_per_minute: None,
        images_per_day: None,
        spend_per_day_micro_usd: None,
        concurrent: None,
    };
}

/// Which of a client's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientLimit {
    /// Requests in a minute.
    RequestsPerMinute,
    /// Pictures in a day.
    ImagesPerDay,
    /// Spending in a day.
    SpendPerDay,
    /// Calls at once.
    Concurrent,
}

impl ClientLimit {
    /// Every limit.
    pub const ALL: [Self; 4] =
        [Self::RequestsPerMinute, Self::ImagesPerDay, Self::SpendPerDay, Self::Concurrent];

    /// Its name, as configuration spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequestsPerMinute => "requests_per_minute",
            Self::ImagesPerDay => "images_per_day",
            Self::SpendPerDay => "spend_per_day_usd",
            Self::Concurrent => "concurrent",
        }
    }
}

impl fmt::Display for ClientLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
