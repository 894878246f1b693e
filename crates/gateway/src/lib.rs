//! The edge: three public dialects in, one canonical request out, pictures streamed back.
//!
//! A request crosses, in this order: its route, its client key, its content type and size, its dialect's
//! reader, the generation service, its dialect's writer. No picture is ever held: every chunk that comes from
//! generation leaves as base64 before the next one is taken.

mod admission;
pub mod auth;
pub mod console;
mod dialect;
mod edge;
pub mod generator;
mod health;
mod hearing;
mod metrics;
mod models;
mod observe;
mod refusal;
mod serve;
mod settings;

pub use edge::Gateway;
pub use serve::serve;
pub use settings::Settings;
