//! The body of a request, which can be sent again where it was whole before it left.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http_body::{Body as _, Frame};
use tonic::{Status, body::Body};

/// What a caller says. What was there at once is kept, and shared with those who send it again; a body that is
/// still being written has a rest, and can be sent once.
pub(super) struct Letter {
    ready: VecDeque<Bytes>,
    rest: Option<Body>,
}

impl Letter {
    /// The letter with this body.
    pub(super) fn of(mut body: Body) -> Result<Self, Status> {
        let mut ready = VecDeque::with_capacity(1);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match Pin::new(&mut body).poll_frame(&mut context) {
                Poll::Ready(Some(frame)) => ready.extend(frame?.into_data().ok()),
                Poll::Ready(None) => return Ok(Self { ready, rest: None }),
                Poll::Pending => return Ok(Self { ready, rest: Some(body) }),
            }
        }
    }

    /// The same once more, unless a part of it can be had only once.
    pub(super) fn again(&self) -> Option<Self> {
        self.rest.is_none().then(|| Self { ready: self.ready.clone(), rest: None })
    }
}

impl http_body::Body for Letter {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match (self.ready.pop_front(), &mut self.rest) {
            (Some(bytes), _) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            (None, Some(rest)) => Pin::new(rest).poll_frame(context),
            (None, None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ready.is_empty() && self.rest.as_ref().is_none_or(http_body::Body::is_end_stream)
    }
}
