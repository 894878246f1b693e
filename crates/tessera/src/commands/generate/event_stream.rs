//! Server-sent events, read line by line as they arrive.

use anyhow::Context as _;
use reqwest::Response;

/// The events of an answer. A picture's line is held once, while it arrives.
pub(crate) struct EventStream {
    response: Response,
    lines: Lines,
}

/// Bytes cut into lines.
#[derive(Default)]
struct Lines {
    buffer: Vec<u8>,
    /// How much of the buffer is known to hold no line's end.
    scanned: usize,
}

impl EventStream {
    /// The events of this answer.
    pub(crate) fn new(response: Response) -> Self {
        Self { response, lines: Lines::default() }
    }

    /// The data of the next event; nothing after the last. Our gateway writes an event's data on one line;
    /// comments, event names and empty lines say nothing that the data does not.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        loop {
            while let Some(line) = self.lines.next() {
                if let Some(data) = data_of(line) {
                    return Ok(Some(data));
                }
            }
            match self.response.chunk().await.context("the gateway's answer broke off")? {
                Some(bytes) => self.lines.push(&bytes),
                None => return Ok(None),
            }
        }
    }
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line, without its end.
    fn next(&mut self) -> Option<Vec<u8>> {
        let Some(length) = self.buffer[self.scanned..].iter().position(|byte| *byte == b'\n') else {
            self.scanned = self.buffer.len();
            return None;
        };
        let end = self.scanned + length;
        let rest = self.buffer.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.buffer, rest);
        self.scanned = 0;
        line.truncate(end);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Some(line)
    }
}

fn data_of(mut line: Vec<u8>) -> Option<Vec<u8>> {
    let field = b"data:";
    if !line.starts_with(field) {
        return None;
    }
    let space = usize::from(line.get(field.len()) == Some(&b' '));
    line.drain(..field.len() + space);
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_the_same_however_their_bytes_are_cut() {
        let stream = b": keep-alive\n\nevent: a\ndata: {\"a\":1}\n\ndata:{\"b\":2}\r\n\r\ndata: cut of";
        for size in 1..stream.len() {
            let mut lines = Lines::default();
            let mut events = Vec::new();
            for piece in stream.chunks(size) {
                lines.push(piece);
                while let Some(line) = lines.next() {
                    events.extend(data_of(line));
                }
            }
            assert_eq!(events, [b"{\"a\":1}".to_vec(), b"{\"b\":2}".to_vec()], "in pieces of {size}");
        }
    }
}
