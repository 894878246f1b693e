//! The message `GenerateContentRequest`, as each of the services has it.

use domain::Provider;

use crate::provider::{
    protojson::{self, Fields},
    rpc::Refusal,
};

/// What is asked, in the service's own words. Fields without a meaning for pictures are checked and left out.
#[derive(Debug)]
pub(in crate::provider) struct Request {
    pub(super) contents: Vec<Content>,
    pub(super) system_instruction: Option<Content>,
    pub(super) config: Config,
    pub(super) has_functions: bool,
    pub(super) cached_content: Option<String>,
}

/// One turn of the conversation.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) role: Option<String>,
    pub(super) parts: Vec<Part>,
}

/// One part of a turn.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) data: Data,
    pub(super) thought: bool,
    /// Whether it carries a thought signature. Which one is not looked at.
    pub(super) signed: bool,
}

/// What a part holds.
#[derive(Debug)]
pub(super) enum Data {
    Text(String),
    Picture {
        mime_type: String,
        bytes: Vec<u8>,
    },
    File {
        uri: String,
    },
    /// Calls of functions, their answers, and code.
    Other,
    /// Nothing at all.
    Empty,
    /// Two of the above in one; the names of the fields.
    Twofold {
        first: &'static str,
        second: &'static str,
    },
}

/// `GenerationConfig`.
#[derive(Debug, Default)]
pub(super) struct Config {
    pub(super) candidate_count: Option<i32>,
    pub(super) stop_sequences: Vec<String>,
    pub(super) max_output_tokens: Option<i32>,
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
    pub(super) top_k: Option<i32>,
    pub(super) seed: Option<i32>,
    pub(super) response_mime_type: Option<String>,
    pub(super) modalities: Vec<&'static str>,
    pub(super) image: ImageConfig,
    pub(super) thinking: ThinkingConfig,
}

/// `ImageConfig`.
#[derive(Debug, Default)]
pub(super) struct ImageConfig {
    pub(super) aspect_ratio: Option<String>,
    pub(super) image_size: Option<String>,
    /// Whether people may be shown.
    pub(super) people: Option<&'static str>,
    /// The format of the picture.
    pub(super) mime_type: Option<String>,
}

/// `ThinkingConfig`.
#[derive(Debug, Default)]
pub(super) struct ThinkingConfig {
    pub(super) include_thoughts: bool,
    pub(super) budget: Option<i32>,
    pub(super) level: Option<&'static str>,
}

/// Reads a body.
pub(in crate::provider) fn parse(body: &[u8], provider: Provider) -> Result<Request, Refusal> {
    let package = match provider {
        Provider::Gemini => "google.ai.generativelanguage.v1beta",
        Provider::Vertex => "google.cloud.aiplatform.v1",
    };
    protojson::read(body, package, |fields| request(fields, provider))
}

fn request(fields: &mut Fields<'_, '_>, provider: Provider) -> Request {
    fields.text("model");
    fields.messages("safety_settings", "SafetySetting", safety_setting);
    fields.anything("tool_config");
    if provider == Provider::Vertex {
        fields.anything("labels");
        fields.anything("model_armor_config");
    }
    fields.choice("service_tier", "ServiceTier", &["UNSPECIFIED", "STANDARD", "FLEX", "PRIORITY"]);
    fields.flag("store");
    Request {
        contents: fields.messages("contents", "Content", content),
        system_instruction: fields.message("system_instruction", "Content", content),
        config: fields
            .message("generation_config", "GenerationConfig", |fields| config(fields, provider))
            .unwrap_or_default(),
        has_functions: fields.messages("tools", "Tool", tool).contains(&true),
        cached_content: fields.text("cached_content"),
    }
}

fn content(fields: &mut Fields<'_, '_>) -> Content {
    Content { role: fields.text("role"), parts: fields.messages("parts", "Part", part) }
}

fn part(fields: &mut Fields<'_, '_>) -> Part {
    let thought = fields.flag("thought").unwrap_or_default();
    let signed = fields.bytes("thought_signature").is_some_and(|signature| !signature.is_empty());
    Part { data: data(fields), thought, signed }
}

fn data(fields: &mut Fields<'_, '_>) -> Data {
    for known in ["video_metadata", "media_resolution", "part_metadata"] {
        fields.anything(known);
    }
    let mut found = vec![
        fields.text("text").map(|text| ("text", Data::Text(text))),
        fields.message("inline_data", "Blob", blob).map(|blob| ("inlineData", blob)),
        fields.message("file_data", "FileData", file).map(|file| ("fileData", file)),
    ];
    for (name, shown) in [
        ("function_call", "functionCall"),
        ("function_response", "functionResponse"),
        ("executable_code", "executableCode"),
        ("code_execution_result", "codeExecutionResult"),
    ] {
        found.push(fields.anything(name).then_some((shown, Data::Other)));
    }
    let mut found = found.into_iter().flatten();
    match (found.next(), found.next()) {
        (None, _) => Data::Empty,
        (Some((_, data)), None) => data,
        (Some((first, _)), Some((second, _))) => Data::Twofold { first, second },
    }
}

