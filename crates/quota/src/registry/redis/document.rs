//! The document as it stands in Redis.

use std::{fmt::Write as _, time::Duration};

use ::redis::{Cmd, FromRedisValue, from_redis_value};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use crate::{
    registry::{Contents, RegistryError, record},
    store::{
        StoreError,
        redis::{Link, RedisLocation, is_refusal},
    },
};

/// How long one command may take.
const CALL: Duration = Duration::from_millis(500);

/// A document, and the digest by which it is told from every other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Document {
    pub(super) contents: Contents,
    pub(super) digest: String,
    text: String,
}

/// What is in Redis, without the text of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) revision: u64,
    /// Empty where there is no document.
    pub(super) digest: String,
}

/// The place in Redis that holds the document.
pub(super) struct Place {
    link: Link,
    key: String,
}

impl Document {
    /// The document that says this.
    pub(super) fn of(contents: Contents) -> Self {
        let text = record::write(&contents);
        let mut digest = String::new();
        for byte in Sha256::digest(&text) {
            write!(digest, "{byte:02x}").expect("a string takes all that is written to it");
        }
        Self { contents, digest, text }
    }
}

impl Place {
    /// Finds the way there.
    pub(super) async fn open(location: &RedisLocation) -> Result<Self, RegistryError> {
        let link = Link::open(location).await.map_err(RegistryError::from)?;
        Ok(Self { link, key: format!("{}:registry", location.root()) })
    }

    /// The channel on which changes are told.
    pub(super) fn channel(&self) -> String {
        format!("{}:changes", self.key)
    }

    /// Looks which document is there.
    pub(super) async fn head(&self) -> Result<Head, RegistryError> {
        let mut command = ::redis::cmd("HMGET");
        command.arg(&self.key).arg(&["revision", "digest"]);
        let (revision, digest): (Option<u64>, Option<String>) = self.ask("be read", &command).await?;
        Ok(Head { revision: revision.unwrap_or_default(), digest: digest.unwrap_or_default() })
    }

    /// Reads the document that is there.
    pub(super) async fn read(&self) -> Result<Document, RegistryError> {
        let mut command = ::redis::cmd("HMGET");
        command.arg(&self.key).arg(&["digest", "document"]);
        let (digest, text): (Option<String>, Option<String>) = self.ask("be read", &command).await?;
        let Some((digest, text)) = digest.zip(text) else { return Ok(Document::default()) };
        Ok(Document { contents: record::read(&text)?, digest, text })
    }

    /// Puts a document in place of the one with this digest; whether that was the one there.
    pub(super) async fn replace(&self, digest: &str, next: &Document) -> Result<bool, RegistryError> {
        let mut command = ::redis::cmd("EVAL");
        command.arg(include_str!("replace.lua")).arg(1).arg(&self.key).arg(digest);
        command.arg(next.contents.revision).arg(&next.digest).arg(&next.text).arg(self.channel());
        self.ask("be written", &command).await
    }

    async fn ask<T: FromRedisValue>(&self, action: &'static str, command: &Cmd) -> Result<T, RegistryError> {
        let mut way = self.link.way().await?;
        let error = match timeout(CALL, way.connection.send(command)).await {
            Ok(Ok(value)) => {
                return from_redis_value(value).map_err(|error| RegistryError::Corrupt(error.to_string()));
            }
            Ok(Err(error)) if is_refusal(&error) => return Err(RegistryError::failed(action, &error)),
            Ok(Err(error)) => RegistryError::failed(action, &error),
            Err(_) => RegistryError::failed(action, &"Redis did not answer in time"),
        };
        self.link.give_up(&way);
        Err(error)
    }
}

impl From<StoreError> for RegistryError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Failed { action, reason } => Self::Failed { action, reason },
            other => Self::failed("be reached", &other),
        }
    }
}
