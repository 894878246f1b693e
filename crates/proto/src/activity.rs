//! What became of requests lately, between wire and domain.

use domain::{
    AccountId, ClientId, Failure, FailureKind, ImageCount, LeaseId, MediaType, PictureSpec, PixelSize,
    ProjectId, RequestId, Timestamp, Usage,
    activity::{
        ActivityEvent, AttemptRecord, ImageFacts, LeaseFacts, PictureRecord, Refusal, RequestEnd,
        RequestOutcome, RequestRecord,
    },
};
use v1::request_record::{self as wire, end::Outcome};

use crate::{generation::unreadable, v1};

impl From<ActivityEvent> for v1::ActivityEvent {
    fn from(event: ActivityEvent) -> Self {
        Self {
            now_ms: event.now.as_millis(),
            whole: event.whole,
            waiting: event.waiting,
            requests: event.requests.into_iter().map(v1::RequestRecord::from).collect(),
            refusals: event.refusals.into_iter().map(v1::Refusal::from).collect(),
        }
    }
}

impl TryFrom<v1::ActivityEvent> for ActivityEvent {
    type Error = Failure;

    fn try_from(wire: v1::ActivityEvent) -> Result<Self, Failure> {
        Ok(Self {
            now: Timestamp::from_millis(wire.now_ms),
            whole: wire.whole,
            waiting: wire.waiting,
            requests: wire.requests.into_iter().map(RequestRecord::try_from).collect::<Result<_, _>>()?,
            refusals: wire.refusals.into_iter().map(Refusal::try_from).collect::<Result<_, _>>()?,
        })
    }
}

impl From<Refusal> for v1::Refusal {
    fn from(refusal: Refusal) -> Self {
        Self {
            at_ms: refusal.at.as_millis(),
            account: refusal.account.to_string(),
            project: refusal.project.to_string(),
            provider: refusal.provider.to_string(),
            model: refusal.model,
            outcome: refusal.outcome.to_string(),
            words: refusal.words,
        }
    }
}

impl TryFrom<v1::Refusal> for Refusal {
    type Error = Failure;

    fn try_from(wire: v1::Refusal) -> Result<Self, Failure> {
        Ok(Self {
            at: Timestamp::from_millis(wire.at_ms),
            account: checked("account", AccountId::new(wire.account))?,
            project: checked("project", ProjectId::new(wire.project))?,
            provider: parsed("provider", &wire.provider)?,
            model: wire.model,
            outcome: parsed("outcome", &wire.outcome)?,
            words: wire.words,
        })
    }
}

impl From<RequestRecord> for v1::RequestRecord {
    fn from(record: RequestRecord) -> Self {
        Self {
            request_id: record.id.to_string(),
            trace_id: record.trace.unwrap_or_default(),
            client: record.client.to_string(),
            dialect: record.dialect.map(|dialect| dialect.to_string()).unwrap_or_default(),
            model: record.model,
            aspect_ratio: record.spec.aspect_ratio.to_string(),
            resolution: record.spec.resolution.to_string(),
            count: record.count.get(),
            prompt: record.prompt,
            begun_at_ms: record.begun_at.as_millis(),
            end: record.end.map(wire::End::from),
            pictures: record.pictures.into_iter().map(wire::Picture::from).collect(),
        }
    }
}

impl TryFrom<v1::RequestRecord> for RequestRecord {
    type Error = Failure;

    fn try_from(wire: v1::RequestRecord) -> Result<Self, Failure> {
        let spec = PictureSpec {
            aspect_ratio: parsed("aspect_ratio", &wire.aspect_ratio)?,
            resolution: parsed("resolution", &wire.resolution)?,
        };
        let dialect = said(wire.dialect).map(|name| parsed("dialect", &name)).transpose()?;
        Ok(Self {
            id: checked("request_id", RequestId::new(wire.request_id))?,
            trace: said(wire.trace_id),
            client: checked("client", ClientId::new(wire.client))?,
            dialect,
            model: wire.model,
            spec,
            count: ImageCount::new(wire.count.into())
                .ok_or_else(|| unreadable("a request for no picture"))?,
            prompt: wire.prompt,
            begun_at: Timestamp::from_millis(wire.begun_at_ms),
            end: wire.end.map(RequestEnd::try_from).transpose()?,
            pictures: wire.pictures.into_iter().map(PictureRecord::try_from).collect::<Result<_, _>>()?,
        })
    }
}

