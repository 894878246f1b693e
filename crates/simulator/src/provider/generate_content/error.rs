//! The sentences with which a request is refused that makes no sense to a model.

use domain::{AspectRatio, Model, Resolution};

use crate::provider::rpc::{Code, Refusal};

/// A value that has the right type and the wrong meaning.
pub(super) fn out_of_place(field: &str, reason: &str) -> Refusal {
    Refusal::invalid(format!("* GenerateContentRequest.{field}: {reason}\n"))
}

/// Something the model said comes back without its signature; positions count from 1.
pub(super) fn unsigned(kind: &str, turn: usize, place: usize) -> Refusal {
    let (turn, place) = (turn + 1, place + 1);
    Refusal::invalid(format!(
        "{kind} part is missing a thought_signature in content position {turn}, part position {place}."
    ))
}

pub(super) fn bad_role() -> Refusal {
    Refusal::invalid("Please use a valid role: user, model.")
}

pub(super) fn no_ratio(model: &Model) -> Refusal {
    let among = one_of(model.aspect_ratios.iter().map(AspectRatio::to_string));
    out_of_place("generation_config.image_config.aspect_ratio", &format!("aspect_ratio must be {among}"))
}

pub(super) fn no_resolution(model: &Model) -> Refusal {
    let among = one_of(model.resolutions().map(|resolution: Resolution| resolution.to_string()));
    out_of_place("generation_config.image_config.image_size", &format!("image_size must be {among}"))
}

pub(super) fn no_format() -> Refusal {
    let among = one_of(["image/png", "image/jpeg"].map(str::to_owned).into_iter());
    let field = "generation_config.image_config.image_output_options.mime_type";
    out_of_place(field, &format!("mime_type must be {among}"))
}

pub(super) fn no_file(uri: &str) -> Refusal {
    Refusal::new(
        Code::PermissionDenied,
        format!("You do not have permission to access the File {uri} or it may not exist."),
    )
}

pub(super) fn no_cache() -> Refusal {
    Refusal::new(Code::PermissionDenied, "CachedContent not found (or permission denied)")
}

fn one_of(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.map(|name| format!("'{name}'")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("one of {}, or {last}", rest.join(", ")),
        None => "absent".to_owned(),
    }
}
