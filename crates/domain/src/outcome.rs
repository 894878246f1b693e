//! What comes back: events, in the order a caller sees them.

use bytes::Bytes;

use crate::{Enforcement, Failure, MediaType, PixelSize};

/// Tokens, as the provider counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Text tokens read.
    pub input_text_tokens: u64,
    /// Tokens of pictures read.
    pub input_image_tokens: u64,
    /// Text tokens written, thoughts included.
    pub output_text_tokens: u64,
    /// Tokens of pictures drawn.
    pub output_image_tokens: u64,
}

impl Usage {
    /// Everything read.
    pub const fn input_tokens(&self) -> u64 {
        self.input_text_tokens + self.input_image_tokens
    }

    /// Everything written.
    pub const fn output_tokens(&self) -> u64 {
        self.output_text_tokens + self.output_image_tokens
    }

    /// Read and written.
    pub const fn total_tokens(&self) -> u64 {
        self.input_tokens() + self.output_tokens()
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_text_tokens += other.input_text_tokens;
        self.input_image_tokens += other.input_image_tokens;
        self.output_text_tokens += other.output_text_tokens;
        self.output_image_tokens += other.output_image_tokens;
    }
}

/// What is known of a picture before its first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageHead {
    /// Which of the request's pictures it is, from 0.
    pub index: u32,
    /// Its format, sniffed from its bytes.
    pub media_type: MediaType,
    /// Its width and height, read from its header.
    pub size: PixelSize,
    /// Its length in bytes.
    pub length: u64,
    /// What the model wrote beside it; often empty.
    pub caption: String,
}

/// One step of answering a [`GenerationRequest`](crate::GenerationRequest).
///
/// The order is: `Started` once; then, where the request asked to gather, `Decided` once; then for each picture
/// either `ImageFailed`, or `ImageStarted` followed without interruption by its `ImageChunk`s and `ImageFinished`;
/// and `Finished` last. `Queued` may come any number of times, though not inside a picture. Pictures come in the
/// order they are ready. A request that fails before it has an account or a place in the queue fails without
/// `Started`.
#[derive(Debug, Clone, PartialEq)]
pub enum GenerationEvent {
    /// The request has its accounts, or its place among those that wait for one.
    Started,
    /// No account is free yet; the request keeps its place.
    Queued,
    /// The outcome of every picture is known.
    Decided {
        /// How many pictures follow.
        delivered: u32,
        /// Where people were denied: how they were kept out of all of these pictures, at the least.
        people: Option<Enforcement>,
    },
    /// A whole picture follows.
    ImageStarted(ImageHead),
    /// The next bytes of the picture that was started last.
    ImageChunk(Bytes),
    /// The picture that was started last is complete.
    ImageFinished {
        /// Which one, from 0.
        index: u32,
    },
    /// This picture will not come.
    ImageFailed {
        /// Which one, from 0.
        index: u32,
        /// Why.
        failure: Failure,
    },
    /// Nothing follows.
    Finished {
        /// Tokens of all attempts together.
        usage: Usage,
    },
}
