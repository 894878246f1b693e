//! How a lease was closed, as it stands in a file or in Redis.

use std::time::Duration;

use domain::{
    CallOutcome, Usage,
    lease::{Quota, Revealed, Window},
};
use serde::{Deserialize, Serialize};

use crate::store::ledger::Ending;

/// An ending with every detail, so that a repeated settlement is told from a contradicting one.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EndingRecord {
    Released,
    Delivered {
        images: u32,
        input_text_tokens: u64,
        input_image_tokens: u64,
        output_text_tokens: u64,
        output_image_tokens: u64,
    },
    Declined,
    Rejected,
    Empty,
    Throttled {
        window: Option<WindowRecord>,
        retry_after_ms: Option<u64>,
        revealed: Option<(String, u32)>,
    },
    Overloaded,
    CredentialRejected,
    BillingClosed,
    Forbidden,
    Transient,
    Ambiguous,
    Cancelled,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WindowRecord {
    Minute,
    Day,
}

impl From<&Ending> for EndingRecord {
    fn from(ending: &Ending) -> Self {
        let outcome = match ending {
            Ending::Released => return Self::Released,
            Ending::Settled(outcome) => outcome,
        };
        match outcome {
            CallOutcome::Delivered { images, usage } => Self::Delivered {
                images: *images,
                input_text_tokens: usage.input_text_tokens,
                input_image_tokens: usage.input_image_tokens,
                output_text_tokens: usage.output_text_tokens,
                output_image_tokens: usage.output_image_tokens,
            },
            CallOutcome::Declined => Self::Declined,
            CallOutcome::Rejected => Self::Rejected,
            CallOutcome::Empty => Self::Empty,
            CallOutcome::Throttled { window, retry_after, revealed } => Self::Throttled {
                window: window.map(|window| match window {
                    Window::Minute => WindowRecord::Minute,
                    Window::Day => WindowRecord::Day,
                }),
                retry_after_ms: retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
                revealed: revealed.map(|Revealed { quota, limit }| (quota.as_str().into(), limit)),
            },
            CallOutcome::Overloaded => Self::Overloaded,
            CallOutcome::CredentialRejected => Self::CredentialRejected,
            CallOutcome::BillingClosed => Self::BillingClosed,
            CallOutcome::Forbidden => Self::Forbidden,
            CallOutcome::Transient => Self::Transient,
            CallOutcome::Ambiguous => Self::Ambiguous,
            CallOutcome::Cancelled => Self::Cancelled,
        }
    }
}

impl From<EndingRecord> for Ending {
    fn from(record: EndingRecord) -> Self {
        Self::Settled(match record {
            EndingRecord::Released => return Self::Released,
            EndingRecord::Delivered {
                images,
                input_text_tokens,
                input_image_tokens,
                output_text_tokens,
                output_image_tokens,
            } => CallOutcome::Delivered {
                images,
                usage: Usage {
                    input_text_tokens,
                    input_image_tokens,
                    output_text_tokens,
                    output_image_tokens,
                },
            },
            EndingRecord::Declined => CallOutcome::Declined,
            EndingRecord::Rejected => CallOutcome::Rejected,
            EndingRecord::Empty => CallOutcome::Empty,
            EndingRecord::Throttled { window, retry_after_ms, revealed } => CallOutcome::Throttled {
                window: window.map(|window| match window {
                    WindowRecord::Minute => Window::Minute,
                    WindowRecord::Day => Window::Day,
                }),
                retry_after: retry_after_ms.map(Duration::from_millis),
                revealed: revealed.and_then(read_revealed),
            },
            EndingRecord::Overloaded => CallOutcome::Overloaded,
            EndingRecord::CredentialRejected => CallOutcome::CredentialRejected,
            EndingRecord::BillingClosed => CallOutcome::BillingClosed,
            EndingRecord::Forbidden => CallOutcome::Forbidden,
            EndingRecord::Transient => CallOutcome::Transient,
            EndingRecord::Ambiguous => CallOutcome::Ambiguous,
            EndingRecord::Cancelled => CallOutcome::Cancelled,
        })
    }
}

/// A limit that this version does not know tells it nothing.
fn read_revealed((quota, limit): (String, u32)) -> Option<Revealed> {
    let quota = Quota::ALL.into_iter().find(|known| known.as_str() == quota)?;
    Some(Revealed { quota, limit })
}
