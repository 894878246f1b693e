//! What every gRPC port tells of itself: which services it has, and whether they can serve.

use futures_util::future::join_all;
use tonic::service::Routes;
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};
use tonic_reflection::server::Builder;

use crate::DESCRIPTORS;

/// Whether the services of a port can serve, as `grpc.health.v1.Health` tells it: of each by its name, and of all
/// together by no name. Clones tell the same.
#[derive(Debug, Clone)]
pub struct Health {
    reporter: HealthReporter,
    services: &'static [&'static str],
}

impl Health {
    /// That of these services, which cannot serve yet.
    pub async fn new(services: &'static [&'static str]) -> Self {
        let health = Self { reporter: HealthReporter::new(), services };
        health.set(false).await;
        health
    }

    /// These routes with health beside them, and with reflection of both.
    pub fn beside(&self, routes: Routes) -> Routes {
        let told = || {
            let files = Builder::configure()
                .register_encoded_file_descriptor_set(DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
            let ours = self.services.iter().copied().chain(["grpc.health.v1.Health"]);
            ours.fold(files, Builder::with_service_name)
        };
        let health = HealthService::from_health_reporter(self.reporter.clone());
        routes
            .add_service(HealthServer::new(health))
            .add_service(told().build_v1().expect("the build made the descriptors"))
            .add_service(told().build_v1alpha().expect("the build made the descriptors"))
    }

    /// Tells that they can serve, or that they cannot.
    pub async fn set(&self, serves: bool) {
        let status = if serves { ServingStatus::Serving } else { ServingStatus::NotServing };
        let names = self.services.iter().copied().chain([""]);
        join_all(names.map(|name| self.reporter.set_service_status(name, status))).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };

    use super::*;
    use crate::transport::Channel;

    const LEASES: &[&str] = &["tessera.v1.Leases"];

    #[tokio::test]
    async fn a_port_tells_whether_it_serves_by_each_name_and_by_none() {
        let health = Health::new(LEASES).await;
        let channel = Channel::within(health.beside(Routes::default()));
        let mut client = HealthClient::new(channel.clone());
        assert!(!channel.serves("tessera.v1.Leases").await);
        health.set(true).await;
        assert!(channel.serves("tessera.v1.Leases").await && channel.serves("").await);
        let unknown = HealthCheckRequest { service: "tessera.v1.Generation".to_owned() };
        assert_eq!(client.check(unknown).await.unwrap_err().code(), tonic::Code::NotFound);
    }

    #[tokio::test]
    async fn a_port_tells_of_its_own_services_and_of_their_messages() {
        let health = Health::new(LEASES).await;
        let mut client = ServerReflectionClient::new(Channel::within(health.beside(Routes::default())));
        let ask = |question| ServerReflectionRequest { host: String::new(), message_request: Some(question) };
        let questions = [
            ask(MessageRequest::ListServices(String::new())),
            ask(MessageRequest::FileContainingSymbol("tessera.v1.AcquireRequest".to_owned())),
        ];
        let answers = client.server_reflection_info(futures_util::stream::iter(questions)).await.unwrap();
        let answers: Vec<_> =
            answers.into_inner().map(|it| it.unwrap().message_response.unwrap()).collect().await;
        let MessageResponse::ListServicesResponse(list) = &answers[0] else { panic!("{answers:?}") };
        let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
        assert_eq!(names, ["tessera.v1.Leases", "grpc.health.v1.Health"]);
        assert!(
            matches!(&answers[1], MessageResponse::FileDescriptorResponse(files) if files.file_descriptor_proto.len() == 1)
        );
    }
}
