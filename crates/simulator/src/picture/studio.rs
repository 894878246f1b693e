//! Where pictures are drawn: off the threads that serve, and only a few at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use base64_turbo::STANDARD;
use bytes::Bytes;
use domain::{MediaType, PixelSize};
use tokio::sync::{OnceCell, Semaphore};

use super::{Painting, Subject, encode};
use crate::chance::Chance;

/// What is to be made.
#[derive(Debug)]
pub(crate) enum Commission {
    /// A mosaic of the subject as PNG.
    Png(Subject),
    /// A mosaic of the subject as JPEG.
    Jpeg(Subject),
    /// A plain PNG of this length.
    Plain { size: PixelSize, bytes: usize },
    /// Bytes that are no picture at all.
    Noise { seed: u64 },
}

/// A file in base64.
#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    /// What the file is; noise passes for a PNG.
    pub(crate) media_type: MediaType,
    pub(crate) base64: Bytes,
}

/// Draws what is commissioned.
#[derive(Debug)]
pub(crate) struct Studio {
    easels: Arc<Semaphore>,
    prepared: Mutex<HashMap<(PixelSize, usize), Place>>,
}

/// Where a prepared picture is kept, or will be.
type Place = Arc<OnceCell<Drawn>>;

/// How many pictures are drawn at once: more would only slow one another down.
const EASELS: usize = 2;
const NOISE_BYTES: usize = 64 << 10;

impl Studio {
    pub(crate) fn new() -> Self {
        Self { easels: Arc::new(Semaphore::new(EASELS)), prepared: Mutex::default() }
    }

    /// Draws, when its turn comes.
    pub(crate) async fn draw(&self, commission: Commission) -> Drawn {
        let easel = Arc::clone(&self.easels).acquire_owned().await.expect("the studio never closes");
        let drawing = tokio::task::spawn_blocking(move || {
            let drawn = commission.carry_out();
            drop(easel);
            drawn
        });
        drawing.await.expect("drawing does not panic")
    }

    /// The plain picture of this size and length, drawn when it is first asked for.
    pub(crate) async fn prepared(&self, size: PixelSize, bytes: usize) -> Drawn {
        let place = {
            let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(prepared.entry((size, bytes)).or_default())
        };
        place.get_or_init(|| self.draw(Commission::Plain { size, bytes })).await.clone()
    }

    /// Throws the prepared pictures away.
    pub(crate) fn clear(&self) {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Commission {
    fn carry_out(self) -> Drawn {
        let (media_type, file) = match self {
            Self::Png(subject) => (MediaType::Png, encode::png(Painting::of(&subject))),
            Self::Jpeg(subject) => (MediaType::Jpeg, encode::jpeg(Painting::of(&subject))),
            Self::Plain { size, bytes } => (MediaType::Png, encode::plain_png(size, bytes)),
            Self::Noise { seed } => (MediaType::Png, noise(seed)),
        };
        Drawn { media_type, base64: STANDARD.encode(file).into() }
    }
}

fn noise(seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; NOISE_BYTES];
    Chance::new(seed).fill(&mut bytes);
    bytes
}
