//! What comes of it, one event after another.

use domain::{Enforcement, Failure, GenerationEvent, ImageHead, MediaType, PixelSize, Usage};
use v1::generate_event::Event;

use super::unreadable;
use crate::v1;

impl From<GenerationEvent> for v1::GenerateEvent {
    fn from(event: GenerationEvent) -> Self {
        let event = match event {
            GenerationEvent::Started => Event::Started(v1::Started {}),
            GenerationEvent::Queued => Event::Queued(v1::Queued {}),
            GenerationEvent::Decided { delivered, people } => {
                let people = v1::PersonGenerationEnforcement::from(people).into();
                Event::Decided(v1::Decided { delivered, people })
            }
            GenerationEvent::ImageStarted(head) => Event::ImageStarted(head.into()),
            GenerationEvent::ImageChunk(bytes) => Event::ImageChunk(bytes),
            GenerationEvent::ImageFinished { index } => Event::ImageFinished(v1::ImageFinished { index }),
            GenerationEvent::ImageFailed { index, failure } => {
                Event::ImageFailed(v1::ImageFailed { index, failure: Some(failure.into()) })
            }
            GenerationEvent::Finished { usage } => {
                Event::Finished(v1::Finished { usage: Some(usage.into()) })
            }
        };
        Self { event: Some(event) }
    }
}

impl TryFrom<v1::GenerateEvent> for GenerationEvent {
    type Error = Failure;

    fn try_from(wire: v1::GenerateEvent) -> Result<Self, Failure> {
        Ok(match wire.event.ok_or_else(|| unreadable("an event of no kind"))? {
            Event::Started(_) => Self::Started,
            Event::Queued(_) => Self::Queued,
            Event::Decided(decided) => {
                Self::Decided { delivered: decided.delivered, people: decided.people().into() }
            }
            Event::ImageStarted(head) => Self::ImageStarted(head.try_into()?),
            Event::ImageChunk(bytes) => Self::ImageChunk(bytes),
            Event::ImageFinished(v1::ImageFinished { index }) => Self::ImageFinished { index },
            Event::ImageFailed(v1::ImageFailed { index, failure }) => {
                let failure = failure.ok_or_else(|| unreadable("a failure without a reason"))?;
                Self::ImageFailed { index, failure: failure.into() }
            }
            Event::Finished(v1::Finished { usage }) => {
                Self::Finished { usage: usage.map(Usage::from).unwrap_or_default() }
            }
        })
    }
}

impl From<ImageHead> for v1::ImageStarted {
    fn from(head: ImageHead) -> Self {
        Self {
            index: head.index,
            media_type: head.media_type.as_str().to_owned(),
            width: head.size.width(),
            height: head.size.height(),
            length: head.length,
            caption: head.caption,
        }
    }
}

impl TryFrom<v1::ImageStarted> for ImageHead {
    type Error = Failure;

    fn try_from(wire: v1::ImageStarted) -> Result<Self, Failure> {
        let media_type = [MediaType::Png, MediaType::Jpeg, MediaType::Webp]
            .into_iter()
            .find(|known| known.as_str() == wire.media_type)
            .ok_or_else(|| unreadable("a picture of an unknown media type"))?;
        let size =
            PixelSize::new(wire.width, wire.height).ok_or_else(|| unreadable("a picture without a size"))?;
        Ok(Self { index: wire.index, media_type, size, length: wire.length, caption: wire.caption })
    }
}

impl From<Usage> for v1::Usage {
    fn from(usage: Usage) -> Self {
        Self {
            input_text_tokens: usage.input_text_tokens,
            input_image_tokens: usage.input_image_tokens,
            output_text_tokens: usage.output_text_tokens,
            output_image_tokens: usage.output_image_tokens,
        }
    }
}

impl From<v1::Usage> for Usage {
    fn from(wire: v1::Usage) -> Self {
        Self {
            input_text_tokens: wire.input_text_tokens,
            input_image_tokens: wire.input_image_tokens,
            output_text_tokens: wire.output_text_tokens,
            output_image_tokens: wire.output_image_tokens,
        }
    }
}

impl From<Option<Enforcement>> for v1::PersonGenerationEnforcement {
    fn from(people: Option<Enforcement>) -> Self {
        match people {
            None => Self::Unspecified,
            Some(Enforcement::Instruction) => Self::Instruction,
            Some(Enforcement::Native) => Self::Native,
        }
    }
}

impl From<v1::PersonGenerationEnforcement> for Option<Enforcement> {
    fn from(wire: v1::PersonGenerationEnforcement) -> Self {
        match wire {
            v1::PersonGenerationEnforcement::Unspecified => None,
            v1::PersonGenerationEnforcement::Instruction => Some(Enforcement::Instruction),
            v1::PersonGenerationEnforcement::Native => Some(Enforcement::Native),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use domain::FailureKind;

    use super::*;

    #[test]
    fn every_event_survives_the_journey() {
        let head = ImageHead {
            index: 1,
            media_type: MediaType::Webp,
            size: PixelSize::new(1376, 768).unwrap(),
            length: 12,
            caption: "here".into(),
        };
        let failure = Failure::new(FailureKind::NoImage, "nothing was drawn");
        let usage = Usage {
            input_text_tokens: 1,
            input_image_tokens: 2,
            output_text_tokens: 3,
            output_image_tokens: 4,
        };
        for event in [
            GenerationEvent::Started,
            GenerationEvent::Queued,
            GenerationEvent::Decided { delivered: 3, people: None },
            GenerationEvent::Decided { delivered: 3, people: Some(Enforcement::Instruction) },
            GenerationEvent::Decided { delivered: 3, people: Some(Enforcement::Native) },
            GenerationEvent::ImageStarted(head),
            GenerationEvent::ImageChunk(Bytes::from_static(b"bytes")),
            GenerationEvent::ImageFinished { index: 1 },
            GenerationEvent::ImageFailed { index: 2, failure },
            GenerationEvent::Finished { usage },
        ] {
            let wire = v1::GenerateEvent::from(event.clone());
            assert_eq!(GenerationEvent::try_from(wire), Ok(event));
        }
    }
}
