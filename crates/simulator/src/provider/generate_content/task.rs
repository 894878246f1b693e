//! A request that makes sense: what is to be drawn, and for whom.

use bytes::Bytes;
use domain::{AspectRatio, Image, Model, PixelSize, Provider, Resolution};

use super::{
    error,
    request::{Config, Content, Data, ImageConfig, Request},
};
use crate::{
    Arrival,
    chance::Chance,
    provider::rpc::Refusal,
    script::{Caller, Format},
};

/// What is to be drawn.
#[derive(Debug)]
pub(in crate::provider) struct Task {
    pub(super) caller: Caller,
    pub(super) model: &'static Model,
    pub(super) ratio: AspectRatio,
    pub(super) resolution: Resolution,
    /// The last text of the user's.
    pub(super) prompt: String,
    pub(super) references: References,
    pub(super) seed: Option<i32>,
    /// The format that the request wants; else the script's.
    pub(super) format: Option<Format>,
    /// Whether people may be shown, where the request says.
    people: Option<&'static str>,
    pub(super) wants_text: bool,
    pub(super) wants_picture: bool,
    pub(super) include_thoughts: bool,
    /// Tokens of all the text that was sent.
    pub(super) text_tokens: u32,
}

/// The pictures that the conversation shows.
#[derive(Debug)]
pub(super) struct References {
    pub(super) count: usize,
    /// Changes with every byte of them.
    pub(super) digest: u64,
    /// The size of the last one, where its header tells.
    last: Option<PixelSize>,
}

impl Task {
    /// Checks a request against what the model can do, in Google's order and words.
    pub(in crate::provider) fn new(
        provider: Provider,
        caller: Caller,
        model: &'static Model,
        request: Request,
    ) -> Result<Self, Refusal> {
        if request.cached_content.is_some() {
            return Err(error::no_cache());
        }
        if request.has_functions {
            let id = &model.name;
            return Err(Refusal::invalid(format!("Function calling is not enabled for models/{id}")));
        }
        check_contents(&request, provider)?;
        check_config(&request.config)?;
        let (wants_text, wants_picture) = modalities(&request.config)?;
        let text_tokens = text_tokens(&request);
        let prompt = prompt(&request.contents);
        let references = References::of(request.contents, model)?;
        let (ratio, resolution) = shape(&request.config.image, model, references.last)?;
        Ok(Self {
            caller,
            model,
            ratio,
            resolution,
            prompt,
            references,
            seed: request.config.seed,
            format: format(&request.config.image)?,
            people: request.config.image.people,
            wants_text,
            wants_picture,
            include_thoughts: request.config.thinking.include_thoughts,
            text_tokens,
        })
    }

    /// The pixels of the picture.
    pub(super) fn size(&self) -> PixelSize {
        PixelSize::native(self.ratio, self.resolution)
    }

    pub(in crate::provider) fn describe(&self, arrival: &mut Arrival) {
        arrival.aspect_ratio = Some(self.ratio);
        arrival.resolution = Some(self.resolution);
        arrival.prompt = self.prompt.chars().take(Arrival::LONGEST_PROMPT).collect();
        arrival.reference_images = self.references.count;
        arrival.person_generation = self.people;
    }
}

impl References {
    /// Looks at every picture and refuses what Google could not open.
    fn of(contents: Vec<Content>, model: &Model) -> Result<Self, Refusal> {
        let mut all = Self { count: 0, digest: 0, last: None };
        for part in contents.into_iter().flat_map(|content| content.parts) {
            let Data::Picture { mime_type, bytes } = part.data else { continue };
            let bytes = Bytes::from(bytes);
            all.last = inspect(&mime_type, &bytes)?;
            all.count += 1;
            all.digest = Chance::of([&all.digest.to_le_bytes()[..], &bytes]).next();
        }
        if all.count > model.reference_images {
            return Err(Refusal::invalid(format!(
                "The number of images in the request exceeds the limit of {} for models/{}: {} were given.",
                model.reference_images, model.name, all.count
            )));
        }
        Ok(all)
    }
}

