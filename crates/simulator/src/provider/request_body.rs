//! Reading what a client sends.

use axum::body::Body;
use futures_util::StreamExt as _;

use super::rpc::Refusal;

/// The largest request that is taken.
const LIMIT: usize = 20 << 20;
/// How much of a larger one is read and thrown away, so that its sender comes to read the answer.
const PATIENCE: usize = 512 << 20;

/// Reads the whole body, unless it is too large.
pub(super) async fn read(body: Body) -> Result<Vec<u8>, Refusal> {
    let mut pieces = body.into_data_stream();
    let mut read = Vec::new();
    let mut length = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Refusal::invalid("The request body could not be read."))?;
        length += piece.len();
        if length <= LIMIT {
            read.extend_from_slice(&piece);
        } else {
            read = Vec::new();
        }
        if length > PATIENCE {
            break;
        }
    }
    if length > LIMIT {
        return Err(Refusal::invalid(format!("Request payload size exceeds the limit: {LIMIT} bytes.")));
    }
    Ok(read)
}
