//! The way to a service.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::TryFutureExt as _;
use http::{Request, Response};
use tokio::time::timeout;
use tonic::{TimeoutExpired, body::Body, service::Routes, transport};
use tower::{BoxError, Service};

use super::deadline;

/// The way to a service, wherever it is.
///
/// A service of this process is called straight: the caller's messages are its bodies. Between two services in one
/// process there is then no connection, no buffer and no task, and whoever reads an answer is who makes it go on.
#[derive(Debug, Clone)]
pub struct Channel(Way);

#[derive(Debug, Clone)]
enum Way {
    Connected(transport::Channel),
    Within(Routes),
}

impl Channel {
    /// A channel to a service of this process.
    pub fn within(routes: Routes) -> Self {
        Self(Way::Within(routes.prepare()))
    }
}

impl From<transport::Channel> for Channel {
    fn from(channel: transport::Channel) -> Self {
        Self(Way::Connected(channel))
    }
}

/// An answer under way.
type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Answering;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match &mut self.0 {
            Way::Connected(channel) => channel.poll_ready(context).map_err(Into::into),
            Way::Within(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        match &mut self.0 {
            Way::Connected(channel) => Box::pin(channel.call(request).err_into()),
            Way::Within(routes) => {
                let patience = deadline(request.headers()).unwrap_or(Duration::MAX);
                let answer = timeout(patience, routes.call(request));
                Box::pin(async move { Ok(answer.await.map_err(|_| TimeoutExpired(()))??) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};

    use super::*;
    use crate::v1::{
        FetchCredentialRequest, FetchCredentialResponse,
        credentials_client::CredentialsClient,
        credentials_server::{Credentials, CredentialsServer},
    };

    /// Answers whoever names an account, and nobody else.
    struct Porter;

    #[tonic::async_trait]
    impl Credentials for Porter {
        async fn fetch(
            &self,
            request: tonic::Request<FetchCredentialRequest>,
        ) -> Result<tonic::Response<FetchCredentialResponse>, Status> {
            if request.get_ref().account.is_empty() {
                std::future::pending::<()>().await;
            }
            Ok(tonic::Response::new(FetchCredentialResponse { sealed: vec![7].into() }))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_of_this_process_answers_and_is_given_up_when_the_caller_said() {
        let service = Routes::new(CredentialsServer::new(Porter));
        let mut porter = CredentialsClient::new(Channel::within(service));
        let asked = porter.fetch(FetchCredentialRequest { account: "a".into(), version: 1 }).await;
        assert_eq!(asked.unwrap().into_inner().sealed, vec![7]);
        let mut question = tonic::Request::new(FetchCredentialRequest::default());
        question.set_timeout(Duration::from_secs(3));
        let begun = tokio::time::Instant::now();
        let status = porter.fetch(question).await.unwrap_err();
        assert_eq!((status.code(), begun.elapsed()), (Code::Cancelled, Duration::from_secs(3)));
    }
}