impl From<RequestEnd> for wire::End {
    fn from(RequestEnd { at, outcome }: RequestEnd) -> Self {
        let outcome = match outcome {
            RequestOutcome::Delivered => Outcome::Delivered(wire::Delivered {}),
            RequestOutcome::Failed(kind) => Outcome::Failed(v1::FailureKind::from(kind).into()),
            RequestOutcome::Abandoned => Outcome::Abandoned(wire::Abandoned {}),
        };
        Self { at_ms: at.as_millis(), outcome: Some(outcome) }
    }
}

impl TryFrom<wire::End> for RequestEnd {
    type Error = Failure;

    fn try_from(wire: wire::End) -> Result<Self, Failure> {
        let outcome = match wire.outcome.ok_or_else(|| unreadable("an end of no kind"))? {
            Outcome::Delivered(wire::Delivered {}) => RequestOutcome::Delivered,
            Outcome::Failed(kind) => {
                RequestOutcome::Failed(failure_kind(kind).unwrap_or(FailureKind::Internal))
            }
            Outcome::Abandoned(wire::Abandoned {}) => RequestOutcome::Abandoned,
        };
        Ok(Self { at: Timestamp::from_millis(wire.at_ms), outcome })
    }
}

impl From<PictureRecord> for wire::Picture {
    fn from(picture: PictureRecord) -> Self {
        Self {
            attempts: picture.attempts.into_iter().map(wire::Attempt::from).collect(),
            image: picture.image.map(wire::Image::from),
            failure: wire_failure(picture.failure),
        }
    }
}

impl TryFrom<wire::Picture> for PictureRecord {
    type Error = Failure;

    fn try_from(wire: wire::Picture) -> Result<Self, Failure> {
        Ok(Self {
            attempts: wire.attempts.into_iter().map(AttemptRecord::try_from).collect::<Result<_, _>>()?,
            image: wire.image.map(ImageFacts::try_from).transpose()?,
            failure: failure_kind(wire.failure),
        })
    }
}

impl From<ImageFacts> for wire::Image {
    fn from(image: ImageFacts) -> Self {
        Self {
            media_type: image.media_type.as_str().to_owned(),
            width: image.size.width(),
            height: image.size.height(),
            length: image.length,
        }
    }
}

impl TryFrom<wire::Image> for ImageFacts {
    type Error = Failure;

    fn try_from(wire: wire::Image) -> Result<Self, Failure> {
        let media_type = [MediaType::Png, MediaType::Jpeg, MediaType::Webp]
            .into_iter()
            .find(|known| known.as_str() == wire.media_type);
        Ok(Self {
            media_type: media_type.ok_or_else(|| unreadable("a picture of an unknown media type"))?,
            size: PixelSize::new(wire.width, wire.height)
                .ok_or_else(|| unreadable("a picture without a size"))?,
            length: wire.length,
        })
    }
}

impl From<AttemptRecord> for wire::Attempt {
    fn from(attempt: AttemptRecord) -> Self {
        Self {
            queued_at_ms: attempt.queued_at.as_millis(),
            lease: attempt.lease.map(wire::Lease::from),
            called_at_ms: attempt.called_at.map(Timestamp::as_millis),
            first_byte_at_ms: attempt.first_byte_at.map(Timestamp::as_millis),
            answered_at_ms: attempt.answered_at.map(Timestamp::as_millis),
            settled_at_ms: attempt.settled_at.map(Timestamp::as_millis),
            outcome: attempt.outcome.map(|outcome| outcome.to_string()).unwrap_or_default(),
            failure: wire_failure(attempt.failure),
            tokens: Some(attempt.tokens.into()),
            cost_micro_usd: attempt.cost_micro_usd,
            words: attempt.words,
        }
    }
}

impl TryFrom<wire::Attempt> for AttemptRecord {
    type Error = Failure;

    fn try_from(wire: wire::Attempt) -> Result<Self, Failure> {
        Ok(Self {
            queued_at: Timestamp::from_millis(wire.queued_at_ms),
            lease: wire.lease.map(LeaseFacts::try_from).transpose()?,
            called_at: wire.called_at_ms.map(Timestamp::from_millis),
            first_byte_at: wire.first_byte_at_ms.map(Timestamp::from_millis),
            answered_at: wire.answered_at_ms.map(Timestamp::from_millis),
            settled_at: wire.settled_at_ms.map(Timestamp::from_millis),
            outcome: said(wire.outcome).map(|word| parsed("outcome", &word)).transpose()?,
            failure: failure_kind(wire.failure),
            tokens: wire.tokens.map(Usage::from).unwrap_or_default(),
            cost_micro_usd: wire.cost_micro_usd,
            words: wire.words,
        })
    }
}

