//! What the operator owns: credentials, their projects, and the limits those have.

use std::{fmt, str::FromStr};

use crate::{AccountId, ProjectId};

/// A provider we call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    /// The Gemini API, with an API key.
    Gemini,
    /// Vertex AI, with a service account.
    Vertex,
}

impl Provider {
    /// `gemini` or `vertex`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gemini => "gemini",
            Self::Vertex => "vertex",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a provider; known are gemini, vertex")]
pub struct UnknownProvider(String);

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Gemini, Self::Vertex]
            .into_iter()
            .find(|provider| provider.as_str() == text)
            .ok_or_else(|| UnknownProvider(text.to_owned()))
    }
}

/// What the project pays for, cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// Billing is off, or only just on.
    Free,
    /// An ordinary paying project.
    Pro,
    /// A project with raised limits, best kept for 4K.
    Ultra,
}

impl Tier {
    /// `free`, `pro` or `ultra`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Pro => "pro",
            Self::Ultra => "ultra",
        }
    }

    /// The limits of a project of this tier that is told nothing else; per model.
    pub const fn default_limits(self) -> Limits {
        match self {
            Self::Free => Limits::new(5, 5, 50, 1),
            Self::Pro => Limits::new(20, 20, 250, 8),
            Self::Ultra => Limits::new(60, 60, 1_500, 24),
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no tier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a tier; known are free, pro, ultra")]
pub struct UnknownTier(String);

impl FromStr for Tier {
    type Err = UnknownTier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Free, Self::Pro, Self::Ultra]
            .into_iter()
            .find(|tier| tier.as_str() == text)
            .ok_or_else(|| UnknownTier(text.to_owned()))
    }
}

/// What one project may do with one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls in any 60 seconds.
    pub requests_per_minute: u32,
    /// Pictures in any 60 seconds.
    pub images_per_minute: u32,
    /// Calls from one midnight Pacific time to the next.
    pub requests_per_day: u32,
    /// Calls at once.
    pub concurrent: u32,
}

impl Limits {
    /// Limits in the order requests a minute, images a minute, requests a day, calls at once.
    pub const fn new(
        requests_per_minute: u32,
        images_per_minute: u32,
        requests_per_day: u32,
        concurrent: u32,
    ) -> Self {
        Self { requests_per_minute, images_per_minute, requests_per_day, concurrent }
    }

    /// The most one-picture calls that these limits could ever allow at the same moment.
    pub fn most_at_once(&self) -> u32 {
        self.requests_per_minute.min(self.images_per_minute).min(self.requests_per_day).min(self.concurrent)
    }
}

/// One credential of the operator's, without the credential itself: that only generation holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub id: AccountId,
    /// Whom it opens.
    pub provider: Provider,
    /// Whose quota it spends; accounts of one project share it.
    pub project: ProjectId,
    /// What that project pays for.
    pub tier: Tier,
    /// The models it may be used for, by public name; all of the catalog's when empty.
    pub models: Vec<String>,
    /// The limits of its project for each model.
    pub limits: Limits,
    /// Whether it may be leased.
    pub enabled: bool,
}

impl Account {
    /// Whether the operator lets it draw with this model.
    pub fn may_use(&self, model: &str) -> bool {
        self.enabled && (self.models.is_empty() || self.models.iter().any(|name| name == model))
    }
}
