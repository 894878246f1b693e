//! The other services of a cluster, as the configuration names them.

use proto::transport;

use super::{Finding, Patient};
use crate::{commands::role::Role, readiness};

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
    readiness::of(channel).await
}
