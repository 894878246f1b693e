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
        AuthenticateRequest, AuthenticateResponse,
        clients_client::ClientsClient,
        clients_server::{Clients, ClientsServer},
    };

    /// Answers whoever sends something, and nobody else.
    struct Porter;

    #[tonic::async_trait]
    impl Clients for Porter {
        async fn authenticate(
            &self,
            request: tonic::Request<AuthenticateRequest>,
        ) -> Result<tonic::Response<AuthenticateResponse>, Status> {
            if request.get_ref().key_sha256.is_empty() {
                std::future::pending::<()>().await;
            }
            Ok(tonic::Response::new(AuthenticateResponse { client: "studio".to_owned() }))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_of_this_process_answers_and_is_given_up_when_the_caller_said() {
        let mut porter = ClientsClient::new(Channel::within(Routes::new(ClientsServer::new(Porter))));
        let asked = porter.authenticate(AuthenticateRequest { key_sha256: vec![7].into() }).await;
        assert_eq!(asked.unwrap().into_inner().client, "studio");
        let mut question = tonic::Request::new(AuthenticateRequest::default());
        question.set_timeout(Duration::from_secs(3));
        let begun = tokio::time::Instant::now();
        let status = porter.authenticate(question).await.unwrap_err();
        assert_eq!((status.code(), begun.elapsed()), (Code::Cancelled, Duration::from_secs(3)));
    }
}
