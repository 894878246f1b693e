//! Reads a conversation that asks for a picture.

use domain::{Catalog, Conversation, Failure, Part, Role, Turn};
use http::HeaderMap;

use super::Form;
use crate::dialect::{
    data_uri,
    fields::{Field, Fields},
    markdown,
    question::{Question, Wishes},
};

/// Reads a request.
pub(super) fn parse(
    body: &Fields<'_, '_>,
    _: &HeaderMap,
    catalog: &Catalog,
) -> Result<Question<Form>, Failure> {
    let conversation = conversation(body)?;
    let wishes = Wishes::read(body)?;
    let form = form(body)?;
    check_the_rest(body)?;
    wishes.decide("messages", conversation, catalog, form)
}

/// Every turn in order; system and developer messages become the instruction above them.
fn conversation(body: &Fields<'_, '_>) -> Result<Conversation, Failure> {
    let (mut system, mut turns) = (Vec::new(), Vec::new());
    for message in body.required("messages", |field| field.list())? {
        let message = message.object()?;
        match message.required("role", |field| role(&field))? {
            Some(role) => turns.push(Turn { role, parts: parts(&message, role)? }),
            None => system.push(message.required("content", |field| instruction(&field))?),
        }
    }
    let system = (!system.is_empty()).then(|| system.join("\n\n"));
    Conversation::new(system, turns).map_err(|error| Failure::invalid("messages", error))
}

/// Whose turn it is; nobody's when it is an instruction.
fn role(field: &Field<'_, '_>) -> Result<Option<Role>, Failure> {
    Ok(match field.one_of(&["system", "developer", "user", "assistant"])? {
        "user" => Some(Role::User),
        "assistant" => Some(Role::Assistant),
        _ => None,
    })
}

/// The content of a turn, and the pictures that an answer of ours put beside it.
fn parts(message: &Fields<'_, '_>, role: Role) -> Result<Vec<Part>, Failure> {
    let mut parts = match message.find(&["content"]) {
        Some(content) => content_parts(&content)?,
        None if role == Role::User => return message.required("content", |_| Ok(Vec::new())),
        None => Vec::new(),
    };
    if let Some(images) = message.optional(&["images"], |field| field.list())? {
        for image in images {
            parts.extend(part(&image)?);
        }
    }
    Ok(parts)
}

fn content_parts(content: &Field<'_, '_>) -> Result<Vec<Part>, Failure> {
    if content.as_text().is_some() {
        return markdown::parts(content);
    }
    let list = content.list().map_err(|_| content.invalid("must be a string or an array of parts"))?;
    let parts = list.map(|field| part(&field)).collect::<Result<Vec<_>, _>>()?;
    Ok(parts.into_iter().flatten().collect())
}

fn part(field: &Field<'_, '_>) -> Result<Vec<Part>, Failure> {
    const KINDS: [&str; 6] = ["text", "image_url", "input_text", "output_text", "input_image", "refusal"];
    let part = field.object()?;
    match part.required("type", |field| field.one_of(&KINDS))? {
        "image_url" | "input_image" => {
            let image = part.required("image_url", |field| image(&field))?;
            Ok(vec![Part::Image(image)])
        }
        "refusal" => part.required("refusal", |field| Ok(vec![Part::Text(field.text()?.to_owned())])),
        _ => part.required("text", |field| markdown::parts(&field)),
    }
}

/// The address of a picture, as an object or bare.
fn image(field: &Field<'_, '_>) -> Result<domain::Image, Failure> {
    match field.as_text() {
        Some(_) => data_uri::picture(field),
        None => field.object()?.required("url", |url| data_uri::picture(&url)),
    }
}

fn instruction(content: &Field<'_, '_>) -> Result<String, Failure> {
    if let Some(text) = content.as_text() {
        return Ok(text.to_owned());
    }
    let list = content.list().map_err(|_| content.invalid("must be a string or an array of text parts"))?;
    let texts = list.map(|field| {
        let part = field.object()?;
        part.required("type", |field| field.one_of(&["text", "input_text"]))?;
        part.required("text", |field| field.text())
    });
    Ok(texts.collect::<Result<Vec<_>, _>>()?.join("\n"))
}

fn form(body: &Fields<'_, '_>) -> Result<Form, Failure> {
    let images = body.optional(&["modalities"], |field| shows_images(&field))?;
    let options = body.optional(&["stream_options"], |field| field.object())?;
    let include_usage =
        options.map(|options| options.optional(&["include_usage"], |field| field.boolean())).transpose()?;
    Ok(Form { images: images.unwrap_or(false), include_usage: include_usage.flatten().unwrap_or(false) })
}

fn shows_images(field: &Field<'_, '_>) -> Result<bool, Failure> {
    let names = field.list()?.map(|name| name.one_of(&["text", "image"]));
    let names: Result<Vec<_>, _> = names.collect();
    let names = names.map_err(|_| field.invalid("must be an array of no others than text, image"))?;
    Ok(names.contains(&"image"))
}

/// Fields that change nothing here, and must make sense all the same.
fn check_the_rest(body: &Fields<'_, '_>) -> Result<(), Failure> {
    body.optional(&["user"], |field| field.text())?;
    Ok(())
}
