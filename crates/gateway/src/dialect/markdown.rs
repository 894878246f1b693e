//! Pictures in markdown: how answers show them, and how they are found again when they come back in history.

use domain::{Failure, ImageHead, Part};

use super::{data_uri, fields::Field, output::PICTURE};

/// A picture with what the model wrote beside it, as markdown around [`PICTURE`].
pub(super) fn shown(head: &ImageHead) -> String {
    let picture = format!("![image]({})", data_uri::of(head.media_type, PICTURE));
    let caption = head.caption.trim_end();
    if caption.is_empty() { picture } else { format!("{caption}\n\n{picture}") }
}

/// A text with its inline pictures as parts of their own, in place.
pub(super) fn parts(field: &Field<'_, '_>) -> Result<Vec<Part>, Failure> {
    let mut parts = Vec::new();
    let mut rest = field.text()?;
    while let Some(found) = find(rest) {
        parts.push(Part::Text(found.before.to_owned()));
        parts.push(Part::Image(data_uri::decode(field, found.data)?));
        rest = found.after;
    }
    parts.push(Part::Text(rest.to_owned()));
    parts.retain(|part| !matches!(part, Part::Text(text) if text.trim().is_empty()));
    Ok(parts)
}

/// The first inline picture of a text, and what surrounds it.
struct Found<'a> {
    before: &'a str,
    data: &'a str,
    after: &'a str,
}

fn find(text: &str) -> Option<Found<'_>> {
    const SCHEME: &str = "data:image/";
    let mut from = 0;
    loop {
        let address = from + text[from..].find(SCHEME)?;
        // A bracket that opens nothing is text.
        let opened = text[from..address].trim_end_matches('<').strip_suffix("](");
        let begin = opened.and_then(|label| label.rfind("!["));
        if let (Some(begin), Some(end)) = (begin, text[address..].find(')')) {
            // A title may follow the address, which may stand in angle brackets.
            let uri = text[address..address + end].split_ascii_whitespace().next().unwrap_or_default();
            if let Some(data) = data_uri::data(uri.trim_end_matches('>')) {
                let after = &text[address + end + 1..];
                return Some(Found { before: &text[..from + begin], data, after });
            }
        }
        from = address + SCHEME.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_found_where_they_stand() {
        let text = "one ![a](data:image/png;base64,AAAA) two ![](data:image/webp;base64,BBBB \"title\") three \
                    ![](<data:image/jpeg;base64,CCCC>).";
        let first = find(text).unwrap();
        assert_eq!((first.before, first.data), ("one ", "AAAA"));
        let second = find(first.after).unwrap();
        assert_eq!((second.before, second.data), (" two ", "BBBB"));
        let third = find(second.after).unwrap();
        assert_eq!((third.before, third.data, third.after), (" three ", "CCCC", "."));
    }

    #[test]
    fn what_only_resembles_a_picture_is_text() {
        for text in [
            "",
            "![a](https://example.com/a.png)",
            "[a](data:image/png;base64,AAAA)",
            "![a](data:image/png;base64,AAAA",
            "![a](data:image/svg+xml,plain)",
            "![",
        ] {
            assert!(find(text).is_none(), "{text}");
        }
    }
}
