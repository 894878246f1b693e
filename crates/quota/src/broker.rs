//! The use case: from a wish for leases to grants on the best accounts there are.

use std::{sync::Arc, time::Duration};

use domain::{
    Account, Catalog, Failure, FailureKind, Fence, Grant, ImageCount, Lease, LeaseId, Model, QuotaDomain,
    Resolution, Settlement, Timestamp,
    lease::{Acquired, Closing, LeaseRequest, Renewal, Shortage},
};

use crate::{
    policy::{self, Contender},
    roster::{InForce, Roster},
    store::{Acquisition, Candidate, CoolingReason, Standing, Store, StoreError, Wish},
};

/// When to ask again while the store does not answer.
const STORE_DOWN: Duration = Duration::from_secs(2);

/// Leases the operator's accounts.
pub(crate) struct Broker {
    roster: Arc<Roster>,
    catalog: Arc<Catalog>,
    store: Arc<dyn Store>,
}

impl Broker {
    /// A broker of the accounts to the clients of this roster, over this store.
    pub(crate) fn new(roster: Arc<Roster>, catalog: Arc<Catalog>, store: Arc<dyn Store>) -> Self {
        Self { roster, catalog, store }
    }

    /// Grants a lease for every id, or says why not.
    pub(crate) async fn acquire(&self, request: &LeaseRequest) -> Result<Acquired, Failure> {
        if request.ids.len() > ImageCount::MOST as usize {
            return Err(Failure::invalid("lease_ids", format!("must be at most {}", ImageCount::MOST)));
        }
        let model = self.catalog.find(&request.model).ok_or_else(|| self.unknown_model(&request.model))?;
        let rate = model.rate(request.resolution).ok_or_else(|| not_drawn(model, request.resolution))?;
        let in_force = self.roster.current();
        let Field { candidates, shut_out } = self.field(request, model, &in_force).await?;
        if candidates.is_empty() {
            return Ok(Acquired::Refused(Shortage::NoAccount));
        }
        let wish = Wish {
            ids: request.ids.clone(),
            candidates,
            request: request.request.clone(),
            client: in_force.clients.named(&request.client),
            rate,
        };
        match self.store.acquire(&wish).await.map_err(unavailable)? {
            Acquisition::Granted { now, leases } => {
                let grants = leases.into_iter().map(|lease| grant(lease, now, &in_force));
                Ok(Acquired::Granted(grants.collect()))
            }
            Acquisition::Limited { .. } if shut_out => Ok(Acquired::Refused(Shortage::NoAccount)),
            Acquisition::Limited { retry_after, at_most, scarcity } => {
                Ok(Acquired::Refused(Shortage::Limited { retry_after, at_most, scarcity }))
            }
            Acquisition::ClientLimited { limit, retry_after } => {
                Ok(Acquired::Refused(Shortage::ClientLimited { limit, retry_after }))
            }
            Acquisition::Mixed { known } => Err(Failure::invalid(
                "lease_ids",
                format!("`{known}` was granted before and others were not; name new leases by new ids"),
            )),
        }
    }

    /// Prolongs a lease that is still active.
    pub(crate) async fn renew(&self, id: &LeaseId, fence: Fence) -> Result<Renewal, Failure> {
        self.store.renew(id, fence).await.map_err(unavailable)
    }

    /// Notes how a leased call ended.
    pub(crate) async fn settle(
        &self,
        id: &LeaseId,
        fence: Fence,
        settlement: &Settlement,
    ) -> Result<Closing, Failure> {
        self.store.settle(id, fence, settlement).await.map_err(unavailable)
    }

    /// Takes back a lease on which nothing was sent.
    pub(crate) async fn release(&self, id: &LeaseId, fence: Fence) -> Result<Closing, Failure> {
        self.store.release(id, fence).await.map_err(unavailable)
    }

    async fn field(
        &self,
        request: &LeaseRequest,
        model: &Model,
        in_force: &InForce,
    ) -> Result<Field, Failure> {
        let accounts: Vec<_> = in_force.accounts.serving(model, &request.excluded).collect();
        let candidates: Vec<_> = accounts.iter().map(|account| candidate(account, model)).collect();
        if candidates.is_empty() {
            return Ok(Field { candidates, shut_out: true });
        }
        let survey = self.store.standing(&candidates).await.map_err(unavailable)?;
        let shut_out = survey.standings.iter().all(is_shut_out);
        let standings = accounts.iter().zip(candidates).zip(survey.standings);
        let contenders = standings.map(|((account, candidate), standing)| Contender {
            candidate,
            tier: account.tier,
            standing,
        });
        let wish =
            policy::Wish { resolution: request.resolution, person_generation: request.person_generation };
        Ok(Field { candidates: policy::rank(contenders.collect(), wish, survey.now), shut_out })
    }

    fn unknown_model(&self, name: &str) -> Failure {
        let name: String = name.chars().take(80).collect();
        let known = self.catalog.names().join(", ");
        Failure::new(FailureKind::UnknownModel, format!("there is no model `{name}`; known are {known}"))
    }
}

