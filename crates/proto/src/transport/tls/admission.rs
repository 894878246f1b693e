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
        if roles.is_none_or(|roles| roles.may_ask(path)) {
            return Either::Left(self.0.call(request));
        }
        tracing::warn!(path, ?roles, "a caller asked for what its certificate does not allow");
        let refusal =
            Status::permission_denied("the certificate does not allow this; see [tls] in tessera.toml");
        Either::Right(future::ready(Ok(refusal.into_http())))
    }
}
