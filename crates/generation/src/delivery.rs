//! The order of events, whatever order pictures come in.
//!
//! Pictures are never interleaved: one that is ready waits until the one before it is wholly on its way. As
//! long as no picture was delivered, failures are held back; if all fail, the request fails with the first of
//! them instead of any event. A request that gathers holds everything back until every outcome is known.

use std::iter;

use bytes::Bytes;
use domain::{Enforcement, Failure, FailureKind, GenerationEvent, ImageHead, Usage};
use tokio::sync::mpsc;

use crate::{picture::Picture, upstream::Drawn};

/// An event, or the end of a request that failed as a whole.
pub(crate) type Event = Result<GenerationEvent, Failure>;

/// What is handed over at once.
#[derive(Debug)]
pub(crate) enum Parcel {
    /// One event.
    Event(Event),
    /// All events of a picture: its head, and its tiles in order.
    Picture(ImageHead, Vec<Bytes>),
}

/// Nobody reads any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HungUp;

/// How many pictures came, and how many did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) delivered: u32,
    pub(crate) failed: u32,
    /// What was told where none came.
    pub(crate) failure: Option<FailureKind>,
}

/// Delivers the pictures of one request.
pub(crate) struct Delivery {
    parcels: mpsc::Sender<Parcel>,
    gather: bool,
    held_back: Vec<(u32, Drawn)>,
    failures: Vec<(u32, Failure)>,
    tally: Tally,
    usage: Usage,
    /// How people were kept out of the pictures that came, at the least.
    people: Option<Enforcement>,
    started: bool,
}

impl Parcel {
    /// Its events, in order. Each tile is freed as it leaves.
    pub(crate) fn events(self) -> impl Iterator<Item = Event> {
        let (first, tiles, last) = match self {
            Self::Event(event) => (event, Vec::new(), None),
            Self::Picture(head, tiles) => {
                let finished = GenerationEvent::ImageFinished { index: head.index };
                (Ok(GenerationEvent::ImageStarted(head)), tiles, Some(Ok(finished)))
            }
        };
        let chunks = tiles.into_iter().map(|tile| Ok(GenerationEvent::ImageChunk(tile)));
        iter::once(first).chain(chunks).chain(last)
    }
}

impl Delivery {
    /// A delivery to whoever reads these parcels.
    pub(crate) fn new(parcels: mpsc::Sender<Parcel>, gather: bool) -> Self {
        Self {
            parcels,
            gather,
            held_back: Vec::new(),
            failures: Vec::new(),
            tally: Tally::default(),
            usage: Usage::default(),
            people: None,
            started: false,
        }
    }

    /// Says that the request has its accounts, or its place among those who wait for one. What fails before fails
    /// without another word, so that whoever asked can still answer with a status of its own.
    pub(crate) async fn start(&mut self) -> Result<(), HungUp> {
        if std::mem::replace(&mut self.started, true) {
            return Ok(());
        }
        self.send(GenerationEvent::Started).await
    }

    /// Says that the request waits for an account.
    pub(crate) async fn queued(&mut self) -> Result<(), HungUp> {
        self.start().await?;
        self.send(GenerationEvent::Queued).await
    }

    /// Takes what came of one picture, and delivers what may be delivered.
    pub(crate) async fn take(&mut self, picture: Picture) -> Result<(), HungUp> {
        let Picture { index, result, wasted, people } = picture;
        self.usage += wasted;
        match result {
            Ok(drawn) => {
                self.usage += drawn.usage;
                self.people = self.people.into_iter().chain(people).min();
                self.tally.delivered += 1;
                self.held_back.push((index, drawn));
            }
            Err(failure) => {
                self.tally.failed += 1;
                self.failures.push((index, failure));
            }
        }
        if self.gather || self.tally.delivered == 0 { Ok(()) } else { self.flush().await }
    }

    /// Delivers what was held back, once every picture was taken.
    pub(crate) async fn decide(&mut self) -> Result<(), HungUp> {
        if self.tally.delivered == 0 {
            return Ok(());
        }
        if self.gather {
            self.held_back.sort_by_key(|(index, _)| *index);
            self.failures.sort_by_key(|(index, _)| *index);
            let Self { tally: Tally { delivered, .. }, people, .. } = *self;
            self.send(GenerationEvent::Decided { delivered, people }).await?;
        }
        self.flush().await
    }

    /// Ends the answer, once everything was delivered.
    pub(crate) async fn finish(mut self) -> Result<Tally, HungUp> {
        let end = match self.tally.delivered {
            0 => Err(self.most_telling_failure()),
            _ => Ok(GenerationEvent::Finished { usage: self.usage }),
        };
        let failure = end.as_ref().err().map(|failure| failure.kind);
        self.hand_over(Parcel::Event(end)).await?;
        Ok(Tally { failure, ..self.tally })
    }

    /// Why no picture came: the first failure, but before all one that may have been paid for, since a caller who
    /// hears only of another would ask again in good faith.
    fn most_telling_failure(&mut self) -> Failure {
        let by_cost = |(index, failure): &(u32, Failure)| (!failure.kind.possibly_billed(), *index);
        let telling = self.failures.drain(..).min_by_key(by_cost);
        telling.map_or_else(
            || Failure::new(FailureKind::Internal, "no picture was attempted"),
            |(_, failure)| failure,
        )
    }

    async fn flush(&mut self) -> Result<(), HungUp> {
        for (index, failure) in std::mem::take(&mut self.failures) {
            self.send(GenerationEvent::ImageFailed { index, failure }).await?;
        }
        for (index, drawn) in std::mem::take(&mut self.held_back) {
            self.deliver(index, drawn).await?;
        }
        Ok(())
    }

    async fn deliver(&self, index: u32, drawn: Drawn) -> Result<(), HungUp> {
        let Drawn { image, caption, .. } = drawn;
        let head = ImageHead {
            index,
            media_type: image.media_type,
            size: image.size,
            length: image.length(),
            caption,
        };
        self.hand_over(Parcel::Picture(head, image.tiles)).await
    }

    async fn send(&self, event: GenerationEvent) -> Result<(), HungUp> {
        self.hand_over(Parcel::Event(Ok(event))).await
    }

    async fn hand_over(&self, parcel: Parcel) -> Result<(), HungUp> {
        self.parcels.send(parcel).await.map_err(|_| HungUp)
    }
}

#[cfg(test)]
mod tests;
