//! What the page asks for, read and found possible.

use bytes::Bytes;
use domain::{
    Catalog, ClientId, Conversation, Failure, FailureKind, GenerationRequest, Image, ImageCount, Model, Part,
    PersonGeneration, PictureSpec, RequestId, Role, Turn, catalog::Rate,
};
use serde::Deserialize;

use super::{
    CLIENT,
    pieces::{self, Sent},
};

/// A request, but for its name.
#[derive(Debug)]
pub(super) struct Question {
    model: String,
    conversation: Conversation,
    spec: PictureSpec,
    count: ImageCount,
    person_generation: PersonGeneration,
    rate: Rate,
}

/// The form, as its script writes it.
#[derive(Deserialize)]
struct Form {
    prompt: String,
    model: String,
    ratio: String,
    resolution: String,
    n: u64,
    people: String,
}

impl Question {
    /// Reads what the page sent. What is wrong is told with the field of the form that it stands in.
    pub(super) fn read(body: &Bytes, catalog: &Catalog) -> Result<Self, Failure> {
        let garbled = |_| Failure::new(FailureKind::InvalidRequest, pieces::Garbled.to_string());
        let Sent { words, pictures } = pieces::read(body).map_err(garbled)?;
        let form: Form = serde_json::from_slice(&words).map_err(|_| garbled(pieces::Garbled))?;
        let model = catalog.find(&form.model).ok_or_else(|| wrong("model", "this model does not exist"))?;
        let spec = spec(&form, model)?;
        let rate =
            model.rate(spec.resolution).ok_or_else(|| unoffered("resolution", &form.resolution, model))?;
        Ok(Self {
            model: model.name.clone(),
            conversation: conversation(form.prompt, pictures, model)?,
            spec,
            count: ImageCount::new(form.n).ok_or_else(|| wrong("n", "ask for 1 to 10 pictures"))?,
            person_generation: form.people.parse().map_err(|error| wrong("people", error))?,
            rate,
        })
    }

    /// The request by this name, and what one of its pictures costs.
    pub(super) fn ask(self, id: RequestId) -> (GenerationRequest, Rate) {
        let request = GenerationRequest {
            id,
            client: ClientId::new(CLIENT).expect("is an identifier"),
            model: self.model,
            conversation: self.conversation,
            spec: self.spec,
            count: self.count,
            person_generation: self.person_generation,
            seed: None,
            gather: false,
        };
        (request, self.rate)
    }
}

fn spec(form: &Form, model: &Model) -> Result<PictureSpec, Failure> {
    let aspect_ratio = form.ratio.parse().map_err(|error| wrong("ratio", error))?;
    let resolution = form.resolution.parse().map_err(|error| wrong("resolution", error))?;
    if !model.has_ratio(aspect_ratio) {
        return Err(unoffered("ratio", &form.ratio, model));
    }
    Ok(PictureSpec { aspect_ratio, resolution })
}

/// The pictures to go by, then what to make of them.
fn conversation(prompt: String, pictures: Vec<Bytes>, model: &Model) -> Result<Conversation, Failure> {
    if prompt.trim().is_empty() {
        return Err(wrong("prompt", "say what to draw"));
    }
    let longest = Conversation::LONGEST_TEXT;
    if prompt.chars().count() > longest {
        return Err(wrong("prompt", format_args!("at most {longest} characters are read")));
    }
    let most = model.reference_images;
    if pictures.len() > most {
        let message = format_args!("{} takes at most {most} reference pictures", model.name);
        return Err(wrong("references", message));
    }
    let inspected = pictures.into_iter().enumerate().map(|(place, bytes)| {
        let image = Image::inspect(bytes);
        image.map_err(|error| wrong("references", format_args!("reference picture {} {error}", place + 1)))
    });
    let mut parts = inspected.map(|image| image.map(Part::Image)).collect::<Result<Vec<_>, _>>()?;
    parts.push(Part::Text(prompt));
    Conversation::new(None, [Turn { role: Role::User, parts }]).map_err(|error| wrong("prompt", error))
}

fn unoffered(field: &str, asked: &str, model: &Model) -> Failure {
    wrong(field, format_args!("{} does not draw {asked}", model.name))
}

/// The page shows what is wrong beside the field, so that the words need not name it.
fn wrong(field: &str, why: impl std::fmt::Display) -> Failure {
    let failure = Failure::new(FailureKind::InvalidRequest, why.to_string());
    Failure { field: Some(field.to_owned()), ..failure }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The smallest whole PNG header and end that reads as a picture.
    const PNG: &[u8] =
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\
        \x3a\x7e\x9b\x55\x00\x00\x00\x0aIDAT\x78\x9c\x63\x60\x00\x00\x00\x02\x00\x01\x48\xaf\xa4\x71\
        \x00\x00\x00\x00IEND\xae\x42\x60\x82";

    fn ask(
        change: (&str, serde_json::Value),
        pictures: &[&'static [u8]],
    ) -> Result<GenerationRequest, Failure> {
        let mut form = json!({
            "prompt": "a lighthouse", "model": "gemini-3-pro-image", "ratio": "16:9", "resolution": "2K",
            "n": 2, "people": "deny",
        });
        form[change.0] = change.1;
        let pictures = pictures.iter().flat_map(|bytes| pieces::picture(Bytes::from_static(bytes)));
        let body = [pieces::words(&form)].into_iter().chain(pictures).collect::<Vec<_>>().concat();
        let question = Question::read(&body.into(), &Catalog::builtin())?;
        Ok(question.ask(RequestId::new("req_0").unwrap()).0)
    }

    #[test]
    fn the_form_becomes_a_request_of_the_consoles_own() {
        let request = ask(("n", 3.into()), &[PNG, PNG]).unwrap();
        assert_eq!((request.client.as_str(), request.count.get()), ("console", 3));
        assert_eq!(format!("{} {}", request.spec.aspect_ratio, request.spec.resolution), "16:9 2K");
        assert_eq!(request.person_generation, PersonGeneration::Deny);
        assert_eq!(request.conversation.images().count(), 2);
        assert_eq!(request.conversation.text_length(), "a lighthouse".len());
    }

    #[test]
    fn what_cannot_be_drawn_is_told_with_its_field() {
        for (field, value) in [
            ("prompt", json!(" \n")),
            ("model", json!("dall-e-3")),
            ("ratio", json!("8:1")),
            ("ratio", json!("16:10")),
            ("resolution", json!("512")),
            ("n", json!(11)),
            ("people", json!("some")),
        ] {
            let failure = ask((field, value), &[]).unwrap_err();
            assert_eq!(failure.field.as_deref(), Some(field), "{failure}");
        }
        for pictures in [&[b"GIF89a" as &[u8]][..], &[PNG, &PNG[..40]], &[PNG; 15]] {
            let failure = ask(("n", 1.into()), pictures).unwrap_err();
            assert_eq!(failure.field.as_deref(), Some("references"), "{failure}");
        }
    }
}
