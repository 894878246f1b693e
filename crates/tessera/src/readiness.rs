//! Whether a process can serve, told and asked on gRPC ports by its services' names.

use std::time::Duration;

use proto::{Health, transport::Channel};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Code, service::Routes};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// How long another may take to say that it serves.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often a process is asked whether it can serve.
const ROUND: Duration = Duration::from_secs(1);

/// These routes with health and reflection beside them. Health follows `ready`, until the process is asked to stop.
pub(crate) async fn beside<F>(
    routes: Routes,
    services: &'static [&'static str],
    asked: CancellationToken,
    ready: impl Fn() -> F + Send + Sync + 'static,
) -> Routes
where
    F: Future<Output = Result<(), &'static str>> + Send + 'static,
{
    let health = Health::new(services).await;
    let routes = health.beside(routes);
    tokio::spawn(async move {
        let mut serves = false;
        let follow = async {
            let mut rounds = interval(ROUND);
            rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                rounds.tick().await;
                let now = ready().await;
                if now.is_ok() != serves {
                    serves = now.is_ok();
                    tell(now);
                    health.set(serves).await;
                }
            }
        };
        tokio::select! {
            () = asked.cancelled() => health.set(false).await,
            () = follow => {}
        }
    });
    routes
}

/// Asks another service whether it can serve; why not, in words that follow its address.
pub(crate) async fn of(service: Channel) -> Result<(), String> {
    let mut health = HealthClient::new(service);
    let asked = timeout(PATIENCE, health.check(HealthCheckRequest::default())).await;
    match asked.map_err(|_| "does not answer in time".to_owned())? {
        Ok(answer) if answer.get_ref().status() == ServingStatus::Serving => Ok(()),
        Ok(_) => Err("answers, and cannot serve now; ask its /readyz why".to_owned()),
        // A service that knows no such question is one that answers.
        Err(status) if status.code() == Code::Unimplemented => Ok(()),
        Err(status) => Err(format!("does not answer: {}", status.message())),
    }
}

fn tell(ready: Result<(), &'static str>) {
    match ready {
        Ok(()) => tracing::info!("ready to serve"),
        Err(why) => tracing::warn!(why, "cannot serve any more"),
    }
}
