//! The way to a service.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use http::{Request, Response};
use tokio::time::timeout;
use tonic::{TimeoutExpired, body::Body, service::Routes};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tower::{BoxError, Service};

use super::{deadline, pool::Pool, sending};

/// How long a service may take to say that it can serve.
const SAYS_WITHIN: Duration = Duration::from_secs(2);

/// The way to a service, wherever it is.
///
/// Where a service has several replicas, each request goes to one of them, for the time that its answer takes to its
/// end. A service of this process is called straight: the caller's messages are its bodies. Between two services in one
/// process there is then no connection, no buffer and no task, and whoever reads an answer is who makes it go on.
#[derive(Debug, Clone)]
pub struct Channel(Way);

#[derive(Debug, Clone)]
enum Way {
    Connected(Arc<Pool>),
    Within(Routes),
}

impl Channel {
    /// A channel to a service of this process.
    pub fn within(routes: Routes) -> Self {
        Self(Way::Within(routes.prepare()))
    }

    /// Whether a service by this name says that it can serve, on any of the replicas, within two seconds.
    pub async fn serves(&self, service: &str) -> bool {
        let ways = match &self.0 {
            Way::Within(_) => vec![self.clone()],
            Way::Connected(pool) => pool.each().await.into_iter().map(|(_, alone)| alone.into()).collect(),
        };
        let mut answers: FuturesUnordered<_> = ways.into_iter().map(|way| way.says(service)).collect();
        while let Some(serves) = answers.next().await {
            if serves {
                return true;
            }
        }
        false
    }

    async fn says(self, service: &str) -> bool {
        let mut question = tonic::Request::new(HealthCheckRequest { service: service.to_owned() });
        question.set_timeout(SAYS_WITHIN);
        let answer = HealthClient::new(self).check(question).await;
        answer.is_ok_and(|answer| answer.get_ref().status() == ServingStatus::Serving)
    }
}

impl From<Arc<Pool>> for Channel {
    fn from(pool: Arc<Pool>) -> Self {
        Self(Way::Connected(pool))
    }
}

/// An answer under way.
type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        let patience = deadline(request.headers());
        match &mut self.0 {
            Way::Connected(pool) => {
                let answer = sending::send(Arc::clone(pool), request, patience);
                Box::pin(async move { within(patience, answer).await? })
            }
            Way::Within(routes) => {
                let answer = routes.call(request);
                Box::pin(async move { Ok(within(patience, answer).await??) })
            }
        }
    }
}

async fn within<F: Future>(patience: Option<Duration>, answer: F) -> Result<F::Output, TimeoutExpired> {
    match patience {
        Some(patience) => timeout(patience, answer).await.map_err(|_| TimeoutExpired(())),
        None => Ok(answer.await),
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
