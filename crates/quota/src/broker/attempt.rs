//! One attempt to be granted what is wished for now.

use domain::{
    Failure, Grant, Lease, Timestamp,
    lease::{Acquired, LeaseRequest, Shortage},
};

use super::{Broker, unavailable};
use crate::{
    policy,
    roster::InForce,
    store::{Acquisition, Candidate, Wish},
    view::Choice,
};

/// How often the store is asked at the most. Each refusal brings the view up to date, so that the next candidates are
/// others; it takes several only where other services take what is free at the same moment.
const TRIES: usize = 6;

impl Broker {
    /// Grants a lease for every id, or says why not. A refusal is believed once the view agrees with it: as long as it
    /// does not, the view is behind or somebody was faster, and the next best candidates are tried.
    pub(super) async fn attempt(&self, request: &LeaseRequest) -> Result<Acquired, Failure> {
        let mut refused = None;
        let mut surveyed = false;
        for tried in 0..TRIES {
            let mut choice = self.choose(request).await?;
            if refused.is_some() && !promises(&choice, request) && !surveyed {
                self.survey(&choice).await?;
                surveyed = true;
                choice = self.choose(request).await?;
            }
            if choice.candidates.is_empty() {
                return Ok(Acquired::Refused(Shortage::NoAccount));
            }
            if !promises(&choice, request)
                && let Some(shortage) = refused
            {
                return Ok(Acquired::Refused(if choice.shut_out { Shortage::NoAccount } else { shortage }));
            }
            match self.try_on(&choice.candidates, request).await? {
                Acquired::Refused(shortage @ Shortage::Limited { .. }) => refused = Some(shortage),
                answer => return Ok(answer),
            }
            if promises(&choice, request) {
                self.learn(&choice, tried > 0).await?;
            }
        }
        Ok(Acquired::Refused(refused.unwrap_or(Shortage::NoAccount)))
    }

    async fn choose(&self, request: &LeaseRequest) -> Result<Choice, Failure> {
        let (model, _) = self.resolve(request)?;
        let wish = policy::Wish {
            resolution: request.resolution,
            person_generation: request.person_generation,
            excluded: &request.excluded,
        };
        self.view.choose(&model.name, wish).await.map_err(unavailable)
    }

    async fn try_on(&self, candidates: &[Candidate], request: &LeaseRequest) -> Result<Acquired, Failure> {
        let (_, rate) = self.resolve(request)?;
        let in_force = self.roster.current();
        let wish = Wish {
            ids: request.ids.clone(),
            candidates: candidates.to_vec(),
            request: request.request.clone(),
            client: in_force.clients.named(&request.client),
            rate,
            known_fence: request.known_fence,
        };
        match self.store.acquire(&wish).await.map_err(unavailable)? {
            Acquisition::Granted { now, leases } => {
                self.view.charge(&leases);
                self.usual.granted(&leases);
                let grants = leases.into_iter().map(|lease| grant(lease, now, &in_force));
                Ok(Acquired::Granted(grants.collect()))
            }
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

    /// Brings the view up to date where it promised what the store refused: on these candidates, and where that was
    /// not enough, on all.
    async fn learn(&self, choice: &Choice, of_all: bool) -> Result<(), Failure> {
        if let Some(first) = choice.candidates.first() {
            self.view.ask(&first.domain.model, &choice.candidates).await.map_err(unavailable)?;
        }
        if of_all { self.survey(choice).await } else { Ok(()) }
    }

    async fn survey(&self, choice: &Choice) -> Result<(), Failure> {
        match choice.candidates.first() {
            Some(first) => self.view.survey(&first.domain.model).await.map_err(unavailable),
            None => Ok(()),
        }
    }
}

/// Whether the view knows of room for all that is wished for.
fn promises(choice: &Choice, request: &LeaseRequest) -> bool {
    choice.room as usize >= request.ids.len()
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