/// The size of a picture that is one, where its header is of a kind we can read.
fn inspect(mime_type: &str, bytes: &Bytes) -> Result<Option<PixelSize>, Refusal> {
    let broken = || {
        Refusal::invalid(
            "Unable to process input image. Please retry or report in \
             https://developers.generativeai.google/guide/troubleshooting",
        )
    };
    match mime_type {
        "image/png" | "image/jpeg" | "image/webp" => {
            let image = Image::inspect(bytes.clone()).map_err(|_| broken())?;
            Ok(Some(image.size()))
        }
        "image/heic" | "image/heif" if bytes.get(4..8) == Some(b"ftyp") => Ok(None),
        "image/heic" | "image/heif" => Err(broken()),
        "" => Err(Refusal::invalid("mimeType parameter is required for inlineData")),
        other => Err(Refusal::invalid(format!("Unsupported MIME type: {other}"))),
    }
}

fn check_contents(request: &Request, provider: Provider) -> Result<(), Refusal> {
    if request.contents.is_empty() {
        return Err(error::out_of_place("contents", "contents is not specified"));
    }
    for (turn, content) in request.contents.iter().enumerate() {
        let valid = match content.role.as_deref() {
            None | Some("") => provider == Provider::Gemini,
            Some(role) => matches!(role, "user" | "model" | "function"),
        };
        if !valid {
            return Err(error::bad_role());
        }
        check_parts(content, &format!("contents[{turn}]"))?;
        check_signatures(turn, content)?;
    }
    request.system_instruction.as_ref().map_or(Ok(()), |content| check_parts(content, "system_instruction"))
}

fn check_parts(content: &Content, at: &str) -> Result<(), Refusal> {
    if content.parts.is_empty() {
        return Err(error::out_of_place(&format!("{at}.parts"), "contents.parts must not be empty."));
    }
    for (place, part) in content.parts.iter().enumerate() {
        match &part.data {
            Data::Text(_) | Data::Picture { .. } | Data::Other => {}
            Data::File { uri } => return Err(error::no_file(uri)),
            Data::Empty => {
                return Err(error::out_of_place(
                    &format!("{at}.parts[{place}].data"),
                    "required oneof field 'data' must have one initialized field",
                ));
            }
            Data::Twofold { first, second } => {
                return Err(Refusal::invalid(format!(
                    "Invalid value at '{at}.parts[{place}]' (oneof), oneof field 'data' is already set. Cannot \
                     set '{second}' beside '{first}'"
                )));
            }
        }
    }
    Ok(())
}

/// What the model said before must come back signed: every picture, and text that its turn begins with.
fn check_signatures(turn: usize, content: &Content) -> Result<(), Refusal> {
    if content.role.as_deref() != Some("model") {
        return Ok(());
    }
    let said = content.parts.iter().enumerate().filter(|(_, part)| !part.thought);
    for (first, (place, part)) in std::iter::once(true).chain(std::iter::repeat(false)).zip(said) {
        match part.data {
            Data::Picture { .. } if !part.signed => return Err(error::unsigned("Image", turn, place)),
            Data::Text(_) if first && !part.signed => return Err(error::unsigned("Text", turn, place)),
            _ => {}
        }
    }
    Ok(())
}

