//! `Failure` on the wire, inside messages and as a gRPC status.

use std::{error::Error as _, time::Duration};

use domain::{Failure, FailureKind};
use prost::Message as _;
use tonic::{Code, Status};

use crate::v1;

/// The standard envelope of a gRPC status with details, as `google/rpc/status.proto` defines it.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// How the details of a status name our failure.
const TYPE_URL: &str = "type.googleapis.com/tessera.v1.Failure";

/// The gRPC status that carries a failure.
pub fn status_of(failure: Failure) -> Status {
    let code = code_of(failure.kind);
    let message = failure.message.clone();
    let detail =
        prost_types::Any { type_url: TYPE_URL.to_owned(), value: v1::Failure::from(failure).encode_to_vec() };
    let details = RpcStatus { code: code.into(), message: message.clone(), details: vec![detail] };
    Status::with_details(code, message, details.encode_to_vec().into())
}

/// The failure that a gRPC status carries, or what a status without one means before anything was answered.
pub fn failure_of(status: &Status) -> Failure {
    carried_by(status).unwrap_or_else(|| bare(status))
}

/// The failure that a gRPC status carries; one that carries none came from the transport, or from a stranger.
pub fn carried_by(status: &Status) -> Option<Failure> {
    let envelope = RpcStatus::decode(status.details()).ok()?;
    let detail = envelope.details.into_iter().find(|detail| detail.type_url == TYPE_URL)?;
    v1::Failure::decode(detail.value.as_slice()).ok().map(Failure::from)
}

fn bare(status: &Status) -> Failure {
    let unreachable = matches!(
        status.code(),
        // What our certificate does not allow is denied us before a service hears of it.
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::PermissionDenied
    );
    // What nobody answered, since the connection broke, has its cause here, and may have any code.
    let broken = status.source().is_some();
    if unreachable || broken {
        Failure::new(FailureKind::Unavailable, "a part of the service cannot be reached; try again shortly")
            .retry_after(Duration::from_secs(2))
    } else {
        Failure::new(FailureKind::Internal, "the service met an error it did not expect")
    }
}

const fn code_of(kind: FailureKind) -> Code {
    match kind {
        FailureKind::InvalidRequest
        | FailureKind::MissingField
        | FailureKind::UnsupportedMediaType
        | FailureKind::PayloadTooLarge => Code::InvalidArgument,
        FailureKind::Unauthenticated => Code::Unauthenticated,
        FailureKind::UnknownModel => Code::NotFound,
        FailureKind::ContentPolicy | FailureKind::NoAccount => Code::FailedPrecondition,
        FailureKind::QuotaExhausted | FailureKind::BeyondLimit => Code::ResourceExhausted,
        FailureKind::UpstreamOverloaded | FailureKind::Unavailable => Code::Unavailable,
        FailureKind::UpstreamTimeout => Code::DeadlineExceeded,
        FailureKind::UpstreamInterrupted => Code::Aborted,
        FailureKind::UpstreamMalformed => Code::DataLoss,
        FailureKind::UpstreamRejected | FailureKind::NoImage => Code::Unknown,
        FailureKind::Internal => Code::Internal,
    }
}

impl From<FailureKind> for v1::FailureKind {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::InvalidRequest => Self::InvalidRequest,
            FailureKind::MissingField => Self::MissingField,
            FailureKind::Unauthenticated => Self::Unauthenticated,
            FailureKind::UnknownModel => Self::UnknownModel,
            FailureKind::PayloadTooLarge => Self::PayloadTooLarge,
            FailureKind::UnsupportedMediaType => Self::UnsupportedMediaType,
            FailureKind::ContentPolicy => Self::ContentPolicy,
            FailureKind::QuotaExhausted => Self::QuotaExhausted,
            FailureKind::BeyondLimit => Self::BeyondLimit,
            FailureKind::NoAccount => Self::NoAccount,
            FailureKind::UpstreamOverloaded => Self::UpstreamOverloaded,
            FailureKind::UpstreamRejected => Self::UpstreamRejected,
            FailureKind::UpstreamMalformed => Self::UpstreamMalformed,
            FailureKind::NoImage => Self::NoImage,
            FailureKind::UpstreamTimeout => Self::UpstreamTimeout,
            FailureKind::UpstreamInterrupted => Self::UpstreamInterrupted,
            FailureKind::Unavailable => Self::Unavailable,
            FailureKind::Internal => Self::Internal,
        }
    }
}

impl From<v1::FailureKind> for FailureKind {
    /// A kind that this version does not know is a fault of ours.
    fn from(kind: v1::FailureKind) -> Self {
        Self::ALL.into_iter().find(|known| v1::FailureKind::from(*known) == kind).unwrap_or(Self::Internal)
    }
}

impl From<Failure> for v1::Failure {
    fn from(failure: Failure) -> Self {
        Self {
            kind: v1::FailureKind::from(failure.kind).into(),
            message: failure.message,
            field: failure.field.unwrap_or_default(),
            retry_after_ms: failure.retry_after.map(millis),
        }
    }
}

impl From<v1::Failure> for Failure {
    fn from(failure: v1::Failure) -> Self {
        Self {
            kind: failure.kind().into(),
            message: failure.message,
            field: Some(failure.field).filter(|field| !field.is_empty()),
            retry_after: failure.retry_after_ms.map(Duration::from_millis),
        }
    }
}

/// Whole milliseconds, as durations travel.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_survives_the_journey_as_a_status() {
        for kind in FailureKind::ALL {
            let failure = Failure { field: Some("size".into()), ..Failure::new(kind, "what and why") }
                .retry_after(Duration::from_millis(1_500));
            assert_eq!(failure_of(&status_of(failure.clone())), failure);
        }
    }

    #[test]
    fn a_status_without_details_is_told_by_its_code() {
        assert_eq!(failure_of(&Status::unavailable("connect")).kind, FailureKind::Unavailable);
        assert_eq!(failure_of(&Status::permission_denied("by whom")).kind, FailureKind::Unavailable);
        assert_eq!(failure_of(&Status::unknown("boom")).kind, FailureKind::Internal);
    }

    #[test]
    fn a_connection_that_broke_is_no_fault_of_the_service() {
        let broken = Status::from_error(Box::new(std::io::Error::other("connection reset")));
        assert_eq!(broken.code(), Code::Unknown);
        assert_eq!(failure_of(&broken).kind, FailureKind::Unavailable);
    }
}
