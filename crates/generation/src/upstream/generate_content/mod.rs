//! The method `generateContent`, which both of Google's services have.
//!
//! Here is what they share: what is sent (`request`), what a good answer holds (`response`), what a bad one means
//! (`error`), and one exchange of the two. A service adds its address and its credentials.

mod error;
mod request;
mod response;

use reqwest::{
    Client, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use tokio::time::Instant;
use tracing::Span;

use super::{
    Call, CallFailure, Drawn, Timeouts, body, client, exchange::exchange, lifter::Lifter, tiles::Stock,
};
use crate::SettingsError;

pub(super) use request::encode;

/// An error's body is read up to here, in bytes.
const ERROR_LIMIT: usize = 256 << 10;

/// Whoever answers the method. Clones share their connections and their tiles.
#[derive(Clone)]
pub(crate) struct Service {
    client: Client,
    timeouts: Timeouts,
    answer_limit_bytes: usize,
    stock: Stock,
}

/// An answer whose head is here.
pub(super) struct Answer {
    response: Response,
    deadline: Instant,
}

impl Service {
    /// A service that may take so long, and answer so much.
    pub(crate) fn new(timeouts: Timeouts, answer_limit_bytes: usize) -> Result<Self, SettingsError> {
        let client = client::build(&timeouts)?;
        Ok(Self { client, timeouts, answer_limit_bytes, stock: Stock::default() })
    }

    /// The client that it is called with.
    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a call to this address, with the credential in this header.
    pub(super) async fn ask(
        &self,
        url: Url,
        (name, credential): (HeaderName, &HeaderValue),
        call: &Call,
    ) -> Result<Answer, CallFailure> {
        let deadline = call.deadline.min(Instant::now() + self.timeouts.total);
        let span = Span::current();
        span.record("server.address", url.host_str());
        // As numbers: what is unsigned would be told as text.
        span.record("server.port", url.port_or_known_default().map(i64::from));
        let request =
            self.client.post(url).header(name, credential.clone()).header(CONTENT_TYPE, "application/json");
        let first_byte = deadline.min(Instant::now() + self.timeouts.first_byte);
        let response = exchange(request, call, first_byte).await?;
        span.record("http.response.status_code", i64::from(response.status().as_u16()));
        if let Some(track) = &call.track {
            track.answers();
        }
        Ok(Answer { response, deadline })
    }

    /// The picture of an answer, or what its lack means. `secret` is shown in no log.
    pub(super) async fn read(&self, answer: Answer, call: &Call, secret: &str) -> Result<Drawn, CallFailure> {
        let Answer { response, deadline } = answer;
        let status = response.status();
        let bounds = |bytes| body::Bounds { bytes, idle: self.timeouts.idle, deadline };
        if status != StatusCode::OK {
            // The status alone says enough, should the rest not come.
            let mut body = Vec::new();
            let _ = body::read(response, bounds(ERROR_LIMIT), |piece| body.extend_from_slice(piece)).await;
            let failure = error::read(status, &body, &call.model);
            return Err(CallFailure { detail: without(&failure.detail, secret), ..failure });
        }
        let mut lifter = Lifter::new(self.stock.clone());
        body::read(response, bounds(self.answer_limit_bytes), |piece| lifter.push(piece)).await?;
        response::read(lifter.finish())
    }
}

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }
}

/// Google repeats a key in some of its messages, such as those on suspended consumers.
fn without(text: &str, secret: &str) -> String {
    if secret.is_empty() { text.to_owned() } else { text.replace(secret, "[key]") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_in_no_detail() {
        assert_eq!(
            without("consumer 'api_key:AIzaSecret' is suspended", "AIzaSecret"),
            "consumer 'api_key:[key]' is suspended"
        );
        assert_eq!(without("no secret", ""), "no secret");
    }
}
