//! Reading an answer as it arrives, never more of it than is allowed.

use std::time::Duration;

use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use super::exchange::{Broken, causes};

/// How much of an answer is read, and how patiently.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The most bytes; one more and the connection is dropped.
    pub(crate) bytes: usize,
    /// The longest wait for the next piece.
    pub(crate) idle: Duration,
    /// When the whole answer must be here.
    pub(crate) deadline: Instant,
}

/// The length that an answer announces, in bytes; nought if it does not.
fn announced(response: &Response) -> usize {
    response.content_length().map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX))
}

/// Reads a body to its end, and hands over each piece as it arrives.
pub(crate) async fn read(
    mut response: Response,
    bounds: Bounds,
    mut take: impl FnMut(&[u8]),
) -> Result<(), Broken> {
    if announced(&response) > bounds.bytes {
        return Err(Broken::TooLarge(bounds.bytes));
    }
    let mut length = 0;
    loop {
        let next = timeout_at(bounds.deadline.min(Instant::now() + bounds.idle), response.chunk());
        let overdue = || if Instant::now() >= bounds.deadline { Broken::Overtime } else { Broken::Stalled };
        let piece = next.await.map_err(|_| overdue())?;
        let Some(piece) = piece.map_err(|error| Broken::Interrupted(causes(error)))? else { return Ok(()) };
        length += piece.len();
        if length > bounds.bytes {
            return Err(Broken::TooLarge(bounds.bytes));
        }
        take(&piece);
    }
}
