//! What is written next: JSON and server-sent events, with room for a picture in the middle.

use bytes::Bytes;
use serde::Serialize;

/// Stands in a JSON shape where the base64 of a picture will be.
pub(super) const PICTURE: &str = "<picture>";

/// Bytes of a picture that go into one delta: 64 KiB of base64. Some readers bound the length of a line.
pub(super) const DELTA: usize = 48 << 10;

/// Bytes on their way to the client.
#[derive(Default)]
pub(crate) struct Output(Vec<u8>);

/// A JSON text, taken apart where its picture goes.
#[derive(Default)]
pub(super) struct Frame {
    /// Everything before the picture.
    pub(super) before: String,
    /// Everything after it.
    pub(super) after: String,
}

impl Output {
    /// Whether nothing was written.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Text that is taken over whole where nothing was written before it.
    pub(super) fn adopt(&mut self, text: String) {
        if self.0.is_empty() {
            self.0 = text.into_bytes();
        } else {
            self.raw(&text);
        }
    }

    /// Text as it is.
    pub(super) fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// A server-sent event with a name.
    pub(super) fn event(&mut self, name: &str, data: &impl Serialize) {
        self.raw("event: ");
        self.raw(name);
        self.raw("\n");
        self.data(data);
    }

    /// A server-sent event without one.
    pub(super) fn data(&mut self, data: &impl Serialize) {
        self.raw("data: ");
        self.json(data);
        self.raw("\n\n");
    }

    /// A JSON object without its closing brace.
    pub(super) fn unclosed(&mut self, object: &impl Serialize) {
        self.json(object);
        let brace = self.0.pop();
        debug_assert_eq!(brace, Some(b'}'), "what stays open is an object");
    }

    /// A JSON object whose last field is a list that will be written after it.
    pub(super) fn open_list(&mut self, head: &impl Serialize, list: &str) {
        self.unclosed(head);
        self.raw(",\"");
        self.raw(list);
        self.raw("\":[");
    }

    /// The end of that list, and the fields that follow it.
    pub(super) fn close_list(&mut self, tail: &impl Serialize) {
        self.raw("],");
        self.members(tail);
    }

    /// The rest of an object: the fields of `tail`, and the closing brace.
    pub(super) fn members(&mut self, tail: &impl Serialize) {
        self.raw(&json(tail)[1..]);
    }

    /// A JSON value.
    pub(super) fn json(&mut self, value: &impl Serialize) {
        serde_json::to_writer(&mut self.0, value).expect(SERIALISES);
    }
}

impl From<Output> for Bytes {
    fn from(out: Output) -> Self {
        out.0.into()
    }
}

impl Frame {
    /// Takes apart the JSON of a shape that holds [`PICTURE`]; nothing a model wrote may follow it.
    pub(super) fn around(shape: &impl Serialize) -> Self {
        let text = json(shape);
        let (before, after) = text.rsplit_once(PICTURE).expect("the shape has a place for its picture");
        Self { before: before.to_owned(), after: after.to_owned() }
    }

    /// The same, without the closing brace of the shape.
    pub(super) fn unclosed(shape: &impl Serialize) -> Self {
        let mut frame = Self::around(shape);
        let brace = frame.after.pop();
        debug_assert_eq!(brace, Some('}'), "what stays open is an object");
        frame
    }
}

/// A whole JSON document.
pub(super) fn document(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect(SERIALISES)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect(SERIALISES)
}

/// Why writing JSON cannot fail.
const SERIALISES: &str = "our own shapes have string keys and serialise";
