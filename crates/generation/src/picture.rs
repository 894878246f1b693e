//! One picture: attempts on one account after another, until one draws or no other may follow.

use std::{sync::Arc, time::Duration};

use domain::{
    AccountId, ClientLimit, Enforcement, Failure, FailureKind, Usage,
    lease::{Scarcity, Shortage},
};
use tokio::time::Instant;
use tracing::{Instrument as _, info_span, warn};

use crate::{
    leases::{Held, Ledger, Refused, Settling},
    order::Order,
    retry::Retry,
    upstream::{Call, CallFailure, Drawn, Ending, Upstream, Upstreams},
};

/// What came of one picture of a request.
#[derive(Debug)]
pub(crate) struct Picture {
    /// Which one, from 0.
    pub(crate) index: u32,
    /// It, or why there is none.
    pub(crate) result: Result<Drawn, Failure>,
    /// Tokens of failed attempts.
    pub(crate) wasted: Usage,
    /// How people were kept out of it, where they were denied and it came.
    pub(crate) people: Option<Enforcement>,
}

/// Makes pictures.
#[derive(Clone)]
pub(crate) struct Studio {
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) ledger: Ledger,
    pub(crate) max_attempts: u32,
}

impl Studio {
    /// Makes one picture, on this lease first. The last lease may still be on its way to the ledger.
    pub(crate) async fn make(&self, order: &Order, index: u32, first: Held) -> (Picture, Settling) {
        let mut retry = Retry::new(self.max_attempts);
        let mut wasted = Usage::default();
        let mut lease = first;
        loop {
            let account = lease.grant().account.clone();
            let people = order.enforcement(lease.grant().domain.provider);
            let (result, settling) = self.attempt(order, &retry, lease).await;
            let failed = match result {
                Ok(drawn) => return (Picture { index, result: Ok(drawn), wasted, people }, settling),
                Err(failed) => failed,
            };
            wasted += failed.usage;
            let again = retry.allows(&account, &failed.ending) && Instant::now() < order.deadline();
            log(index, &account, &failed, again);
            let gave_up = |failure| Picture { index, result: Err(failure), wasted, people: None };
            if !again && !lacks_date(&failed.failure) {
                return (gave_up(*failed.failure), settling);
            }
            // Two accounts may share a project: the next lease must find this one closed.
            settling.wait().await;
            if !again {
                return (gave_up(self.dated(*failed.failure, order, index, &retry).await), Settling::done());
            }
            match self.ledger.acquire(order.another_wish(index, &retry)).await {
                Ok(mut leases) if !leases.is_empty() => lease = leases.swap_remove(0),
                Ok(_) => return (gave_up(*failed.failure), Settling::done()),
                Err(refused) => {
                    let failure = more_telling(*failed.failure, refused, order);
                    return (gave_up(self.dated(failure, order, index, &retry).await), Settling::done());
                }
            }
        }
    }

    /// The failure, with the time at which asking again can succeed where it is a want of quota: the ledger
    /// knows it, now that the failed call is settled. A lease that it grants instead goes back unused.
    async fn dated(&self, failure: Failure, order: &Order, index: u32, retry: &Retry) -> Failure {
        if !lacks_date(&failure) {
            return failure;
        }
        match self.ledger.acquire(order.any_wish(index, retry)).await {
            Err(Refused::Short(Shortage::Limited { retry_after, .. })) => failure.retry_after(retry_after),
            Ok(_) | Err(_) => failure,
        }
    }

    async fn attempt(
        &self,
        order: &Order,
        retry: &Retry,
        lease: Held,
    ) -> (Result<Drawn, CallFailure>, Settling) {
        let span = info_span!(
            "generation.call",
            lease = %lease.grant().id,
            account = %lease.grant().account,
            attempt = retry.attempt(),
        );
        let calling = async {
            let result = tokio::select! {
                result = self.call(order, &lease) => result,
                never = lease.renew() => match never {},
            };
            let outcome = match &result {
                Ok(drawn) => Some(domain::CallOutcome::Delivered { images: 1, usage: drawn.usage }),
                Err(CallFailure { ending: Ending::Sent(outcome), .. }) => Some(outcome.clone()),
                Err(CallFailure { ending: Ending::Unsent | Ending::Late, .. }) => None,
            };
            (result, lease.close(outcome))
        };
        calling.instrument(span).await
    }

    async fn call(&self, order: &Order, lease: &Held) -> Result<Drawn, CallFailure> {
        let grant = lease.grant();
        let provider = grant.domain.provider;
        let upstream: Option<Arc<dyn Upstream>> = self.upstreams.get(provider);
        let (Some(upstream), Some(model)) = (upstream, order.model().upstream_id(provider)) else {
            let message = "an account cannot be used for this model; the operator must look";
            let failure = Failure::new(FailureKind::UpstreamRejected, message);
            return Err(CallFailure::unsent(failure, format!("the model is not served at {provider}")));
        };
        let call = Call {
            account: grant.account.clone(),
            model: model.to_owned(),
            body: order.body(provider, &upstream).await,
            dispatch: Arc::clone(lease.dispatch()),
            deadline: order.deadline(),
        };
        upstream.draw(call).await
    }
}

/// Whether a failure is a want of quota without a word on when there will be more.
fn lacks_date(failure: &Failure) -> bool {
    failure.kind == FailureKind::QuotaExhausted && failure.retry_after.is_none()
}

/// Which failure helps the caller more when a failed attempt found no lease to follow it. That all accounts
/// are at a limit tells when asking again can succeed; any other refusal tells less than the failure did.
fn more_telling(failed: Failure, refused: Refused, order: &Order) -> Failure {
    match refused {
        Refused::Short(shortage @ Shortage::Limited { .. }) => no_lease(&shortage, order),
        Refused::Short(Shortage::NoAccount | Shortage::ClientLimited { .. }) | Refused::Failed(_) => failed,
    }
}

/// A shortage of leases, in words for the caller.
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

/// That the client has used up what it may use, in words for the caller.
fn client_limited(limit: ClientLimit, retry_after: Option<Duration>) -> Failure {
    let used_up = match limit {
        ClientLimit::RequestsPerMinute => "requests of the minute",
        ClientLimit::ImagesPerDay => "pictures of the day",
        ClientLimit::SpendPerDay => "spending of the day",
        ClientLimit::Concurrent => "calls at once",
    };
    let message =
        format!("this client key has used up its {used_up} ({limit}); the operator can raise the limit");
    match retry_after {
        Some(wait) => Failure::new(FailureKind::QuotaExhausted, message).retry_after(wait),
        None => Failure::new(FailureKind::BeyondLimit, message),
    }
}

fn log(picture: u32, account: &AccountId, failed: &CallFailure, again: bool) {
    let outcome = match &failed.ending {
        Ending::Late => "late",
        Ending::Unsent => "unsent",
        Ending::Sent(outcome) => outcome.as_str(),
    };
    let CallFailure { failure, detail, .. } = failed;
    warn!(picture, %account, outcome, kind = %failure.kind, detail, again, "a call drew nothing");
}
