//! The end of streams that have none of their own: those who only watch would keep a server that is to stop.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{FutureExt as _, TryFutureExt as _, future};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Code, body::Body};
use tower::{BoxError, Layer, Service};

/// Around a server: ends the answers of every `Watch` when the token is cancelled.
#[derive(Debug, Clone)]
pub(crate) struct Dismissal(pub(crate) CancellationToken);

/// What [`Dismissal`] makes of a service.
#[derive(Debug, Clone)]
pub(crate) struct Dismissing<S> {
    inner: S,
    stop: CancellationToken,
}

impl<S> Layer<S> for Dismissal {
    type Service = Dismissing<S>;

    fn layer(&self, inner: S) -> Dismissing<S> {
        Dismissing { inner, stop: self.0.clone() }
    }
}

impl<S, A, B> Service<Request<A>> for Dismissing<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = future::MapOk<S::Future, Box<dyn FnOnce(Response<B>) -> Response<Body> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let watches = request.uri().path().ends_with("/Watch");
        let until = watches.then(|| Box::pin(self.stop.clone().cancelled_owned()));
        let end = move |answer: Response<B>| match until {
            Some(until) => answer.map(|body| Body::new(Watched { body: Body::new(body), until })),
            None => answer.map(Body::new),
        };
        self.inner.call(request).map_ok(Box::new(end))
    }
}

/// The answer to one who watches.
struct Watched {
    body: Body,
    until: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        if http_body::Body::is_end_stream(&self.body) {
            return Poll::Ready(None);
        }
        if self.until.poll_unpin(context).is_ready() {
            self.body = Body::empty();
            return Poll::Ready(Some(Ok(Frame::trailers(stopped()))));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }
}

fn stopped() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(Code::Unavailable as i32));
    trailers.insert("grpc-message", HeaderValue::from_static("stopping"));
    trailers
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    async fn answered(path: &str, stop: &CancellationToken) -> Response<Body> {
        let endless = tower::service_fn(|_: Request<()>| async {
            let stream = futures_util::stream::pending::<Result<Frame<Bytes>, tonic::Status>>();
            Ok::<_, BoxError>(Response::new(http_body_util::StreamBody::new(stream)))
        });
        let request = Request::builder().uri(path).body(()).unwrap();
        Dismissal(stop.clone()).layer(endless).oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn who_watches_is_told_that_it_ends_and_who_waits_for_a_picture_is_not() {
        let stop = CancellationToken::new();
        let watched = answered("/tessera.v1.Standings/Watch", &stop).await;
        let picture = answered("/tessera.v1.Generation/Generate", &stop).await;
        stop.cancel();
        let end = watched.into_body().collect().await.unwrap();
        assert_eq!(end.trailers().unwrap()["grpc-status"], "14");
        assert!(picture.into_body().collect().now_or_never().is_none());
    }
}
