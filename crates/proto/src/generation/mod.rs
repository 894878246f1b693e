//! Requests for pictures and their events, between wire and domain.

mod event;
mod request;

use domain::{Failure, FailureKind};

/// What the other side sent makes no sense to this version.
pub(crate) fn unreadable(what: &str) -> Failure {
    Failure::new(FailureKind::Internal, format!("another part of the service sent {what}"))
}
