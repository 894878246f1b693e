//! How leases go on and how they end.

use std::time::Duration;

use domain::{
    Failure, Fence, LeaseId, Settlement,
    lease::{Closing, Renewal},
};

use super::lease_id;
use crate::{failure::millis, generation::unreadable, v1};

impl v1::RenewRequest {
    /// The lease and the fence it is held with.
    pub fn parse(self) -> Result<(LeaseId, Fence), Failure> {
        Ok((lease_id(self.lease_id)?, Fence(self.fence)))
    }
}

impl v1::ReleaseRequest {
    /// The lease and the fence it is held with.
    pub fn parse(self) -> Result<(LeaseId, Fence), Failure> {
        Ok((lease_id(self.lease_id)?, Fence(self.fence)))
    }
}

impl v1::SettleRequest {
    /// That a call ended so, on this lease, held with this fence.
    pub fn new(id: &LeaseId, fence: Fence, settlement: Settlement) -> Self {
        let Settlement { outcome, sent_after } = settlement;
        Self {
            lease_id: id.to_string(),
            fence: fence.0,
            outcome: Some(outcome.into()),
            sent_after_ms: sent_after.map(millis),
        }
    }

    /// The lease, the fence it is held with, and how the call ended.
    pub fn parse(self) -> Result<(LeaseId, Fence, Settlement), Failure> {
        let outcome = self.outcome.ok_or_else(|| Failure::missing("outcome"))?.try_into()?;
        let sent_after = self.sent_after_ms.map(Duration::from_millis);
        Ok((lease_id(self.lease_id)?, Fence(self.fence), Settlement { outcome, sent_after }))
    }
}

impl From<Renewal> for v1::RenewResponse {
    fn from(renewal: Renewal) -> Self {
        match renewal {
            Renewal::Active { expires_in } => Self { expires_in_ms: Some(millis(expires_in)) },
            Renewal::Ended => Self { expires_in_ms: None },
        }
    }
}

impl From<v1::RenewResponse> for Renewal {
    fn from(wire: v1::RenewResponse) -> Self {
        wire.expires_in_ms.map_or(Self::Ended, |ms| Self::Active { expires_in: Duration::from_millis(ms) })
    }
}

impl From<Closing> for v1::CloseResponse {
    fn from(closing: Closing) -> Self {
        use v1::close_response::Closing as Wire;
        let closing = match closing {
            Closing::Closed => Wire::Closed,
            Closing::Duplicate => Wire::Duplicate,
            Closing::Conflict => Wire::Conflict,
            Closing::Late => Wire::Late,
            Closing::Fenced => Wire::Fenced,
            Closing::Unknown => Wire::Unknown,
        };
        Self { closing: closing.into() }
    }
}

impl TryFrom<v1::CloseResponse> for Closing {
    type Error = Failure;

    fn try_from(wire: v1::CloseResponse) -> Result<Self, Failure> {
        use v1::close_response::Closing as Wire;
        Ok(match wire.closing() {
            Wire::Closed => Self::Closed,
            Wire::Duplicate => Self::Duplicate,
            Wire::Conflict => Self::Conflict,
            Wire::Late => Self::Late,
            Wire::Fenced => Self::Fenced,
            Wire::Unknown => Self::Unknown,
            Wire::Unspecified => return Err(unreadable("no word on how a lease was closed")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_closing_survives_the_journey() {
        for closing in [
            Closing::Closed,
            Closing::Duplicate,
            Closing::Conflict,
            Closing::Late,
            Closing::Fenced,
            Closing::Unknown,
        ] {
            assert_eq!(Closing::try_from(v1::CloseResponse::from(closing)), Ok(closing));
        }
    }
}