/// The accounts that may serve a wish.
struct Field {
    /// Those that are to be tried, best first.
    candidates: Vec<Candidate>,
    /// Whether the provider refuses every one of them, so that waiting is no remedy.
    shut_out: bool,
}

fn is_shut_out(standing: &Standing) -> bool {
    let reason = standing.cooling.map(|cooling| cooling.reason);
    matches!(
        reason,
        Some(CoolingReason::CredentialRejected | CoolingReason::BillingClosed | CoolingReason::Forbidden)
    )
}

fn candidate(account: &Account, model: &Model) -> Candidate {
    let domain = QuotaDomain {
        provider: account.provider,
        project: account.project.clone(),
        model: model.name.clone(),
    };
    Candidate { account: account.id.clone(), domain, limits: account.limits }
}

fn not_drawn(model: &Model, resolution: Resolution) -> Failure {
    let has = domain::aspect_ratio::list(&model.resolutions().collect::<Vec<_>>());
    Failure::invalid("resolution", format!("`{}` does not draw {resolution}; it draws {has}", model.name))
}

/// The lease as its holder sees it, who shares no clock with the store.
fn grant(lease: Lease, now: Timestamp, in_force: &InForce) -> Grant {
    Grant {
        credential: in_force.accounts.credential(&lease.account),
        start_within: lease.start_by.since(now),
        expires_in: lease.expires_at.since(now),
        id: lease.id,
        account: lease.account,
        domain: lease.domain,
        fence: lease.fence,
    }
}

/// Without its store the service grants nothing: quota that cannot be counted is not spent.
#[expect(clippy::needless_pass_by_value, reason = "it ends the error's way, as `map_err` hands it over")]
fn unavailable(error: StoreError) -> Failure {
    tracing::error!(%error, "the ledger did not answer");
    let retry_after = match error {
        StoreError::Learning { retry_after } => retry_after,
        _ => STORE_DOWN,
    };
    Failure::new(FailureKind::Unavailable, "leases cannot be counted at the moment; try again shortly")
        .retry_after(retry_after)
}

#[cfg(test)]
mod tests {
    use domain::{
        AccountId, CallOutcome, ClientId, Clock, Limits, ManualClock, PersonGeneration, ProjectId, Provider,
        RequestId, Resolution, Tier, lease::term,
    };

    use tokio::sync::broadcast;

    use super::*;
    use crate::{
        Settings,
        registry::MemoryRegistry,
        store::{self, Change, Location, Survey},
    };

    fn account(id: &str, project: &str, concurrent: u32) -> Account {
        Account {
            id: AccountId::new(id).unwrap(),
            provider: Provider::Gemini,
            project: ProjectId::new(project).unwrap(),
            tier: Tier::Pro,
            models: vec![],
            limits: Limits::new(10, 10, 100, concurrent),
            enabled: true,
        }
    }

    fn broker(accounts: Vec<Account>, store: Arc<dyn Store>) -> Broker {
        let catalog = Arc::new(Catalog::builtin());
        let settings = Settings { accounts, clients: vec![], pepper: "sixteen bytes or more".into() };
        let registry = Arc::new(MemoryRegistry::new());
        let roster = Roster::new(settings, Arc::clone(&catalog), registry).unwrap();
        Broker::new(Arc::new(roster), catalog, store)
    }

    async fn over_memory(accounts: Vec<Account>) -> Broker {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
        broker(accounts, store::open(&Location::Memory, clock).await.unwrap())
    }

    fn wish(count: u32, attempt: u32, excluded: &[&str]) -> LeaseRequest {
        let id = |picture| LeaseId::new(format!("r/{picture}/{attempt}")).unwrap();
        LeaseRequest {
            ids: (0..count).map(id).collect(),
            request: RequestId::new("r").unwrap(),
            client: ClientId::new("studio").unwrap(),
            model: "gemini-3-pro-image".into(),
            resolution: Resolution::K1,
            excluded: excluded.iter().map(|id| AccountId::new(*id).unwrap()).collect(),
            person_generation: PersonGeneration::Allow,
            patience: Duration::ZERO,
        }
    }

    fn accounts_of(acquired: Acquired) -> Vec<String> {
        match acquired {
            Acquired::Granted(grants) => grants.into_iter().map(|grant| grant.account.to_string()).collect(),
            Acquired::Refused(shortage) => panic!("refused: {shortage:?}"),
        }
    }

    #[tokio::test]
    async fn a_wish_for_several_spreads_over_accounts_and_avoids_those_excluded() {
        let broker =
            over_memory(vec![account("a", "p1", 9), account("b", "p2", 9), account("c", "p3", 9)]).await;
        let granted = accounts_of(broker.acquire(&wish(4, 0, &["b"])).await.unwrap());
        assert_eq!(granted, ["a", "c", "a", "c"]);
    }

