//! Whether this process can serve, told on its gRPC ports by its services' names.

use std::time::Duration;

use proto::Health;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

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

fn tell(ready: Result<(), &'static str>) {
    match ready {
        Ok(()) => tracing::info!("ready to serve"),
        Err(why) => tracing::warn!(why, "cannot serve any more"),
    }
}
