//! Reads a conversation that asks for a picture.

use domain::{Catalog, Conversation, Failure, Image, Part, Role, Turn};
use http::HeaderMap;

use super::{Form, count_tokens};
use crate::dialect::{
    data_uri,
    fields::{Field, Fields},
    markdown,
    question::{Question, Wishes},
};

/// Reads a request.
pub(super) fn parse(
    body: &Fields<'_, '_>,
    headers: &HeaderMap,
    catalog: &Catalog,
) -> Result<Question<Form>, Failure> {
    body.required("model", |field| field.text())?;
    body.required("max_tokens", |field| field.integer(1..=u32::MAX.into()))?;
    let conversation = conversation(body)?;
    let wishes = Wishes::read(body)?;
    let form = Form {
        image_blocks: image_blocks(body, headers)?,
        estimated_input: count_tokens::estimate(&conversation),
    };
    wishes.decide("messages", conversation, catalog, form)
}

/// Every turn in order; system messages among them join the instruction above them.
pub(super) fn conversation(body: &Fields<'_, '_>) -> Result<Conversation, Failure> {
    let mut system = Vec::from_iter(body.optional(&["system"], |field| instruction(&field))?);
    let mut turns = Vec::new();
    for message in body.required("messages", |field| field.list())? {
        let message = message.object()?;
        match message.required("role", |field| role(&field))? {
            Some(role) => {
                turns.push(Turn { role, parts: message.required("content", |field| parts(&field))? });
            }
            None => system.push(message.required("content", |field| instruction(&field))?),
        }
    }
    let system = (!system.is_empty()).then(|| system.join("\n\n"));
    Conversation::new(system, turns).map_err(|error| Failure::invalid("messages", error))
}

/// Whose turn it is; nobody's when it is an instruction.
fn role(field: &Field<'_, '_>) -> Result<Option<Role>, Failure> {
    Ok(match field.one_of(&["user", "assistant", "system"])? {
        "user" => Some(Role::User),
        "assistant" => Some(Role::Assistant),
        _ => None,
    })
}

fn parts(content: &Field<'_, '_>) -> Result<Vec<Part>, Failure> {
    if content.as_text().is_some() {
        return markdown::parts(content);
    }
    let list = content.list().map_err(|_| content.invalid("must be a string or an array of blocks"))?;
    let parts = list.map(|field| block(&field)).collect::<Result<Vec<_>, _>>()?;
    Ok(parts.into_iter().flatten().collect())
}

fn block(field: &Field<'_, '_>) -> Result<Vec<Part>, Failure> {
    const SILENT: [&str; 2] = ["thinking", "redacted_thinking"];
    let block = field.object()?;
    let kind = block.required("type", |field| {
        if field.as_text().is_some_and(|kind| SILENT.contains(&kind)) {
            return Ok(SILENT[0]);
        }
        field.one_of(&["text", "image"])
    })?;
    match kind {
        "text" => block.required("text", |field| markdown::parts(&field)),
        "image" => Ok(vec![Part::Image(block.required("source", |field| image(&field))?)]),
        _ => Ok(Vec::new()),
    }
}

fn image(field: &Field<'_, '_>) -> Result<Image, Failure> {
    let source = field.object()?;
    let kind = source.required("type", |field| match field.text()? {
        "file" => Err(field.invalid("files are not kept here; send the picture as a base64 source")),
        _ => field.one_of(&["base64", "url"]),
    })?;
    if kind == "url" {
        return source.required("url", |field| data_uri::picture(&field));
    }
    source.required("media_type", |field| field.one_of(&["image/png", "image/jpeg", "image/webp"]))?;
    source.required("data", |field| data_uri::decode(&field, field.text()?))
}

fn instruction(content: &Field<'_, '_>) -> Result<String, Failure> {
    if let Some(text) = content.as_text() {
        return Ok(text.to_owned());
    }
    let list = content.list().map_err(|_| content.invalid("must be a string or an array of text blocks"))?;
    let texts = list.map(|field| {
        let block = field.object()?;
        block.required("type", |field| field.one_of(&["text"]))?;
        block.required("text", |field| field.text())
    });
    Ok(texts.collect::<Result<Vec<_>, _>>()?.join("\n"))
}

/// The field decides where both it and the header speak.
fn image_blocks(body: &Fields<'_, '_>, headers: &HeaderMap) -> Result<bool, Failure> {
    const HEADER: &str = "x-tessera-image-blocks";
    let asked = body.optional(&["image_blocks"], |field| field.boolean())?;
    let header = headers.get(HEADER).map(|value| match value.as_bytes() {
        b"true" => Ok(true),
        b"false" => Ok(false),
        _ => Err(Failure::invalid(HEADER, "must be true or false")),
    });
    Ok(asked.or(header.transpose()?).unwrap_or(false))
}
