//! Leases, between wire and domain.
//!
//! `wish` is what is asked, `answer` what is granted or why not, `outcome` how a call ended, `closing` how a lease
//! goes on and ends.

mod answer;
mod closing;
mod outcome;
mod wish;

use domain::{AccountId, Failure, LeaseId};

fn lease_id(text: String) -> Result<LeaseId, Failure> {
    LeaseId::new(text).map_err(|error| Failure::invalid("lease_id", error))
}

fn account_id(field: &str, text: String) -> Result<AccountId, Failure> {
    AccountId::new(text).map_err(|error| Failure::invalid(field, error))
}
