//! Hearing a request out, even when its answer is known before its end.
//!
//! A key that opens nothing or a body that is too large is noticed before the body was read. A connection on which
//! a request stays unread can only be closed: its client learns that in the middle of writing, before it could
//! read why, or with its next request. So what is left is taken first, and thrown away, within bounds.

use std::{
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, Version, header};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::{sync::oneshot, time::timeout};

use crate::{Settings, edge::Edge};

/// The most that is thrown away, as a multiple of the largest body.
const DISCARDED: usize = 4;

/// The longest pause of a client that is still writing.
const PAUSE: Duration = Duration::from_secs(1);

/// The middleware around every route.
pub(crate) async fn hear_out(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    let version = request.version();
    let asks_first = request.headers().contains_key(header::EXPECT);
    let (owner, mut returned) = oneshot::channel();
    let lend = |body| Body::new(Lent { body, begun: false, ended: false, owner: Some(owner) });
    let mut response = next.run(request.map(lend)).await;
    // Who waits to be asked for the body sends none, and who stood still for too long is not waited for again.
    let stood_still = response.status() == StatusCode::REQUEST_TIMEOUT;
    let rest = returned.try_recv().ok().filter(|rest| !stood_still && (rest.begun || !asks_first));
    if let Some(Rest { body, .. }) = rest
        && !discard(body, &edge.settings).await
        && version < Version::HTTP_2
    {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Reads a body to its end and keeps nothing of it; tells whether its end came.
async fn discard(mut body: Body, settings: &Settings) -> bool {
    let mut left = settings.body_limit_bytes.saturating_mul(DISCARDED);
    let discarding = async {
        loop {
            match timeout(PAUSE, body.frame()).await {
                Ok(None) => return true,
                Ok(Some(Ok(frame))) => match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                    Some(rest) => left = rest,
                    None => return false,
                },
                Ok(Some(Err(_))) | Err(_) => return false,
            }
        }
    };
    timeout(settings.body_idle_timeout, discarding).await.unwrap_or(false)
}

/// A body that gives back to its owner what its reader leaves.
struct Lent {
    body: Body,
    begun: bool,
    ended: bool,
    owner: Option<oneshot::Sender<Rest>>,
}

/// What a reader left.
struct Rest {
    body: Body,
    /// Whether anything of it was asked for.
    begun: bool,
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.begun = true;
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.ended |= matches!(polled, Poll::Ready(None | Some(Err(_))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.ended || self.body.is_end_stream() {
            return;
        }
        let rest = Rest { body: mem::take(&mut self.body), begun: self.begun };
        // An owner that is gone has no use for it.
        let _ = self.owner.take().map(|owner| owner.send(rest));
    }
}
