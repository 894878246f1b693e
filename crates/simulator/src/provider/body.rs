//! The body of an answer: ready pieces, sent as they are, at the pace that the script commands.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::{arrivals::Entry, script::Delivery};

/// Pieces of bytes on their way, and the arrival they answer.
///
/// The arrival is finished when the last piece is handed over; a body dropped before that was hung up on.
#[derive(Debug)]
pub(super) struct AnswerBody {
    pieces: VecDeque<Bytes>,
    /// Bytes that are still announced: more than there will be where the body is truncated.
    announced: u64,
    /// Whether the length is told in advance.
    counted: bool,
    truncated: bool,
    pace: Option<Pace>,
    entry: Option<Entry>,
}

/// Waits between small pieces.
#[derive(Debug)]
struct Pace {
    step: usize,
    timer: Pin<Box<Sleep>>,
}

/// How often a slow body sends a little.
const STEPS_PER_SECOND: u32 = 20;
/// How long a truncated body waits for what was sent to leave, before it breaks.
const FLUSH: Duration = Duration::from_millis(20);

impl AnswerBody {
    pub(super) fn new(
        mut pieces: VecDeque<Bytes>,
        counted: bool,
        delivery: Option<Delivery>,
        entry: Entry,
    ) -> Self {
        let whole: usize = pieces.iter().map(Bytes::len).sum();
        let (mut truncated, mut pace, mut announced) = (false, None, whole);
        match delivery {
            None => {}
            Some(Delivery::Slow { bytes_per_second }) => pace = Some(Pace::new(bytes_per_second)),
            Some(Delivery::Truncate) => {
                truncated = true;
                pace = Some(Pace { step: usize::MAX, timer: Box::pin(sleep(Duration::ZERO)) });
                shorten(&mut pieces, whole / 2);
            }
            Some(Delivery::CutJson) => {
                announced = whole * 3 / 4;
                shorten(&mut pieces, announced);
            }
        }
        let announced = u64::try_from(announced).expect("memory is smaller than 2^64 bytes");
        Self { pieces, announced, counted, truncated, pace, entry: Some(entry) }
    }

    fn next_piece(&mut self) -> Option<Bytes> {
        let mut piece = self.pieces.pop_front()?;
        if let Some(pace) = &self.pace
            && piece.len() > pace.step
        {
            self.pieces.push_front(piece.split_off(pace.step));
        }
        Some(piece)
    }

    fn finish(&mut self) {
        if let Some(entry) = self.entry.take() {
            entry.finish();
        }
    }
}

impl Pace {
    fn new(bytes_per_second: u32) -> Self {
        let step = usize::try_from(bytes_per_second / STEPS_PER_SECOND).unwrap_or(usize::MAX).max(1);
        Self { step, timer: Box::pin(sleep(Duration::ZERO)) }
    }

    fn pause(&mut self, sent: usize) {
        let share = u32::try_from(sent).unwrap_or(u32::MAX);
        let pause = if self.step == usize::MAX {
            FLUSH
        } else {
            let step = u32::try_from(self.step).expect("a step is part of a u32");
            Duration::from_secs(1) / STEPS_PER_SECOND * share / step
        };
        self.timer.as_mut().reset(Instant::now() + pause);
    }
}

/// Keeps the first `length` bytes.
fn shorten(pieces: &mut VecDeque<Bytes>, mut length: usize) {
    pieces.retain_mut(|piece| {
        piece.truncate(length);
        length -= piece.len();
        !piece.is_empty()
    });
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(pace) = &mut self.pace {
            ready!(pace.timer.as_mut().poll(context));
        }
        let Some(piece) = self.next_piece() else {
            self.finish();
            let broken = self.truncated.then(|| Err(io::ErrorKind::ConnectionAborted.into()));
            return Poll::Ready(broken);
        };
        self.announced -= u64::try_from(piece.len()).expect("memory is smaller than 2^64 bytes");
        if let Some(pace) = &mut self.pace {
            pace.pause(piece.len());
        }
        if self.is_end_stream() {
            self.finish();
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && !self.truncated
    }

    fn size_hint(&self) -> SizeHint {
        if self.counted { SizeHint::with_exact(self.announced) } else { SizeHint::default() }
    }
}
