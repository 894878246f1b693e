//! The languages in which pictures are asked for.

use std::{fmt, str::FromStr};

/// One of the inbound APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `POST /v1/images/generations`
    OpenAiImages,
    /// `POST /v1/chat/completions`
    OpenAiChat,
    /// `POST /v1/messages`
    ClaudeMessages,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 3] = [Self::OpenAiImages, Self::OpenAiChat, Self::ClaudeMessages];

    /// `openai_images`, `openai_chat` or `claude_messages`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAiImages => "openai_images",
            Self::OpenAiChat => "openai_chat",
            Self::ClaudeMessages => "claude_messages",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no dialect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a dialect; known are openai_images, openai_chat, claude_messages")]
pub struct UnknownDialect(String);

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|dialect| dialect.as_str() == text);
        named.ok_or_else(|| UnknownDialect(text.chars().take(40).collect()))
    }
}
