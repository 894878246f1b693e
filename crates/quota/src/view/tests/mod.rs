//! Claims about choosing, on what a view knows, and about how it comes to know.

mod choosing;
mod following;

use domain::{
    Account, AccountId, CallOutcome, Client, ClientId, Fence, LeaseId, Limits, ManualClock, PersonGeneration,
    ProjectId, Provider, RequestId, Resolution, Settlement, Tier, Timestamp, UsageFilter, UsageTotal,
    lease::{Closing, Renewal, term},
};

use super::{field::Field, *};
use crate::{
    QueueLimits, Settings,
    chance::{Dice, Even},
    registry::{self, MemoryRegistry, RegisteredAccount, Registry as _},
    store::{
        self, Acquisition, Change, Cooling, CoolingReason, Location, MOST_CANDIDATES, Standing, StoreError,
        Survey, UsageCursor, UsagePage,
    },
};

/// Noon Pacific time: half a day is left.
const NOON: Timestamp = Timestamp::from_millis(1_800_043_200_000);
const MODEL: &str = "gemini-3-pro-image";

fn account(id: &str, project: &str, tier: Tier) -> Account {
    Account {
        id: AccountId::new(id).unwrap(),
        provider: Provider::Gemini,
        project: ProjectId::new(project).unwrap(),
        tier,
        models: vec![],
        limits: Limits::new(10, 10, 100, 10),
        enabled: true,
    }
}

const ANY: Wish<'_> =
    Wish { resolution: Resolution::K1, person_generation: PersonGeneration::Allow, excluded: &[] };
