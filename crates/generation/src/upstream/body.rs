//! Reading an answer into one buffer, never more of it than is allowed.

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

/// The whole body. Where the answer says its length the buffer has exactly that.
pub(crate) async fn read(mut response: Response, bounds: Bounds) -> Result<Vec<u8>, Broken> {
    let announced = response.content_length().unwrap_or_default();
    let announced = usize::try_from(announced).unwrap_or(usize::MAX);
    if announced > bounds.bytes {
        return Err(Broken::TooLarge(bounds.bytes));
    }
    let mut body = Vec::with_capacity(announced);
    loop {
        let next = timeout_at(bounds.deadline.min(Instant::now() + bounds.idle), response.chunk());
        let overdue = || if Instant::now() >= bounds.deadline { Broken::Overtime } else { Broken::Stalled };
        let piece = next.await.map_err(|_| overdue())?;
        let Some(piece) = piece.map_err(|error| Broken::Interrupted(causes(error)))? else { return Ok(body) };
        if body.len() + piece.len() > bounds.bytes {
            return Err(Broken::TooLarge(bounds.bytes));
        }
        make_room(&mut body, piece.len());
        body.extend_from_slice(&piece);
    }
}

/// Grows by a quarter rather than by doubling: of a large answer, little is held in vain.
fn make_room(body: &mut Vec<u8>, piece: usize) {
    if body.capacity() - body.len() < piece {
        body.reserve_exact(piece.max(body.len() / 4).max(64 << 10));
    }
}
