//! Live pages: one source, told to however many browsers as server-sent events.

use std::{convert::Infallible, pin::pin, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::{
    StreamExt as _,
    future::{Either, select},
    stream,
};
use http::header;
use serde::Serialize;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::timeout,
};

/// Events that a browser may be behind before it gets the whole picture again.
const BEHIND: usize = 64;

/// The pause after which a silent feed shows that it is alive.
const ALIVE: Duration = Duration::from_secs(15);

/// What is told to every browser that follows.
#[derive(Debug)]
pub(crate) struct Feed(broadcast::Sender<Bytes>);

impl Feed {
    /// A feed that nobody follows yet.
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(BEHIND))
    }

    /// Tells everyone who follows; written once, however many they are.
    pub(crate) fn tell(&self, name: &str, data: &impl Serialize) {
        if self.0.receiver_count() > 0 {
            let _nobody = self.0.send(event(name, data));
        }
    }

    /// The answer to a browser that follows until `over`. It begins with the `whole` picture, and gets that again
    /// wherever it was too slow for all that is told.
    pub(crate) fn follow(
        &self,
        whole: impl Fn() -> Bytes + Send + Sync + 'static,
        over: impl Future<Output = ()> + Send + 'static,
    ) -> Response {
        let heard = self.0.subscribe();
        let first = Bytes::from_static(b"retry: 1000\n\n");
        let events = stream::unfold((heard, whole, true), |(mut heard, whole, fresh)| async move {
            let next = if fresh { whole() } else { next(&mut heard, &whole).await? };
            Some((next, (heard, whole, false)))
        });
        let events = stream::once(async { first }).chain(events);
        let until = events.take_until(Box::pin(over)).map(Ok::<_, Infallible>);
        let headers = [
            (header::CONTENT_TYPE, "text/event-stream"),
            (header::HeaderName::from_static("x-accel-buffering"), "no"),
        ];
        (headers, Body::from_stream(until)).into_response()
    }
}

async fn next(heard: &mut broadcast::Receiver<Bytes>, whole: &impl Fn() -> Bytes) -> Option<Bytes> {
    match timeout(ALIVE, heard.recv()).await {
        Err(_) => Some(Bytes::from_static(b": alive\n\n")),
        Ok(Ok(event)) => Some(event),
        Ok(Err(RecvError::Lagged(_))) => {
            *heard = heard.resubscribe();
            Some(whole())
        }
        Ok(Err(RecvError::Closed)) => None,
    }
}

/// An event as it is written.
pub(crate) fn event(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).expect("what is told are plain structs");
    format!("event: {name}\ndata: {data}\n\n").into()
}

/// Returns when the first of two does.
pub(crate) async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    match select(pin!(one), pin!(other)).await {
        Either::Left(_) | Either::Right(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn whoever_follows_gets_everything_first_then_changes_and_everything_again_after_falling_behind() {
        let feed = Feed::new();
        let answer = feed.follow(|| event("whole", &"all"), std::future::pending());
        feed.tell("change", &1);
        let mut body = answer.into_body();
        let mut heard = async || {
            String::from_utf8(body.frame().await.unwrap().unwrap().into_data().unwrap().to_vec()).unwrap()
        };
        assert_eq!(heard().await, "retry: 1000\n\n");
        assert_eq!(heard().await, "event: whole\ndata: \"all\"\n\n");
        assert_eq!(heard().await, "event: change\ndata: 1\n\n");
        for number in 0..2 * BEHIND {
            feed.tell("change", &number);
        }
        assert_eq!(heard().await, "event: whole\ndata: \"all\"\n\n");
        feed.tell("change", &"after");
        assert_eq!(heard().await, "event: change\ndata: \"after\"\n\n");
    }

    #[tokio::test]
    async fn a_feed_ends_with_the_session() {
        let feed = Feed::new();
        let body = feed.follow(|| event("whole", &0), std::future::ready(())).into_body();
        assert!(body.collect().await.unwrap().to_bytes().is_empty());
    }
}