impl From<LeaseFacts> for wire::Lease {
    fn from(lease: LeaseFacts) -> Self {
        Self {
            at_ms: lease.at.as_millis(),
            lease_id: lease.id.to_string(),
            account: lease.account.to_string(),
            project: lease.project.to_string(),
            provider: lease.provider.to_string(),
        }
    }
}

impl TryFrom<wire::Lease> for LeaseFacts {
    type Error = Failure;

    fn try_from(wire: wire::Lease) -> Result<Self, Failure> {
        Ok(Self {
            at: Timestamp::from_millis(wire.at_ms),
            id: checked("lease_id", LeaseId::new(wire.lease_id))?,
            account: checked("account", AccountId::new(wire.account))?,
            project: checked("project", ProjectId::new(wire.project))?,
            provider: parsed("provider", &wire.provider)?,
        })
    }
}

fn wire_failure(kind: Option<FailureKind>) -> i32 {
    kind.map_or(v1::FailureKind::Unspecified, Into::into).into()
}

/// None where none is told. A kind that this version does not know is a fault of ours, as anywhere.
fn failure_kind(wire: i32) -> Option<FailureKind> {
    match v1::FailureKind::try_from(wire) {
        Ok(v1::FailureKind::Unspecified) => None,
        Ok(kind) => Some(kind.into()),
        Err(_) => Some(FailureKind::Internal),
    }
}

fn said(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn checked<T>(field: &str, value: Result<T, impl std::fmt::Display>) -> Result<T, Failure> {
    value.map_err(|error| Failure::invalid(field, error))
}

fn parsed<T>(field: &str, text: &str) -> Result<T, Failure>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    checked(field, text.parse())
}

#[cfg(test)]
mod tests {
    use domain::{AspectRatio, Dialect, Provider, Resolution, activity::AttemptOutcome};

    use super::*;

    const MOMENT: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn attempt(outcome: AttemptOutcome) -> AttemptRecord {
        AttemptRecord {
            lease: Some(LeaseFacts {
                at: MOMENT,
                id: LeaseId::new("r/0/0").unwrap(),
                account: AccountId::new("a").unwrap(),
                project: ProjectId::new("p").unwrap(),
                provider: Provider::Vertex,
            }),
            called_at: Some(MOMENT),
            first_byte_at: Some(MOMENT),
            answered_at: Some(MOMENT),
            settled_at: Some(MOMENT),
            outcome: Some(outcome),
            failure: Some(FailureKind::UpstreamTimeout),
            words: Some("503 UNAVAILABLE".into()),
            tokens: Usage { output_image_tokens: 1120, ..Usage::default() },
            cost_micro_usd: 134_000,
            ..AttemptRecord::queued(MOMENT)
        }
    }

    #[test]
    fn every_request_survives_the_journey() {
        let image =
            ImageFacts { media_type: MediaType::Webp, size: PixelSize::new(1376, 768).unwrap(), length: 12 };
        let request = |outcome: Option<RequestOutcome>| RequestRecord {
            id: RequestId::new("r").unwrap(),
            trace: outcome.map(|_| "4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
            client: ClientId::new("studio").unwrap(),
            dialect: outcome.map(|_| Dialect::OpenAiChat),
            model: "m".into(),
            spec: PictureSpec { aspect_ratio: AspectRatio::SQUARE, resolution: Resolution::K4 },
            count: ImageCount::new(2).unwrap(),
            prompt: outcome.map(|_| String::new()),
            begun_at: MOMENT,
            end: outcome.map(|outcome| RequestEnd { at: MOMENT, outcome }),
            pictures: vec![
                PictureRecord {
                    attempts: vec![attempt(AttemptOutcome::LATE), attempt(AttemptOutcome::DELIVERED)],
                    image: Some(image),
                    failure: None,
                },
                PictureRecord {
                    attempts: vec![AttemptRecord::queued(MOMENT)],
                    image: None,
                    failure: Some(FailureKind::QuotaExhausted),
                },
            ],
        };
        let refusal = Refusal {
            at: MOMENT,
            account: AccountId::new("a").unwrap(),
            project: ProjectId::new("p").unwrap(),
            provider: Provider::Gemini,
            model: "m".into(),
            outcome: AttemptOutcome::LATE,
            words: "429 RESOURCE_EXHAUSTED".into(),
        };
        let event = ActivityEvent {
            now: MOMENT,
            whole: true,
            waiting: 3,
            requests: vec![
                request(None),
                request(Some(RequestOutcome::Delivered)),
                request(Some(RequestOutcome::Failed(FailureKind::NoImage))),
                request(Some(RequestOutcome::Abandoned)),
            ],
            refusals: vec![refusal],
        };
        assert_eq!(ActivityEvent::try_from(v1::ActivityEvent::from(event.clone())), Ok(event));
    }
}
