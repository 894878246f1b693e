//! For whom a lease is, and what its call takes and costs: pure rules, the same in every store.
//!
//! A grant reserves one picture and its price. How the call ended says what it took in the end.

use domain::{CallOutcome, Client, ClientId, RequestId, Usage, catalog::Rate};

use super::{Wish, ledger::Ending};

/// What a lease was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    /// On whose behalf.
    pub(crate) client: ClientId,
    /// For which request.
    pub(crate) request: RequestId,
    /// Whether this is the lease by which the request was counted.
    pub(crate) counts: bool,
    /// What one picture is reckoned to take and cost.
    pub(crate) rate: Rate,
}

/// A part of what a client may use in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Spent {
    pub(crate) images: u32,
    pub(crate) micro_usd: u64,
}

/// What a call took, whatever its price. It is the rule as data, for stores that apply it elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reckoning {
    /// As much as was reserved: it may have been billed, and nobody knows.
    Reserved,
    /// Nothing.
    Nothing,
    /// So many pictures, and so many tokens of pictures where they were reported.
    Delivered { images: u32, image_tokens: u32 },
}

impl Order {
    /// An order of this wish.
    pub(crate) fn of(wish: &Wish, counts: bool) -> Self {
        let Wish { client: Client { id, .. }, request, rate, .. } = wish;
        Self { client: id.clone(), request: request.clone(), counts, rate: *rate }
    }

    /// What its grant reserves.
    pub(crate) fn reserved(&self) -> Spent {
        Reckoning::Reserved.spent(&self.rate)
    }

    /// What its call took.
    pub(crate) fn spent(&self, ending: &Ending) -> Spent {
        Reckoning::of(ending).spent(&self.rate)
    }
}

impl Reckoning {
    /// What is reckoned for a lease that ended so.
    pub(crate) fn of(ending: &Ending) -> Self {
        match ending {
            Ending::Settled(CallOutcome::Delivered { images, usage: Usage { output_image_tokens, .. } }) => {
                let image_tokens = u32::try_from(*output_image_tokens).unwrap_or(u32::MAX);
                Self::Delivered { images: *images, image_tokens }
            }
            Ending::Settled(CallOutcome::Ambiguous | CallOutcome::Cancelled) => Self::Reserved,
            Ending::Settled(
                CallOutcome::Declined
                | CallOutcome::Rejected
                | CallOutcome::Empty
                | CallOutcome::Throttled { .. }
                | CallOutcome::Overloaded
                | CallOutcome::CredentialRejected
                | CallOutcome::BillingClosed
                | CallOutcome::Forbidden
                | CallOutcome::Transient,
            )
            | Ending::Released => Self::Nothing,
        }
    }

    /// At this rate.
    pub(crate) fn spent(self, rate: &Rate) -> Spent {
        match self {
            Self::Reserved => Spent { images: 1, micro_usd: rate.price_micro_usd },
            Self::Nothing => Spent::default(),
            Self::Delivered { images, image_tokens } => {
                Spent { images, micro_usd: rate.price(images, image_tokens.into()) }
            }
        }
    }
}

impl Spent {
    /// With as much more.
    pub(crate) fn plus(self, more: Self) -> Self {
        Self {
            images: self.images.saturating_add(more.images),
            micro_usd: self.micro_usd.saturating_add(more.micro_usd),
        }
    }

    /// Without as much.
    pub(crate) fn minus(self, less: Self) -> Self {
        Self {
            images: self.images.saturating_sub(less.images),
            micro_usd: self.micro_usd.saturating_sub(less.micro_usd),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::Resolution;

    use super::*;

    const RATE: Rate = Rate { resolution: Resolution::K1, tokens: 1120, price_micro_usd: 134_000 };

    fn cost(outcome: CallOutcome) -> (u32, u64) {
        let Spent { images, micro_usd } = Reckoning::of(&Ending::Settled(outcome)).spent(&RATE);
        (images, micro_usd)
    }

    fn delivered(images: u32, output_image_tokens: u64) -> CallOutcome {
        CallOutcome::Delivered { images, usage: Usage { output_image_tokens, ..Usage::default() } }
    }

    #[test]
    fn what_came_is_priced_by_its_tokens_and_without_them_by_pictures() {
        assert_eq!(cost(delivered(1, 1120)), (1, 134_000));
        assert_eq!(cost(delivered(1, 560)), (1, 67_000));
        assert_eq!(cost(delivered(2, 0)), (2, 268_000));
        assert_eq!(cost(delivered(0, 0)), (0, 0));
    }

    #[test]
    fn what_may_have_been_billed_costs_what_was_reserved_and_a_refusal_nothing() {
        for unknown in [CallOutcome::Ambiguous, CallOutcome::Cancelled] {
            assert_eq!(cost(unknown), (1, 134_000));
        }
        for refusal in [CallOutcome::Declined, CallOutcome::Empty, CallOutcome::Transient] {
            assert_eq!(cost(refusal), (0, 0));
        }
    }
}
