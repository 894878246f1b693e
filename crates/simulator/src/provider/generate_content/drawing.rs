//! What the model says and draws.

use base64_turbo::URL_SAFE_NO_PAD;
use bytes::Bytes;
use domain::{MediaType, PixelSize, Provider};

use super::{
    performance::Plan,
    response::{Generated, Part, Usage},
    task::Task,
};
use crate::{
    chance::Chance,
    picture::{Commission, Drawn, Studio, Subject},
    script::{Content, Flaw, Format, Pictures},
};

/// One task at the easel.
#[derive(Debug)]
pub(super) struct Drawing<'a> {
    pub(super) studio: &'a Studio,
    pub(super) pictures: Pictures,
    pub(super) task: &'a Task,
    /// The model by its name at the service.
    pub(super) model: &'static str,
    pub(super) provider: Provider,
    /// Which arrival it is: what takes the place of a seed where none is given.
    pub(super) sequence: u64,
}

const CAPTION: &str = "Here is the picture you asked for.";
const REFUSAL: &str = "I could not draw that. Please tell me more of what you have in mind.";
const FILTERED: &str = "Unable to show the generated image. The image was filtered out because it violated \
    Google's Generative AI Prohibited Use policy. Try rephrasing the prompt.";
/// Tokens of thought, which these models never do without.
const THOUGHT_TOKENS: u32 = 200;