    #[tokio::test]
    async fn grants_tell_time_from_when_they_were_asked() {
        let broker = over_memory(vec![account("a", "p1", 9)]).await;
        let Acquired::Granted(grants) = broker.acquire(&wish(1, 0, &[])).await.unwrap() else {
            panic!("refused");
        };
        assert_eq!((grants[0].start_within, grants[0].expires_in), (term::START, term::LEASE));
        assert_eq!(grants[0].domain.model, "gemini-3-pro-image");
    }

    #[tokio::test]
    async fn without_an_account_for_the_model_nothing_can_be_awaited() {
        let broker = over_memory(vec![account("a", "p1", 9)]).await;
        let refused = broker.acquire(&wish(1, 0, &["a"])).await.unwrap();
        assert_eq!(refused, Acquired::Refused(Shortage::NoAccount));
    }

    #[tokio::test]
    async fn accounts_that_the_provider_refuses_are_no_matter_of_waiting() {
        let broker = over_memory(vec![account("a", "p1", 9), account("b", "p2", 9)]).await;
        for (attempt, outcome) in [CallOutcome::CredentialRejected, CallOutcome::Forbidden].iter().enumerate()
        {
            let Acquired::Granted(grants) =
                broker.acquire(&wish(1, u32::try_from(attempt).unwrap(), &[])).await.unwrap()
            else {
                panic!("one account is still good");
            };
            broker.settle(&grants[0].id, grants[0].fence, &outcome.clone().into()).await.unwrap();
        }
        let refused = broker.acquire(&wish(1, 2, &[])).await.unwrap();
        assert_eq!(refused, Acquired::Refused(Shortage::NoAccount));
    }

    #[tokio::test]
    async fn a_wish_larger_than_can_ever_be_held_is_told_how_far_to_split() {
        let broker = over_memory(vec![account("a", "p1", 2), account("b", "p2", 1)]).await;
        let refused = broker.acquire(&wish(4, 0, &[])).await.unwrap();
        assert!(matches!(refused, Acquired::Refused(Shortage::Limited { at_most: 3, .. })), "{refused:?}");
        assert_eq!(accounts_of(broker.acquire(&wish(3, 1, &[])).await.unwrap()).len(), 3);
    }

    #[tokio::test]
    async fn an_unknown_model_and_unusable_ids_are_refused_by_name() {
        let broker = over_memory(vec![account("a", "p1", 9)]).await;
        let unknown = LeaseRequest { model: "dall-e-3".into(), ..wish(1, 0, &[]) };
        let failure = broker.acquire(&unknown).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::UnknownModel);
        assert!(failure.message.contains("dall-e-3") && failure.message.contains("gemini-3-pro-image"));
        let failure = broker.acquire(&wish(11, 0, &[])).await.unwrap_err();
        assert_eq!(failure.field.as_deref(), Some("lease_ids"));
        broker.acquire(&wish(1, 2, &[])).await.unwrap();
        let failure = broker.acquire(&wish(2, 2, &[])).await.unwrap_err();
        assert_eq!(failure.field.as_deref(), Some("lease_ids"));
        assert!(failure.message.contains("`r/0/2`"), "{failure}");
    }

    /// A store whose medium is gone.
    struct Broken;

    #[async_trait::async_trait]
    impl Store for Broken {
        async fn acquire(&self, _: &Wish) -> Result<Acquisition, StoreError> {
            Err(StoreError::Closed)
        }
        async fn renew(&self, _: &LeaseId, _: Fence) -> Result<Renewal, StoreError> {
            Err(StoreError::Closed)
        }
        async fn settle(&self, _: &LeaseId, _: Fence, _: &Settlement) -> Result<Closing, StoreError> {
            Err(StoreError::Closed)
        }
        async fn release(&self, _: &LeaseId, _: Fence) -> Result<Closing, StoreError> {
            Err(StoreError::Closed)
        }
        async fn expire(&self) -> Result<Vec<Lease>, StoreError> {
            Err(StoreError::Closed)
        }
        async fn standing(&self, _: &[Candidate]) -> Result<Survey, StoreError> {
            Err(StoreError::Closed)
        }
        fn changes(&self) -> broadcast::Receiver<Change> {
            broadcast::Sender::new(1).subscribe()
        }
    }

    #[tokio::test]
    async fn without_its_store_it_grants_nothing_and_says_when_to_ask_again() {
        let broker = broker(vec![account("a", "p1", 9)], Arc::new(Broken));
        let id = LeaseId::new("r/0/0").unwrap();
        let acquired = broker.acquire(&wish(1, 0, &[])).await.unwrap_err();
        let settled = broker.settle(&id, Fence(1), &CallOutcome::Empty.into()).await.unwrap_err();
        for failure in [acquired, settled] {
            assert_eq!(failure.kind, FailureKind::Unavailable);
            assert_eq!(failure.retry_after, Some(STORE_DOWN));
        }
    }
}
