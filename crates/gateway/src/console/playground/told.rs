//! What a page is told of its pictures while they are made.

use domain::{
    Failure, FailureKind, ImageHead,
    activity::{AttemptRecord, RequestRecord},
};
use serde::Serialize;

/// One step.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Told<'a> {
    /// It is asked for, by this name.
    Asked { id: &'a str },
    /// It has its accounts, or a place among those that wait.
    Started,
    /// No account is free yet.
    Queued,
    /// Where its pictures stand, as far as they have not come.
    Stands(Stands),
    /// There is nothing to tell.
    Alive,
    /// A whole picture follows.
    Picture {
        index: u32,
        media_type: &'static str,
        extension: &'static str,
        width: u32,
        height: u32,
        length: u64,
        caption: &'a str,
        price_micro_usd: u64,
    },
    /// It has all been passed on.
    Complete { index: u32 },
    /// This picture will not come.
    Lost {
        index: u32,
        #[serde(flatten)]
        why: Why<'a>,
    },
    /// No more pictures follow.
    Finished { cost_micro_usd: u64 },
    /// Nothing came, or nothing more.
    Failed(Why<'a>),
}

/// How many pictures wait for an account, have one, are being drawn, and are on their way here; and how many requests
/// wait for accounts at present, whoever's they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(super) struct Stands {
    queued: usize,
    leased: usize,
    drawing: usize,
    coming: usize,
    waiting: u32,
}

impl Stands {
    /// As a record tells, while so many requests wait.
    pub(super) fn of(record: &RequestRecord, waiting: u32) -> Self {
        let mut stands = Self { waiting, ..Self::default() };
        let open =
            record.pictures.iter().filter(|picture| picture.image.is_none() && picture.failure.is_none());
        for attempt in open.filter_map(|picture| picture.attempts.last()) {
            let count = match attempt {
                AttemptRecord { lease: None, .. } => &mut stands.queued,
                AttemptRecord { called_at: None, .. } => &mut stands.leased,
                AttemptRecord { first_byte_at: None, .. } => &mut stands.drawing,
                _ => &mut stands.coming,
            };
            *count += 1;
        }
        if stands.queued == 0 {
            stands.waiting = 0; // it does not concern this request, which would be told of it again and again
        }
        stands
    }

    /// Whether there is anything to tell.
    pub(super) fn is_telling(&self) -> bool {
        *self != Self::default()
    }
}

/// What went wrong, and what helps.
#[derive(Debug, Serialize)]
pub(super) struct Why<'a> {
    kind: &'static str,
    message: &'a str,
    advice: &'static str,
    possibly_billed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    again_in_seconds: Option<u64>,
}

impl Told<'_> {
    /// A picture of this price follows.
    pub(super) fn picture(head: &ImageHead, price_micro_usd: u64) -> Told<'_> {
        Told::Picture {
            index: head.index,
            media_type: head.media_type.as_str(),
            extension: head.media_type.extension(),
            width: head.size.width(),
            height: head.size.height(),
            length: head.length,
            caption: &head.caption,
            price_micro_usd,
        }
    }
}

impl<'a> Why<'a> {
    /// A failure, for operators.
    pub(super) fn of(failure: &'a Failure) -> Self {
        Self {
            kind: failure.kind.as_str(),
            message: &failure.message,
            advice: advice(failure.kind),
            possibly_billed: failure.kind.possibly_billed(),
            again_in_seconds: failure.retry_after.map(|wait| wait.as_secs() + 1),
        }
    }
}

/// What an operator does about it.
const fn advice(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::InvalidRequest | FailureKind::MissingField => "Change what is named, and ask again.",
        FailureKind::UnknownModel => "Choose another model; this one is not in the catalog any more.",
        FailureKind::PayloadTooLarge => "Use fewer or smaller reference pictures.",
        FailureKind::UnsupportedMediaType => "Use reference pictures in PNG, JPEG or WebP.",
        FailureKind::ContentPolicy => {
            "Say it in other words: name what is to be seen, and leave out what the provider objects to."
        }
        FailureKind::QuotaExhausted => {
            "Wait, or add an account; the page Accounts shows which windows are full and when they open."
        }
        FailureKind::BeyondLimit => {
            "Ask for less at once, or raise the limits of the client “console” on the page Clients."
        }
        FailureKind::NoAccount => {
            "Add an account that serves this model, or enable one, on the page Accounts."
        }
        FailureKind::UpstreamOverloaded => {
            "Ask again in a while, or choose another model; the provider is short of capacity."
        }
        FailureKind::Unauthenticated | FailureKind::UpstreamRejected => {
            "Look at the page Accounts: the provider refused a credential or the request, and says why there."
        }
        FailureKind::UpstreamMalformed | FailureKind::UpstreamTimeout | FailureKind::UpstreamInterrupted => {
            "Ask again if a second charge is bearable: the first picture may have been drawn and lost."
        }
        FailureKind::NoImage => "Say plainly that a picture is wanted and what is on it, and ask again.",
        FailureKind::Unavailable => "Look whether generation and quota run, and ask again shortly.",
        FailureKind::Internal => "Look into Tessera’s log, by the name of the request.",
    }
}