impl Drawing<'_> {
    /// The answer that the plan asks for.
    pub(super) async fn generate(&self, plan: &Plan) -> Generated {
        match &plan.content {
            None if self.task.wants_picture => {
                let mut parts = self.drafts().await;
                parts.extend(self.caption());
                parts.push(Part { signature: Some(self.token(2)), ..self.picture(plan.flaw).await });
                self.answer(parts, "STOP")
            }
            None => self.answer(vec![Part::text(CAPTION.to_owned())], "STOP"),
            Some(Content::NoImage) => self.answer(vec![Part::text(REFUSAL.to_owned())], "STOP"),
            Some(Content::ThoughtOnly) => {
                let mut parts: Vec<Part> = self.caption().into_iter().collect();
                parts.push(self.picture(plan.flaw).await.into_thought());
                self.answer(parts, "STOP")
            }
            Some(Content::Finish { reason }) => {
                let finish_message = reason.contains("IMAGE").then_some(FILTERED);
                Generated { finish_message, ..self.answer(Vec::new(), reason) }
            }
            Some(Content::BlockedPrompt { reason }) => {
                let usage = Usage { thoughts: 0, ..self.usage(&[]) };
                let block_reason = Some(reason.clone());
                Generated { block_reason, finish_reason: None, usage, ..self.answer(Vec::new(), "") }
            }
        }
    }

    fn answer(&self, parts: Vec<Part>, finish_reason: &str) -> Generated {
        Generated {
            usage: self.usage(&parts),
            parts,
            finish_reason: Some(finish_reason.to_owned()),
            finish_message: None,
            block_reason: None,
            model: self.model,
            provider: self.provider,
            response_id: self.token(1),
        }
    }

    fn caption(&self) -> Option<Part> {
        let signature = || Some(self.token(3));
        self.task.wants_text.then(|| Part { signature: signature(), ..Part::text(CAPTION.to_owned()) })
    }

    /// Interim pictures, with a word on what is thought, flagged as thoughts.
    async fn drafts(&self) -> Vec<Part> {
        let count = self.pictures.drafts.max(self.task.include_thoughts.into());
        let mut parts = Vec::new();
        if self.task.include_thoughts {
            parts.push(Part::text("I lay the tiles out roughly first.".to_owned()).into_thought());
        }
        let size = PixelSize::native(self.task.ratio, self.task.model.default_resolution());
        for index in 1..=count {
            let draft = self.studio.draw(Commission::Jpeg(self.subject(size, index))).await;
            parts.push(labelled(draft.media_type, draft).into_thought());
        }
        parts
    }

    /// The final picture.
    async fn picture(&self, flaw: Option<Flaw>) -> Part {
        let size = self.task.size();
        let subject = || self.subject(size, 0);
        let commission = match flaw {
            None | Some(Flaw::BadBase64) => {
                if let Some(bytes) = self.pictures.bytes.filter(|_| self.task.format != Some(Format::Jpeg)) {
                    let prepared = self.studio.prepared(size, bytes).await;
                    return if flaw.is_some() {
                        spoilt(prepared)
                    } else {
                        labelled(MediaType::Png, prepared)
                    };
                }
                match self.task.format.unwrap_or(self.pictures.format) {
                    Format::Png => Commission::Png(subject()),
                    Format::Jpeg => Commission::Jpeg(subject()),
                }
            }
            Some(Flaw::Mislabelled) => Commission::Jpeg(subject()),
            Some(Flaw::Huge { bytes }) => Commission::Plain { size, bytes },
            Some(Flaw::WrongSize) => Commission::Png(self.subject(half(size), 0)),
            Some(Flaw::NotAPicture) => Commission::Noise { seed: self.sequence },
        };
        let drawn = self.studio.draw(commission).await;
        match flaw {
            Some(Flaw::BadBase64) => spoilt(drawn),
            Some(Flaw::Mislabelled) => labelled(MediaType::Png, drawn),
            _ => labelled(drawn.media_type, drawn),
        }
    }

    fn subject(&self, size: PixelSize, index: u8) -> Subject {
        let Task { ratio, resolution, prompt, references, .. } = self.task;
        let (model, digest) = (self.model, references.digest.to_le_bytes());
        let seed = self.task.seed.map_or(self.sequence, |seed| u64::from(seed.cast_unsigned()));
        let mut chance =
            Chance::of([prompt.as_bytes(), model.as_bytes(), &digest, &seed.to_le_bytes(), &[index]]);
        let after = match references.count {
            0 => String::new(),
            1 => ", after a picture".to_owned(),
            count => format!(", after {count} pictures"),
        };
        let draft = if index > 0 { format!(", draft {index}") } else { String::new() };
        let caption = format!("{model} {ratio} {resolution} {size}{after}{draft}");
        Subject { size, seed: chance.next(), prompt: prompt.clone(), caption }
    }

    fn usage(&self, parts: &[Part]) -> Usage {
        let tokens_of_reference = if self.model == "gemini-3-pro-image" { 560 } else { 1120 };
        let references = u32::try_from(self.task.references.count).unwrap_or(u32::MAX);
        let drew = parts.iter().any(Part::is_picture);
        let rate = self.task.model.rate(self.task.resolution).filter(|_| drew);
        Usage {
            prompt_text: self.task.text_tokens,
            prompt_images: references * tokens_of_reference,
            text: parts.iter().map(Part::answer_tokens).sum(),
            images: rate.map_or(0, |rate| rate.tokens),
            thoughts: THOUGHT_TOKENS,
        }
    }

    /// Twenty-two characters that tell this answer from others.
    fn token(&self, purpose: u8) -> String {
        let mut chance = Chance::of([&self.sequence.to_le_bytes()[..], &[purpose]]);
        let mut bytes = [0; 16];
        chance.fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn labelled(label: MediaType, drawn: Drawn) -> Part {
    Part::picture(label.as_str(), vec![drawn.base64])
}

/// The picture with letters in the middle that are in no alphabet of base64.
fn spoilt(drawn: Drawn) -> Part {
    let Drawn { media_type, base64: mut first } = drawn;
    let mut second = first.split_off(first.len() / 2);
    let spoilt = Bytes::from_static(b"*!?*");
    let _ = second.split_to(spoilt.len().min(second.len()));
    Part::picture(media_type.as_str(), vec![first, spoilt, second])
}

fn half(size: PixelSize) -> PixelSize {
    PixelSize::new((size.width() / 2).max(1), (size.height() / 2).max(1)).unwrap_or(size)
}
