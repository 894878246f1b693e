//! One HTTP/2 connection, on which any number of requests are answered side by side.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::oneshot,
};
use tower::BoxError;

use super::{RESETS, dialing::Wire, letter::Letter};
use crate::limits;

/// A connection whose server has said something: one that was only accepted may never be served.
#[derive(Clone)]
pub(super) struct Connection(SendRequest<Letter>);

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Lost {
    /// The server certainly did nothing with the request, so that it may be sent elsewhere.
    Unbegun(hyper::Error),
    /// Nobody knows how far the request came.
    Perhaps(hyper::Error),
}

impl Connection {
    /// Makes one of what reaches the server.
    pub(super) async fn open(wire: Box<dyn Wire>) -> Result<Self, BoxError> {
        let (greet, greeted) = oneshot::channel();
        let wire = Greeted { wire, greet: Some(greet) };
        let (sender, talk) = builder().handshake(TokioIo::new(wire)).await?;
        tokio::spawn(async move {
            if let Err(error) = talk.await {
                tracing::debug!(%error, "a connection between services broke");
            }
        });
        greeted.await.unwrap_or_else(|_| Err(io::ErrorKind::ConnectionReset.into()))?;
        Ok(Self(sender))
    }

    /// Whether it takes no more requests. Answers that are under way come all the same.
    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Sends a request, up to the headers of its answer.
    pub(super) async fn send(&mut self, request: Request<Letter>) -> Result<Response<Incoming>, Lost> {
        self.0.try_send_request(request).await.map_err(|mut error| {
            let returned = error.take_message().is_some();
            let error = error.into_error();
            if returned || was_refused(&error) { Lost::Unbegun(error) } else { Lost::Perhaps(error) }
        })
    }
}

impl From<Lost> for BoxError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Unbegun(error) | Lost::Perhaps(error) => error.into(),
        }
    }
}

/// Whether the server said of this very stream that it did not begin it: it refused the stream, or went away naming
/// an earlier one as its last.
fn was_refused(error: &hyper::Error) -> bool {
    let mut causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.find_map(|cause| cause.downcast_ref::<h2::Error>()).is_some_and(|error| {
        let reason = error.reason();
        error.is_remote()
            && ((error.is_reset() && reason == Some(h2::Reason::REFUSED_STREAM))
                || (error.is_go_away() && reason == Some(h2::Reason::NO_ERROR)))
    })
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(limits::STREAM_WINDOW)
        .initial_connection_window_size(limits::CONNECTION_WINDOW)
        .max_frame_size(limits::FRAME)
        .max_concurrent_reset_streams(RESETS)
        .max_local_error_reset_streams(None)
        .keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(10))
        // Else a service that vanished without a word is asked again and again on a connection that is dead.
        .keep_alive_while_idle(true);
    builder
}

/// A wire that tells when the first bytes come, or why they do not.
struct Greeted {
    wire: Box<dyn Wire>,
    greet: Option<oneshot::Sender<io::Result<()>>>,
}

impl Greeted {
    /// Tells, where it was not told yet and somebody still waits.
    fn greet(&mut self, how: io::Result<()>) {
        let _ = self.greet.take().map(|greet| greet.send(how));
    }
}

impl AsyncRead for Greeted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut *self.wire).poll_read(context, buffer));
        match read {
            Err(error) if self.greet.is_some() => {
                let kind = error.kind();
                self.greet(Err(error));
                return Poll::Ready(Err(kind.into()));
            }
            Ok(()) if buffer.filled().len() > before => self.greet(Ok(())),
            Ok(()) | Err(_) => {}
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Greeted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.wire).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.wire).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.wire).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.wire).poll_shutdown(context)
    }
}
