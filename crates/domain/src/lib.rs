//! Values and rules of Tessera.
//!
//! Everything here is pure: no I/O, no serialisation format, no runtime, and no clock but the one that is
//! handed in. The other crates parse into these types at their boundary, so that inside a value is valid by
//! having its type.

pub mod account;
pub mod activity;
pub mod aspect_ratio;
pub mod catalog;
pub mod client;
pub mod clock;
pub mod conversation;
pub mod dialect;
pub mod failure;
pub mod id;
pub mod image;
pub mod learned;
pub mod lease;
pub mod location;
pub mod model_name;
pub mod outcome;
pub mod picture_spec;
pub mod pixel_size;
pub mod quality;
pub mod registered;
pub mod request;
pub mod resolution;
pub mod size;
pub mod standing;
pub mod usage;

pub use account::{Account, Limits, Provider, Tier};
pub use aspect_ratio::AspectRatio;
pub use catalog::{Catalog, Model};
pub use client::{Client, ClientLimit, ClientLimits};
pub use clock::{Clock, ManualClock, PacificDay, SystemClock, Timestamp};
pub use conversation::{Conversation, Part, Role, Turn};
pub use dialect::Dialect;
pub use failure::{Failure, FailureKind};
pub use id::{AccountId, ClientId, LeaseId, ProjectId, RequestId};
pub use image::{Image, MediaType};
pub use learned::{Learned, LearnedLimit};
pub use lease::{CallOutcome, Fence, Grant, Lease, QuotaDomain, Settlement};
pub use location::{Location, UnknownLocation};
pub use model_name::NamedModel;
pub use outcome::{GenerationEvent, ImageHead, Usage};
pub use picture_spec::{PictureSpec, PictureWishes};
pub use pixel_size::PixelSize;
pub use quality::Quality;
pub use registered::{CredentialVersion, KnownAccount, KnownClient, NewAccount, Origin};
pub use request::{Enforcement, GenerationRequest, ImageCount, PersonGeneration};
pub use resolution::Resolution;
pub use size::Size;
pub use usage::{UsageFilter, UsageOutcome, UsageRecord, UsageSum, UsageTotal};
