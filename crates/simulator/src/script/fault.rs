//! What can go wrong on command.

use std::time::Duration;

/// A fault and its name in scripts and in the arrival log.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// Where in the exchange a fault lies.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// The call is refused at once: it counts against no quota and costs nothing.
    Refuse(Refuse),
    /// The provider fails after taking the call: it counts, and costs nothing.
    Outage(Outage),
    /// Nothing is answered at all.
    Silence(Silence),
    /// The answer says something other than a picture.
    Content(Content),
    /// The picture in the answer is wrong.
    Flaw(Flaw),
    /// A good answer arrives badly.
    Delivery(Delivery),
}

/// Refusals in Google's form.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refuse {
    QuotaMinute { retry_after: Duration },
    QuotaImages,
    QuotaDay,
    QuotaDayZeroDelay,
    QuotaBare,
    Capacity,
    LimitZero,
    BadKey,
    ExpiredToken,
    Billing,
    Credit,
    Forbidden,
    ForbiddenValidation,
    NotFound,
}

/// Failures of the provider's own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outage {
    Internal,
    Unavailable,
    /// 502 with a page of HTML, as from a proxy in between.
    Html,
}

/// Ways to say nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Silence {
    /// The request is taken and never answered.
    Hang,
    /// The connection ends before the first byte of an answer.
    Reset,
}

/// Answers without a usable picture.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    BlockedPrompt {
        reason: String,
    },
    Finish {
        reason: String,
    },
    NoImage,
    /// The only picture is flagged as a thought.
    ThoughtOnly,
}

/// Pictures that are not what they should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Flaw {
    BadBase64,
    /// JPEG bytes labelled `image/png`.
    Mislabelled,
    /// A valid PNG of this many bytes.
    Huge {
        bytes: usize,
    },
    /// A picture of half the width and height.
    WrongSize,
    /// Noise labelled `image/png`.
    NotAPicture,
}

/// Ways in which a good answer arrives badly.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Delivery {
    Slow {
        bytes_per_second: u32,
    },
    /// The connection breaks in the middle of the body.
    Truncate,
    /// The body ends early, and its `content-length` agrees.
    CutJson,
}

impl Kind {
    /// Whether Google would charge for a picture. A client that hears nothing cannot know: silence is charged.
    pub(crate) const fn bills(&self) -> bool {
        match self {
            Self::Refuse(_) | Self::Outage(_) => false,
            Self::Silence(_) | Self::Flaw(_) | Self::Delivery(_) => true,
            Self::Content(content) => matches!(content, Content::ThoughtOnly),
        }
    }
}

/// What a rule may say about its fault.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    pub(crate) retry_after: Option<Duration>,
    pub(crate) bytes_per_second: Option<u32>,
    pub(crate) bytes: Option<usize>,
    pub(crate) reason: Option<String>,
}

/// Makes a fault of the parameters that it knows, taking them.
type Make = fn(&mut Parameters) -> Kind;

const FAULTS: [(&str, Make); 31] = [
    ("quota-minute", |told| {
        let retry_after = told.retry_after.take().unwrap_or(Duration::from_secs(20));
        Kind::Refuse(Refuse::QuotaMinute { retry_after })
    }),
    ("quota-images", |_| Kind::Refuse(Refuse::QuotaImages)),
    ("quota-day", |_| Kind::Refuse(Refuse::QuotaDay)),
    ("quota-day-zero-delay", |_| Kind::Refuse(Refuse::QuotaDayZeroDelay)),
    ("quota-bare", |_| Kind::Refuse(Refuse::QuotaBare)),
    ("capacity", |_| Kind::Refuse(Refuse::Capacity)),
    ("limit-zero", |_| Kind::Refuse(Refuse::LimitZero)),
    ("bad-key", |_| Kind::Refuse(Refuse::BadKey)),
    ("expired-token", |_| Kind::Refuse(Refuse::ExpiredToken)),
    ("billing", |_| Kind::Refuse(Refuse::Billing)),
    ("credit", |_| Kind::Refuse(Refuse::Credit)),
    ("forbidden", |_| Kind::Refuse(Refuse::Forbidden)),
    ("forbidden-validation", |_| Kind::Refuse(Refuse::ForbiddenValidation)),
    ("not-found", |_| Kind::Refuse(Refuse::NotFound)),
    ("internal", |_| Kind::Outage(Outage::Internal)),
    ("unavailable", |_| Kind::Outage(Outage::Unavailable)),
    ("html-error", |_| Kind::Outage(Outage::Html)),
    ("hang", |_| Kind::Silence(Silence::Hang)),
    ("reset", |_| Kind::Silence(Silence::Reset)),
    ("blocked-prompt", |told| {
        let reason = told.reason.take().unwrap_or_else(|| "PROHIBITED_CONTENT".to_owned());
        Kind::Content(Content::BlockedPrompt { reason })
    }),
    ("finish", |told| {
        let reason = told.reason.take().unwrap_or_else(|| "IMAGE_SAFETY".to_owned());
        Kind::Content(Content::Finish { reason })
    }),
    ("no-image", |_| Kind::Content(Content::NoImage)),
    ("thought-only", |_| Kind::Content(Content::ThoughtOnly)),
    ("bad-base64", |_| Kind::Flaw(Flaw::BadBase64)),
    ("mislabelled", |_| Kind::Flaw(Flaw::Mislabelled)),
    ("huge", |told| Kind::Flaw(Flaw::Huge { bytes: told.bytes.take().unwrap_or(40_000_000) })),
    ("wrong-size", |_| Kind::Flaw(Flaw::WrongSize)),
    ("not-a-picture", |_| Kind::Flaw(Flaw::NotAPicture)),
    ("slow", |told| {
        let bytes_per_second = told.bytes_per_second.take().unwrap_or(50_000);
        Kind::Delivery(Delivery::Slow { bytes_per_second })
    }),
    ("truncate", |_| Kind::Delivery(Delivery::Truncate)),
    ("cut-json", |_| Kind::Delivery(Delivery::CutJson)),
];

impl Fault {
    /// The fault of this name, with the parameters told.
    pub(crate) fn named(name: &str, mut told: Parameters) -> Result<Self, String> {
        if told.bytes_per_second == Some(0) {
            return Err("bytes_per_second must be at least 1".to_owned());
        }
        let (name, make) = FAULTS.iter().find(|(known, _)| *known == name).ok_or_else(|| {
            let known = FAULTS.map(|(known, _)| known).join(", ");
            format!("`{name}` is not a fault; known are {known}")
        })?;
        let kind = make(&mut told);
        match told.left_over() {
            Some(parameter) => Err(format!("the fault `{name}` takes no `{parameter}`")),
            None => Ok(Self { name, kind }),
        }
    }
}

impl Parameters {
    fn left_over(&self) -> Option<&'static str> {
        let left = [
            ("retry_after", self.retry_after.is_some()),
            ("bytes_per_second", self.bytes_per_second.is_some()),
            ("bytes", self.bytes.is_some()),
            ("reason", self.reason.is_some()),
        ];
        left.into_iter().find(|(_, is_left)| *is_left).map(|(parameter, _)| parameter)
    }
}
