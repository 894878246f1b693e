//! One request on its way, to another replica where the first did not begin with it.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Request, Response, Uri, header::USER_AGENT, request::Parts};
use tokio::time::Instant;
use tonic::{ConnectError, body::Body};
use tower::BoxError;

use super::{connection::Lost, deadline::set_deadline, letter::Letter, pool::Pool, replica::Replica};

/// How often a request may be sent. Each further time means that a replica went away in just that moment.
const MOST: usize = 5;

/// How we are called.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("tessera/", env!("CARGO_PKG_VERSION")));

/// Sends a request, up to the headers of its answer.
pub(super) async fn send(
    pool: Arc<Pool>,
    request: Request<Body>,
    patience: Option<Duration>,
) -> Result<Response<Body>, BoxError> {
    let begun = Instant::now();
    let (mut parts, body) = request.into_parts();
    parts.headers.insert(USER_AGENT, AGENT);
    let mut letter = Letter::of(body)?;
    for _ in 1..MOST {
        let copy = letter.again();
        match attempt(&pool, parts.clone(), letter).await? {
            Ok(answer) => return Ok(answer),
            Err(lost @ Lost::Perhaps(_)) => return Err(lost.into()),
            Err(lost @ Lost::Unbegun(_)) => letter = copy.ok_or(lost)?,
        }
        if let Some(patience) = patience {
            set_deadline(&mut parts.headers, patience.saturating_sub(begun.elapsed()));
        }
    }
    Ok(attempt(&pool, parts, letter).await??)
}

/// Sends it once. It is an error that nobody can be asked, and another that it was lost.
async fn attempt(
    pool: &Arc<Pool>,
    mut parts: Parts,
    letter: Letter,
) -> Result<Result<Response<Body>, Lost>, BoxError> {
    let (seat, mut connection) = pool.seat().await.map_err(|error| ConnectError(error.into()))?;
    parts.uri = at(seat.replica(), &parts.uri)?;
    Ok(match connection.send(Request::from_parts(parts, letter)).await {
        Ok(answer) => Ok(seat.until_the_end_of(answer).map(Body::new)),
        Err(lost) => {
            if let Lost::Unbegun(_) = lost {
                seat.replica().lose();
                pool.doubt();
            }
            Err(lost)
        }
    })
}

fn at(replica: &Replica, uri: &Uri) -> Result<Uri, http::uri::InvalidUriParts> {
    let mut parts = uri.clone().into_parts();
    parts.scheme = Some(replica.scheme());
    parts.authority = Some(replica.address.authority.clone());
    Uri::from_parts(parts)
}
