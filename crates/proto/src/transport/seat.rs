//! A request at a replica, from its sending to the end of its answer.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::replica::Replica;

/// A request's place at a replica, until it is wholly answered or given up.
pub(super) struct Seat {
    replica: Arc<Replica>,
    taken: Instant,
}

impl Seat {
    /// Takes a place.
    pub(super) fn take(replica: Arc<Replica>) -> Self {
        replica.enter();
        Self { replica, taken: Instant::now() }
    }

    /// Where it is.
    pub(super) fn replica(&self) -> &Replica {
        &self.replica
    }

    /// An answer that holds it to its end.
    pub(super) fn until_the_end_of(self, answer: Response<Incoming>) -> Response<Seated> {
        self.note(answer.headers());
        answer.map(|answer| Seated { answer, seat: Some(self), begun: false })
    }

    /// Has the replica be known by how it answers, where these headers say so.
    fn note(&self, headers: &HeaderMap) {
        let now = Instant::now();
        self.replica.setbacks().count(headers, now - self.taken, now);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.replica.leave();
    }
}

/// The body of an answer, with its place at the replica that it comes from.
pub(super) struct Seated {
    answer: Incoming,
    seat: Option<Seat>,
    /// Whether something of it came.
    begun: bool,
}

impl Seated {
    /// Learns from what came, or that nothing more does.
    fn note(&mut self, part: Option<&Frame<Bytes>>) {
        let goes_on = part.is_some_and(Frame::is_data);
        if !goes_on {
            if let (Some(seat), Some(end)) = (self.seat.take(), part.and_then(Frame::trailers_ref)) {
                seat.note(end);
            }
        } else if let Some(seat) = self.seat.as_ref().filter(|_| !self.begun) {
            seat.replica.setbacks().forget();
            self.begun = true;
        }
    }
}

impl http_body::Body for Seated {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.answer).poll_frame(context));
        self.note(frame.as_ref().and_then(|frame| frame.as_ref().ok()));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}
