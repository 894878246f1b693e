//! One picture: attempts on one account after another, until one draws or no other may follow.

use std::sync::Arc;

use domain::{AccountId, CallOutcome, Enforcement, Failure, FailureKind, Provider, Usage, lease::Shortage};
use tokio::time::Instant;
use tracing::{Instrument as _, Span, debug_span, field, info_span, warn};

use crate::{
    activity::{OPERATION, Over, Trail, provider_name},
    leases::{Heard, Held, Ledger, Refused, Settling},
    order::Order,
    retry::{Budgets, Next, Retry},
    shortage::more_telling,
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
    pub(crate) budgets: Arc<Budgets>,
}

impl Studio {
    /// Makes one picture, on this lease first. The last lease may still be on its way to the ledger.
    pub(crate) async fn make(
        &self,
        order: &Order,
        trail: &Trail,
        index: u32,
        first: Held,
    ) -> (Picture, Settling) {
        self.budgets.start(&order.model().name, Instant::now());
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
            let again = self.may_try_again(order, trail, retry.after(&account, &failed.ending));
            log(index, &account, &failed, again);
            let gave_up = |failure| Picture { index, result: Err(failure), wasted, people: None };
            if !again && !failed.lacks_date() {
                return (gave_up(*failed.failure), settling);
            }
            // Two accounts may share a project: the next lease must find this one closed.
            settling.wait().await;
            match if again { self.another(order, trail, index, &retry).await } else { Err(None) } {
                Ok(next) => lease = next,
                Err(refused) => {
                    let failure = self.told(failed, refused, order, index, &retry).await;
                    return (gave_up(failure), Settling::done());
                }
            }
        }
    }

    fn may_try_again(&self, order: &Order, trail: &Trail, next: Next) -> bool {
        let now = Instant::now();
        let allowed = match next {
            Next::Nothing => false,
            Next::Another => true,
            Next::Budgeted => {
                let room = self.budgets.retry(&order.model().name, now);
                if !room {
                    trail.retry_refused(order);
                }
                room
            }
        };
        allowed && now < order.deadline()
    }

    /// A lease for another attempt, for which it may have to wait.
    async fn another(
        &self,
        order: &Order,
        trail: &Trail,
        index: u32,
        retry: &Retry,
    ) -> Result<Held, Option<Refused>> {
        trail.asked(index..index + 1);
        let mut asking = self.ledger.ask(order.another_wish(index, retry));
        let mut waiting = None;
        let leases = loop {
            match asking.hear().await {
                Heard::Waiting => _ = waiting.get_or_insert_with(|| trail.waits()),
                Heard::Answered(answer) => break answer.map_err(Some)?,
            }
        };
        let mut lease = leases.into_iter().next().ok_or(None)?;
        lease.follow(trail, index, order.rate());
        Ok(lease)
    }

    /// What the caller is told of a failed attempt that none follows, with the time at which asking again can succeed
    /// where that is a matter of time: the ledger knows it, now that the failed call is settled. A lease that it
    /// grants instead goes back unused.
    async fn told(
        &self,
        failed: CallFailure,
        refused: Option<Refused>,
        order: &Order,
        index: u32,
        retry: &Retry,
    ) -> Failure {
        let lacks_date = failed.lacks_date();
        let failure = *failed.failure;
        match refused.and_then(|refused| more_telling(refused, order)) {
            Some(telling) => telling,
            None if !lacks_date => failure,
            None => match self.ledger.ask(order.any_wish(index, retry)).answer().await {
                Err(Refused::Short(Shortage::Limited { retry_after, .. })) => {
                    failure.retry_after(retry_after)
                }
                Ok(_) | Err(_) => failure,
            },
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
            if let Some(track) = lease.track() {
                track.over(Over::from(&result));
            }
            let outcome = match &result {
                Ok(drawn) => Some(CallOutcome::Delivered { images: 1, usage: drawn.usage }),
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
            credential: grant.credential,
            model: model.to_owned(),
            body: order.body(provider, &upstream).await,
            dispatch: Arc::clone(lease.dispatch()),
            deadline: order.deadline(),
            track: lease.track().cloned(),
        };
        let span = call_span(provider, model);
        let result = upstream.draw(call).instrument(span.clone()).await;
        describe(&span, &result);
        result
    }
}

/// A span for a call as OpenTelemetry's conventions describe calls of models. Log lines are better off without it.
fn call_span(provider: Provider, model: &str) -> Span {
    debug_span!(
        "generation.upstream",
        otel.name = format_args!("{OPERATION} {model}"),
        otel.kind = "client",
        otel.status_code = field::Empty,
        gen_ai.operation.name = OPERATION,
        gen_ai.provider.name = provider_name(provider),
        gen_ai.request.model = model,
        "gen_ai.output.type" = "image",
        gen_ai.usage.input_tokens = field::Empty,
        gen_ai.usage.output_tokens = field::Empty,
        server.address = field::Empty,
        server.port = field::Empty,
        http.response.status_code = field::Empty,
        "error.type" = field::Empty,
    )
}

/// Tells of a call how it ended.
fn describe(span: &Span, result: &Result<Drawn, CallFailure>) {
    let usage = match result {
        Ok(drawn) => drawn.usage,
        Err(failed) => failed.usage,
    };
    let number = |tokens| i64::try_from(tokens).unwrap_or(i64::MAX);
    span.record("gen_ai.usage.input_tokens", number(usage.input_tokens()));
    span.record("gen_ai.usage.output_tokens", number(usage.output_tokens()));
    if let Err(failed) = result {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", failed.ending.as_str());
    }
}

impl CallFailure {
    /// Whether it is a want of quota or capacity without a word on when there will be more.
    fn lacks_date(&self) -> bool {
        let passes = self.failure.kind == FailureKind::QuotaExhausted
            || self.ending == Ending::Sent(CallOutcome::Overloaded);
        passes && self.failure.retry_after.is_none()
    }
}

fn log(picture: u32, account: &AccountId, failed: &CallFailure, again: bool) {
    let outcome = failed.ending.as_str();
    let CallFailure { failure, detail, .. } = failed;
    warn!(picture, %account, outcome, kind = %failure.kind, detail, again, "a call drew nothing");
}