fn check_config(config: &Config) -> Result<(), Refusal> {
    let wrong = |field: &str, reason: &str| {
        Err(error::out_of_place(&format!("generation_config.{field}"), &format!("{field} {reason}")))
    };
    let outside = |value: Option<f64>, most: f64| value.is_some_and(|value| !(0.0..=most).contains(&value));
    match config {
        Config { candidate_count: Some(2..), .. } => {
            Err(Refusal::invalid("Multiple candidates is not enabled for this model"))
        }
        Config { candidate_count: Some(..0), .. } => wrong("candidate_count", "must be positive."),
        Config { max_output_tokens: Some(..0), .. } => wrong("max_output_tokens", "must be positive."),
        Config { top_k: Some(..0), .. } => wrong("top_k", "must be positive."),
        Config { stop_sequences, .. } if stop_sequences.len() > 5 => {
            wrong("stop_sequences", "must be at most 5.")
        }
        Config { response_mime_type: Some(mime), .. } if !matches!(mime.as_str(), "" | "text/plain") => {
            Err(Refusal::invalid("JSON mode is not enabled for this model"))
        }
        _ if outside(config.temperature, 2.0) => wrong("temperature", "must be in the range [0.0, 2.0]."),
        _ if outside(config.top_p, 1.0) => wrong("top_p", "must be in the range [0.0, 1.0]."),
        _ if config.thinking.budget.is_some() && config.thinking.level.is_some() => {
            Err(Refusal::invalid("You can only set only one of thinking budget and thinking level."))
        }
        _ => Ok(()),
    }
}

/// Whether text and whether a picture is wanted; both where nothing is said.
fn modalities(config: &Config) -> Result<(bool, bool), Refusal> {
    if config.modalities.contains(&"AUDIO") {
        return Err(Refusal::invalid(
            "The requested combination of response modalities is not supported by the model. It accepts: \
             TEXT; IMAGE; TEXT, IMAGE.",
        ));
    }
    let wants = |modality| config.modalities.is_empty() || config.modalities.contains(&modality);
    let unspecified = config.modalities.iter().all(|modality| *modality == "MODALITY_UNSPECIFIED");
    Ok((unspecified || wants("TEXT"), unspecified || wants("IMAGE")))
}

/// The ratio and resolution asked for, which must be spelled as Google spells them; else the ratio of the last
/// picture shown, and the model's usual resolution.
fn shape(
    asked: &ImageConfig,
    model: &Model,
    last_reference: Option<PixelSize>,
) -> Result<(AspectRatio, Resolution), Refusal> {
    let ratio = match asked.aspect_ratio.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => {
            let known = model.aspect_ratios.iter().find(|ratio| ratio.to_string() == text);
            *known.ok_or_else(|| error::no_ratio(model))?
        }
        None => last_reference
            .and_then(|size| AspectRatio::nearest(size, &model.aspect_ratios))
            .unwrap_or(AspectRatio::SQUARE),
    };
    let resolution = match asked.image_size.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => {
            let known = model.resolutions().find(|resolution| resolution.as_str() == text);
            known.ok_or_else(|| error::no_resolution(model))?
        }
        None => model.default_resolution(),
    };
    Ok((ratio, resolution))
}

/// The format asked for, where one is.
fn format(asked: &ImageConfig) -> Result<Option<Format>, Refusal> {
    match asked.mime_type.as_deref() {
        None | Some("") => Ok(None),
        Some("image/png") => Ok(Some(Format::Png)),
        Some("image/jpeg") => Ok(Some(Format::Jpeg)),
        Some(_) => Err(error::no_format()),
    }
}

/// The text of the last turn of the user's that has any.
fn prompt(contents: &[Content]) -> String {
    let of_user = |content: &&Content| content.role.as_deref() != Some("model");
    let mut turns = contents.iter().filter(of_user).rev().map(|content| {
        let texts: Vec<&str> = texts(content).filter(|text| !text.trim().is_empty()).collect();
        texts.join("\n")
    });
    turns.find(|text| !text.is_empty()).unwrap_or_default()
}

/// About four characters make a token.
fn text_tokens(request: &Request) -> u32 {
    let all = request.contents.iter().chain(&request.system_instruction);
    let tokens: usize = all.flat_map(texts).map(|text| text.chars().count().div_ceil(4)).sum();
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

fn texts(content: &Content) -> impl Iterator<Item = &str> {
    content.parts.iter().filter_map(|part| match &part.data {
        Data::Text(text) => Some(text.as_str()),
        _ => None,
    })
}
