//! The other services of a cluster, as the configuration names them.

use std::time::Duration;

use proto::transport;
use tokio::time::timeout;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{Finding, Patient};
use crate::commands::role::Role;

/// How long a service may take to say that it serves.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks each that the role calls.
pub(super) async fn look(patient: &Patient<'_>) -> Vec<Finding> {
    let (gateway, generation) = (&patient.config.gateway, &patient.config.generation);
    let called = match patient.role {
        Some(Role::Gateway) => vec![
            ("generation", "gateway.generation_url", gateway.generation_url.0.as_str()),
            ("quota", "gateway.quota_url", gateway.quota_url.0.as_str()),
        ],
        Some(Role::Generation) => vec![("quota", "generation.quota_url", generation.quota_url.0.as_str())],
        Some(Role::Quota) | None => Vec::new(),
    };
    let mut found = Vec::new();
    for (name, key, url) in called {
        found.push(match ask(patient, url).await {
            Ok(()) => Finding::ok(name, format!("serves at {url}")),
            Err(why) => {
                let remedy = format!("see that it runs and can be reached from here, or correct {key}");
                Finding::failure(name, format!("{url} {why}"), remedy)
            }
        });
    }
    found
}

async fn ask(patient: &Patient<'_>, url: &str) -> Result<(), String> {
    let identity = patient.config.identity().map_err(|error| format!("cannot be asked: {error}"))?;
    let channel = transport::connect_as(url, identity.as_ref()).map_err(|error| error.to_string())?;
    let mut health = HealthClient::new(channel);
    let asked = timeout(PATIENCE, health.check(HealthCheckRequest::default())).await;
    match asked.map_err(|_| "does not answer in time".to_owned())? {
        Ok(answer) if answer.get_ref().status() == ServingStatus::Serving => Ok(()),
        Ok(_) => Err("answers, and cannot serve now; ask its /readyz why".to_owned()),
        // A service that knows no such question is one that answers.
        Err(status) if status.code() == Code::Unimplemented => Ok(()),
        Err(status) => Err(format!("does not answer: {}", status.message())),
    }
}
