//! The wire between Tessera's services.
//!
//! [`v1`] is generated from `proto/tessera/v1`. Beside it stand the conversions between the wire and the
//! domain: wire to domain is `TryFrom` and checks everything, domain to wire is `From`. No generated type is
//! used further inside a service than its gRPC adapter.

mod accounts;
mod activity;
mod clients;
mod failure;
mod generation;
mod health;
mod leases;
pub mod sealing;
mod standings;
pub mod transport;
mod usage;

pub use failure::{carried_by, failure_of, status_of};
pub use health::Health;

/// The generated messages, clients and servers.
#[expect(missing_docs, clippy::allow_attributes, clippy::pedantic, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("tessera.v1");
}

/// The files of `proto/tessera/v1`, compiled: what reflection tells.
const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Sizes that both ends of a gRPC connection agree on, in bytes.
pub mod limits {
    /// The largest message: a request with its reference pictures.
    pub const MESSAGE: usize = 64 << 20;
    /// One chunk of a picture; a multiple of three, so that each is whole in base64.
    pub const CHUNK: usize = (128 << 10) / 3 * 3;
    /// The largest HTTP/2 frame: a chunk with its envelope goes in one instead of in nine.
    pub const FRAME: u32 = (128 << 10) + (4 << 10);
    /// How much of one stream may be on its way unread: what a slow reader can make us hold.
    pub const STREAM_WINDOW: u32 = 256 << 10;
    /// How much of all streams of one connection may be on its way. So large that one slow reader never holds
    /// up its neighbours; the stream window is what bounds memory.
    pub const CONNECTION_WINDOW: u32 = (1 << 31) - 1;
}
