//! Whether a call went on the wire: the question on which a refund hangs.
//!
//! No HTTP client tells. So the request's body tells: the connection asks for its first piece when it is ready
//! to write, and before that the provider cannot have begun. Whoever asks first, the connection that wants to
//! send or the owner that wants to withdraw, decides for good. When that was is remembered: the provider counts a
//! call when it arrives.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use crate::activity::Track;

/// Decides once whether a call is sent.
#[derive(Debug)]
pub(crate) struct Dispatch {
    start_by: Instant,
    sent: OnceLock<bool>,
    /// When a call on the lease was last sent.
    sent_at: Arc<Mutex<Option<Instant>>>,
}

impl Dispatch {
    /// Undecided; after `start_by` the decision can only be no.
    pub(crate) fn new(start_by: Instant) -> Self {
        Self { start_by, sent: OnceLock::new(), sent_at: Arc::default() }
    }

    /// Undecided, for another call on the same lease.
    pub(crate) fn again(&self) -> Self {
        Self { start_by: self.start_by, sent: OnceLock::new(), sent_at: Arc::clone(&self.sent_at) }
    }

    /// When it is too late to send.
    pub(crate) const fn start_by(&self) -> Instant {
        self.start_by
    }

    /// Decides to send, if it is not too late and nothing else was decided; whether to send.
    pub(crate) fn send(&self) -> bool {
        *self.sent.get_or_init(|| {
            let now = Instant::now();
            let in_time = now <= self.start_by;
            if in_time {
                *self.sent_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
            }
            in_time
        })
    }

    /// When a call on the lease was last sent, if one was.
    pub(crate) fn sent_at(&self) -> Option<Instant> {
        *self.sent_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides not to send, if nothing else was decided; whether nothing was sent, and never will be.
    pub(crate) fn revoke(&self) -> bool {
        !*self.sent.get_or_init(|| false)
    }
}

/// The body of a call that is sent only if its dispatch says so.
pub(crate) struct Gated {
    rest: Bytes,
    dispatch: Arc<Dispatch>,
    /// Where it is noted that the call is sent, until it is.
    track: Option<Track>,
}

/// Bytes handed to the connection at once.
const PIECE: usize = 256 << 10;

impl Gated {
    /// These bytes, once they may go; the track notes that they do.
    pub(crate) const fn new(bytes: Bytes, dispatch: Arc<Dispatch>, track: Option<Track>) -> Self {
        Self { rest: bytes, dispatch, track }
    }
}

/// The connection became ready after the call was withdrawn.
#[derive(Debug)]
pub(crate) struct Withdrawn;

impl fmt::Display for Withdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the call was withdrawn before it was sent")
    }
}

impl std::error::Error for Withdrawn {}

impl Body for Gated {
    type Data = Bytes;
    type Error = Withdrawn;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Withdrawn>>> {
        if !self.dispatch.send() {
            return Poll::Ready(Some(Err(Withdrawn)));
        }
        if let Some(track) = self.track.take() {
            track.called();
        }
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let piece = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_decision_is_the_last() {
        let soon = Instant::now() + Duration::from_secs(2);
        let sent = Dispatch::new(soon);
        assert!(sent.send() && !sent.revoke() && sent.send());
        let revoked = Dispatch::new(soon);
        assert!(revoked.revoke() && !revoked.send() && revoked.revoke());
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_call_on_a_lease_is_the_one_whose_time_counts() {
        let first = Dispatch::new(Instant::now() + Duration::from_secs(2));
        assert_eq!(first.sent_at(), None);
        assert!(first.send());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(first.again().send());
        assert_eq!(first.sent_at(), Some(Instant::now()));
        let late = first.again();
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!late.send());
        assert_eq!(first.sent_at(), Some(Instant::now() - Duration::from_secs(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn after_its_time_a_call_is_never_sent() {
        let dispatch = Dispatch::new(Instant::now());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!dispatch.send());
        assert!(dispatch.revoke());
    }
}
