//! Providers of pictures, behind one port.
//!
//! Each provider says where it is, with which credentials it is called and how. Both have one method,
//! `generate_content`: what is sent, what a good answer holds and what a bad one means is there. The rest of what is
//! alike stands here beside them.

mod address;
mod base64;
mod body;
mod client;
mod dispatch;
mod exchange;
pub mod gemini;
mod generate_content;
mod lifter;
pub mod probe;
mod tiles;
mod timeouts;
pub mod vertex;

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{
    AccountId, CallOutcome, CredentialVersion, Failure, FailureKind, GenerationRequest, Provider, Usage,
};
use tokio::time::Instant;

use crate::activity::Track;

pub(crate) use dispatch::Dispatch;
pub(crate) use exchange::Broken;
pub(crate) use generate_content::Service;
pub(crate) use tiles::TiledImage;
pub use timeouts::Timeouts;

/// How much of a provider's own words is shown, in characters.
const WORDS: usize = 300;

/// A provider. One call is one lease is one picture.
#[async_trait]
pub(crate) trait Upstream: Send + Sync {
    /// The body of a call that draws one picture of this request; the same for every picture and attempt.
    fn encode(&self, request: &GenerationRequest) -> Bytes;

    /// Makes one call.
    async fn draw(&self, call: Call) -> Result<Drawn, CallFailure>;
}

/// One call to make.
pub(crate) struct Call {
    /// The account to call with.
    pub(crate) account: AccountId,
    /// Which sealed credential of the account to call with; absent for the one of the configuration.
    pub(crate) credential: Option<CredentialVersion>,
    /// The model's name at this provider.
    pub(crate) model: String,
    /// What to send, encoded by the same upstream.
    pub(crate) body: Bytes,
    /// Decides once whether the call goes on the wire.
    pub(crate) dispatch: Arc<Dispatch>,
    /// When the whole request ends, however far the call is.
    pub(crate) deadline: Instant,
    /// Where to note how far it is.
    pub(crate) track: Option<Track>,
}

/// A picture that came.
#[derive(Debug)]
pub(crate) struct Drawn {
    /// The picture, whole and measured.
    pub(crate) image: TiledImage,
    /// What the model wrote beside it.
    pub(crate) caption: String,
    /// What it took.
    pub(crate) usage: Usage,
}

/// How a call without a picture ended, seen from its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It could not be on the wire in the time its lease leaves; the account was never tried.
    Late,
    /// Nothing was sent.
    Unsent,
    /// It was sent, and this came of it.
    Sent(CallOutcome),
}

impl Ending {
    /// A stable name.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Unsent => "unsent",
            Self::Sent(outcome) => outcome.as_str(),
        }
    }
}

/// Why no picture came.
#[derive(Debug)]
pub(crate) struct CallFailure {
    /// For the ledger.
    pub(crate) ending: Ending,
    /// For the caller.
    pub(crate) failure: Box<Failure>,
    /// For the log: the provider's own words, short and without secrets.
    pub(crate) detail: String,
    /// What the call took all the same.
    pub(crate) usage: Usage,
}

impl CallFailure {
    /// A failure before anything was sent.
    pub(crate) fn unsent(failure: Failure, detail: impl Into<String>) -> Self {
        Self {
            ending: Ending::Unsent,
            failure: failure.into(),
            detail: detail.into(),
            usage: Usage::default(),
        }
    }

    /// A failure for want of a credential.
    pub(crate) fn no_credential(account: &AccountId) -> Self {
        let message = "an account has no credential here; the operator must look";
        let detail = format!("no credential is configured for account `{account}`");
        Self::unsent(Failure::new(FailureKind::UpstreamRejected, message), detail)
    }

    /// The provider's own words, where they speak of the account and not of what was asked for: those may repeat it.
    pub(crate) fn words(&self) -> Option<String> {
        match &self.ending {
            Ending::Sent(
                CallOutcome::Throttled { .. }
                | CallOutcome::Overloaded
                | CallOutcome::CredentialRejected
                | CallOutcome::BillingClosed
                | CallOutcome::Forbidden
                | CallOutcome::Transient,
            ) => Some(one_line(&self.detail, WORDS)).filter(|words| !words.is_empty()),
            Ending::Sent(_) | Ending::Late | Ending::Unsent => None,
        }
    }

    /// A failure of a call that was sent.
    pub(crate) fn sent(outcome: CallOutcome, failure: Failure, detail: impl Into<String>) -> Self {
        Self {
            ending: Ending::Sent(outcome),
            failure: failure.into(),
            detail: detail.into(),
            usage: Usage::default(),
        }
    }
}

/// The providers that can be called.
pub(crate) struct Upstreams(HashMap<Provider, Arc<dyn Upstream>>);

impl Upstreams {
    /// These providers.
    pub(crate) fn new(upstreams: impl IntoIterator<Item = (Provider, Arc<dyn Upstream>)>) -> Self {
        Self(upstreams.into_iter().collect())
    }

    /// The provider, where it can be called.
    pub(crate) fn get(&self, provider: Provider) -> Option<Arc<dyn Upstream>> {
        self.0.get(&provider).cloned()
    }
}

/// The text on one line, at most this many characters, for messages and logs.
fn one_line(text: &str, longest: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.chars().count() > longest {
            return line.chars().take(longest).chain(['…']).collect();
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_provider_says_of_the_account_is_shown() {
        let words = |outcome| {
            let failure = Failure::new(FailureKind::Internal, "ours");
            CallFailure::sent(outcome, failure, format!("403 consumer\nis {}", "x".repeat(900))).words()
        };
        let told = words(CallOutcome::CredentialRejected).unwrap();
        assert!(told.starts_with("403 consumer is xxx") && told.chars().count() == WORDS + 1, "{told}");
        for about_the_prompt in [CallOutcome::Rejected, CallOutcome::Declined, CallOutcome::Empty] {
            assert_eq!(words(about_the_prompt), None);
        }
        let unsent = CallFailure::unsent(Failure::new(FailureKind::Internal, "ours"), "no route");
        assert_eq!(unsent.words(), None);
    }

    #[test]
    fn text_for_messages_is_one_short_line() {
        assert_eq!(one_line("  I can't\r\n\tdraw\u{0} that ", 40), "I can't draw that");
        assert_eq!(one_line("abc def", 5), "abc d…");
        assert_eq!(one_line("é".repeat(10_000).as_str(), 3), "ééé…");
        assert_eq!(one_line("", 3), "");
    }
}
