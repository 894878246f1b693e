//! Reads a request for pictures.

use domain::{Catalog, Conversation, Failure, Part, Role, Turn};
use http::HeaderMap;

use super::{Form, ResponseFormat};
use crate::dialect::{
    fields::{Field, Fields},
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
    wishes.decide("prompt", conversation, catalog, form)
}

/// The prompt, and the style as a part of its own where one is asked for.
fn conversation(body: &Fields<'_, '_>) -> Result<Conversation, Failure> {
    let prompt = body.required("prompt", |field| prompt(&field))?;
    let style = body.optional(&["style"], |field| field.one_of(&["vivid", "natural"]))?;
    let style = style.map(|style| Part::Text(format!("Style: {style}")));
    let parts = [Part::Text(prompt)].into_iter().chain(style).collect();
    Conversation::new(None, [Turn { role: Role::User, parts }])
        .map_err(|error| Failure::invalid("prompt", error))
}

fn prompt(field: &Field<'_, '_>) -> Result<String, Failure> {
    let text = field.text()?;
    if text.trim().is_empty() {
        return Err(field.invalid("must not be empty"));
    }
    Ok(text.to_owned())
}

fn form(body: &Fields<'_, '_>) -> Result<Form, Failure> {
    let asked = body.optional(&["response_format"], |field| field.one_of(&["url", "b64_json"]))?;
    let response_format =
        asked.map(|name| if name == "url" { ResponseFormat::Url } else { ResponseFormat::B64Json });
    Ok(Form { response_format })
}

/// Fields that change nothing here, and must make sense all the same.
fn check_the_rest(body: &Fields<'_, '_>) -> Result<(), Failure> {
    body.optional(&["output_format"], |field| field.one_of(&["png", "jpeg", "webp"]))?;
    body.optional(&["output_compression"], |field| field.integer(0..=100))?;
    body.optional(&["background"], |field| background(&field))?;
    body.optional(&["moderation"], |field| field.one_of(&["low", "auto"]))?;
    body.optional(&["partial_images"], |field| field.integer(0..=3))?;
    body.optional(&["user"], |field| field.text())?;
    Ok(())
}

fn background(field: &Field<'_, '_>) -> Result<(), Failure> {
    if field.text()? == "transparent" {
        return Err(field.invalid("transparent backgrounds are not available; allowed are opaque, auto"));
    }
    field.one_of(&["opaque", "auto"]).map(|_| ())
}
