//! Pictures as data URIs.

use bytes::Bytes;
use domain::{Failure, Image, MediaType};

use super::{base64, fields::Field};

/// The data URI of a picture whose base64 is `data`.
pub(super) fn of(media_type: MediaType, data: &str) -> String {
    format!("data:{media_type};base64,{data}")
}

/// The picture in a field that holds its URL, which must be a data URI.
pub(super) fn picture(field: &Field<'_, '_>) -> Result<Image, Failure> {
    let url = field.text()?;
    if let Some(data) = data(url) {
        return decode(field, data);
    }
    let scheme = url.split(':').next().unwrap_or_default();
    let remote = ["http", "https", "file", "gs"].iter().any(|known| known.eq_ignore_ascii_case(scheme));
    Err(field.invalid(if remote {
        "remote image URLs are not fetched; send the picture as a data URI"
    } else {
        "must be a data URI, such as data:image/png;base64,iVBORw0K..."
    }))
}

/// The base64 of a data URI; none when it is anything else.
pub(super) fn data(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.trim_start().split_at_checked(5)?;
    let (kind, data) = rest.split_once(',')?;
    let (_, encoding) = kind.rsplit_once(';')?;
    (scheme.eq_ignore_ascii_case("data:") && encoding.trim().eq_ignore_ascii_case("base64")).then_some(data)
}

/// The picture whose base64 is `data`, known by its bytes and not by its label.
pub(super) fn decode(field: &Field<'_, '_>, data: &str) -> Result<Image, Failure> {
    let bytes: Bytes = base64::decode(data).map_err(|error| field.invalid(error))?;
    Image::inspect(bytes).map_err(|error| field.invalid(error))
}
