//! Refusing what a caller may not ask for.

use std::task::{Context, Poll};

use futures_util::future::{self, Either, Ready};
use http::{Request, Response};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::accepting::CallerInfo;

/// Around a server: lets each caller ask for what its certificate allows, and everybody for everything where there are
/// no certificates.
#[derive(Debug, Clone, Copy, Default)]
pub struct Admission;

/// What [`Admission`] makes of a service.
#[derive(Debug, Clone)]
pub struct Admitting<S>(S);

impl<S> Layer<S> for Admission {
    type Service = Admitting<S>;

    fn layer(&self, inner: S) -> Admitting<S> {
        Admitting(inner)
    }
}

impl<S, A> Service<Request<A>> for Admitting<S>
where
    S: Service<Request<A>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<Body>, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let known = request.extensions().get::<CallerInfo>();
        let roles = known.and_then(|CallerInfo(peer)| peer.0.as_ref());
        let path = request.uri().path();
        let Some(roles) = roles.filter(|roles| !roles.may_ask(path)) else {
            return Either::Left(self.0.call(request));
        };
        let refusal = roles.refusal(path);
        tracing::warn!(path, "a caller was refused: {refusal}");
        let refusal = Status::permission_denied(refusal);
        Either::Right(future::ready(Ok(refusal.into_http())))
    }
}
