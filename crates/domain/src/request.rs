//! The one request that every dialect is parsed into.

use std::fmt;

use crate::{ClientId, Conversation, PictureSpec, Provider, RequestId};

/// How many pictures are asked for: 1 to 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageCount(u8);

impl ImageCount {
    /// One picture.
    pub const ONE: Self = Self(1);
    /// The most pictures one request may ask for.
    pub const MOST: u32 = 10;

    /// A count of 1 to 10.
    pub fn new(count: u64) -> Option<Self> {
        u8::try_from(count).ok().filter(|count| (1..=10).contains(count)).map(Self)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0 as u32
    }
}

impl fmt::Display for ImageCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether people may be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PersonGeneration {
    /// People may appear.
    #[default]
    Allow,
    /// No people, as far as the upstream can be told.
    Deny,
}

impl PersonGeneration {
    /// `allow` or `deny`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// How a provider is kept from drawing people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Enforcement {
    /// By words of ours that the model may overlook.
    Instruction,
    /// By the provider itself.
    Native,
}

impl Enforcement {
    /// What this provider offers.
    pub const fn of(provider: Provider) -> Self {
        match provider {
            Provider::Gemini => Self::Instruction,
            Provider::Vertex => Self::Native,
        }
    }

    /// `instruction` or `native`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instruction => "instruction",
            Self::Native => "native",
        }
    }
}

/// The text is neither `allow` nor `deny`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not allowed; allowed are allow, deny")]
pub struct UnknownPersonGeneration(String);

impl std::str::FromStr for PersonGeneration {
    type Err = UnknownPersonGeneration;

    /// Reads `allow` or `deny` in any case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Allow, Self::Deny]
            .into_iter()
            .find(|choice| choice.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownPersonGeneration(text.chars().take(40).collect()))
    }
}

/// What to draw, whoever asked and in whichever dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerationRequest {
    /// Names the request in every service, log line and answer.
    pub id: RequestId,
    /// Who asks.
    pub client: ClientId,
    /// The catalog's public name of the model, without suffixes.
    pub model: String,
    /// The words and pictures to draw from.
    pub conversation: Conversation,
    /// Shape and resolution, already decided.
    pub spec: PictureSpec,
    /// How many pictures.
    pub count: ImageCount,
    /// Whether people may be drawn.
    pub person_generation: PersonGeneration,
    /// Asks the model for the same picture again; best effort on Google's side.
    pub seed: Option<i32>,
    /// Whether to hold back the first byte until the outcome of every picture is known, so that the answer
    /// can begin with how many there are.
    pub gather: bool,
}
