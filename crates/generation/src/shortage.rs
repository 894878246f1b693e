//! Why there is no lease, in words for the caller.

use std::time::Duration;

use domain::{
    ClientLimit, Failure, FailureKind,
    lease::{Scarcity, Shortage},
};

use crate::{leases::Refused, order::Order};

/// A refusal of a lease for another attempt, where it helps the caller more than the failed attempt does. That all
/// accounts are at a limit tells when asking again can succeed; any other refusal tells less.
pub(crate) fn more_telling(refused: Refused, order: &Order) -> Option<Failure> {
    match refused {
        Refused::Short(shortage @ Shortage::Limited { .. }) => Some(no_lease(&shortage, order)),
        Refused::Short(Shortage::NoAccount | Shortage::ClientLimited { .. }) | Refused::Failed(_) => None,
    }
}

/// A shortage of leases.
pub(crate) fn no_lease(shortage: &Shortage, order: &Order) -> Failure {
    let model = &order.model().name;
    match shortage {
        Shortage::NoAccount => {
            let message = format!(
                "no account can serve the model `{model}`; the operator must add one, or mend those that the \
                 provider refuses"
            );
            Failure::new(FailureKind::NoAccount, message)
        }
        Shortage::Limited { retry_after, scarcity, .. } => {
            let (kind, message) = match scarcity {
                Scarcity::Quota => (
                    FailureKind::QuotaExhausted,
                    format!("every account that serves the model `{model}` is at a limit"),
                ),
                Scarcity::Capacity => (
                    FailureKind::UpstreamOverloaded,
                    format!("the provider is short of capacity for the model `{model}`"),
                ),
                Scarcity::Failing => (
                    FailureKind::UpstreamOverloaded,
                    format!("the provider is failing every account that serves the model `{model}`"),
                ),
            };
            Failure::new(kind, message).retry_after(*retry_after)
        }
        Shortage::ClientLimited { limit, retry_after } => client_limited(*limit, *retry_after),
    }
}

/// That the client has used up what it may use, or asks for more than that at once.
fn client_limited(limit: ClientLimit, retry_after: Option<Duration>) -> Failure {
    let used_up = match limit {
        ClientLimit::RequestsPerMinute => "requests of a minute",
        ClientLimit::ImagesPerDay => "pictures of a day",
        ClientLimit::SpendPerDay => "spending of a day",
        ClientLimit::Concurrent => "calls at once",
    };
    if let Some(wait) = retry_after {
        let message =
            format!("this client key has used up its {used_up} ({limit}); the operator can raise the limit");
        return Failure::new(FailureKind::QuotaExhausted, message).retry_after(wait);
    }
    let message = format!(
        "this request is for more than the {used_up} of this client key ({limit}); ask for less, or let the operator \
         raise the limit"
    );
    Failure::new(FailureKind::BeyondLimit, message)
}