fn blob(fields: &mut Fields<'_, '_>) -> Data {
    let mime_type = fields.text("mime_type").unwrap_or_default();
    Data::Picture { mime_type, bytes: fields.bytes("data").unwrap_or_default() }
}

fn file(fields: &mut Fields<'_, '_>) -> Data {
    fields.text("mime_type");
    Data::File { uri: fields.text("file_uri").unwrap_or_default() }
}

fn config(fields: &mut Fields<'_, '_>, provider: Provider) -> Config {
    for known in ["response_schema", "response_json_schema", "_response_json_schema", "speech_config"] {
        fields.anything(known);
    }
    for known in ["presence_penalty", "frequency_penalty"] {
        fields.number(known);
    }
    for known in ["response_logprobs", "enable_enhanced_civic_answers"] {
        fields.flag(known);
    }
    fields.integer("logprobs");
    fields.choice("media_resolution", "GenerationConfig.MediaResolution", &MEDIA_RESOLUTIONS);
    Config {
        candidate_count: fields.integer("candidate_count"),
        stop_sequences: fields.texts("stop_sequences"),
        max_output_tokens: fields.integer("max_output_tokens"),
        temperature: fields.number("temperature"),
        top_p: fields.number("top_p"),
        top_k: fields.integer("top_k"),
        seed: fields.integer("seed"),
        response_mime_type: fields.text("response_mime_type"),
        modalities: fields.choices("response_modalities", "GenerationConfig.Modality", &MODALITIES),
        image: fields
            .message("image_config", "ImageConfig", |fields| image_config(fields, provider))
            .unwrap_or_default(),
        thinking: fields.message("thinking_config", "ThinkingConfig", thinking_config).unwrap_or_default(),
    }
}

fn image_config(fields: &mut Fields<'_, '_>, provider: Provider) -> ImageConfig {
    let config = ImageConfig {
        aspect_ratio: fields.text("aspect_ratio"),
        image_size: fields.text("image_size"),
        ..ImageConfig::default()
    };
    if provider == Provider::Gemini {
        return config;
    }
    fields.choice("prominent_people", "ImageConfig.ProminentPeople", &PROMINENT_PEOPLE);
    ImageConfig {
        people: fields.choice("person_generation", "ImageConfig.PersonGeneration", &PERSON_GENERATION),
        mime_type: fields.message("image_output_options", "ImageOutputOptions", output_options).flatten(),
        ..config
    }
}

fn output_options(fields: &mut Fields<'_, '_>) -> Option<String> {
    fields.integer("compression_quality");
    fields.text("mime_type")
}

fn thinking_config(fields: &mut Fields<'_, '_>) -> ThinkingConfig {
    ThinkingConfig {
        include_thoughts: fields.flag("include_thoughts").unwrap_or_default(),
        budget: fields.integer("thinking_budget"),
        level: fields.choice("thinking_level", "ThinkingConfig.ThinkingLevel", &THINKING_LEVELS),
    }
}

fn safety_setting(fields: &mut Fields<'_, '_>) {
    fields.choice("category", "HarmCategory", &HARM_CATEGORIES);
    fields.choice("threshold", "SafetySetting.HarmBlockThreshold", &THRESHOLDS);
}

/// Whether the tool declares functions.
fn tool(fields: &mut Fields<'_, '_>) -> bool {
    for known in [
        "google_search",
        "google_search_retrieval",
        "code_execution",
        "url_context",
        "google_maps",
        "file_search",
        "computer_use",
        "mcp_servers",
    ] {
        fields.anything(known);
    }
    fields.anything("function_declarations")
}

const MODALITIES: [&str; 4] = ["MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO"];

const PERSON_GENERATION: [&str; 4] =
    ["PERSON_GENERATION_UNSPECIFIED", "ALLOW_ALL", "ALLOW_ADULT", "ALLOW_NONE"];

const PROMINENT_PEOPLE: [&str; 3] =
    ["PROMINENT_PEOPLE_UNSPECIFIED", "ALLOW_PROMINENT_PEOPLE", "BLOCK_PROMINENT_PEOPLE"];

const THINKING_LEVELS: [&str; 5] = ["THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH"];

const MEDIA_RESOLUTIONS: [&str; 4] = [
    "MEDIA_RESOLUTION_UNSPECIFIED",
    "MEDIA_RESOLUTION_LOW",
    "MEDIA_RESOLUTION_MEDIUM",
    "MEDIA_RESOLUTION_HIGH",
];

const HARM_CATEGORIES: [&str; 12] = [
    "HARM_CATEGORY_UNSPECIFIED",
    "HARM_CATEGORY_DEROGATORY",
    "HARM_CATEGORY_TOXICITY",
    "HARM_CATEGORY_VIOLENCE",
    "HARM_CATEGORY_SEXUAL",
    "HARM_CATEGORY_MEDICAL",
    "HARM_CATEGORY_DANGEROUS",
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
    "HARM_CATEGORY_CIVIC_INTEGRITY",
];

const THRESHOLDS: [&str; 6] = [
    "HARM_BLOCK_THRESHOLD_UNSPECIFIED",
    "BLOCK_LOW_AND_ABOVE",
    "BLOCK_MEDIUM_AND_ABOVE",
    "BLOCK_ONLY_HIGH",
    "BLOCK_NONE",
    "OFF",
];
