//! A Gemini API and a Vertex AI that draw real pictures and fail on command.
//!
//! It is strict where Google is strict, draws at Google's native pixel sizes, enforces limits of its own with
//! honest refusals, and remembers every call that reached it. Development, the demo, tests and benchmarks use
//! it in the place of the real one.
//!
//! # The script
//!
//! A [`Script`] says how it behaves. Everything in one is optional; this is a whole one:
//!
//! ```
//! let script = simulator::Script::parse(
//!     r#"
//!     ## How long a picture takes, per resolution. Left out: 1s, 2s, 3s, 5s. `default` is for the others.
//!     [latency]
//!     default = "0s"
//!     "4K" = "1s 500ms"
//!
//!     [picture]
//!     format = "png"         # or "jpeg"
//!     drafts = 1             # interim pictures, flagged as thoughts: 0, 1 or 2
//!     bytes = 1_500_000      # plain PNGs of exactly this length, drawn once per size: for benchmarks
//!
//!     ## With keys listed, no others are accepted. Keys of one project share its limits.
//!     [[keys]]
//!     key = "simulated-key-a"
//!     name = "alpha"         # what arrivals and rules call it; otherwise its last four characters
//!     project = "project-a"
//!     limits = { requests_per_minute = 10, images_per_minute = 10, requests_per_day = 250 }
//!
//!     ## The first rule that strikes decides. Conditions left out are met by every call.
//!     [[rules]]
//!     match = { key = "alpha", model = "gemini-3-pro-image", prompt_contains = "storm", first = 2 }
//!     fault = "quota-minute"
//!     retry_after = "7s"
//!
//!     [[rules]]
//!     match = { nth = 5 }    # or: every = 5; or: probability = 0.1, seed = 7
//!     fault = "slow"
//!     bytes_per_second = 20_000
//!     "#,
//! )?;
//! # let _ = script;
//! # Ok::<(), simulator::ScriptError>(())
//! ```
//!
//! Service accounts are listed likewise. With any listed, no others are given tokens for Vertex AI, and no other
//! tokens are accepted. Each has a `public_key`, or the `private_key` of its own file, in PEM; rules call it by its
//! `name`:
//!
//! ```toml
//! [tokens]
//! lifetime = "10m"           # left out: 59m 59s
//!
//! [[service_accounts]]
//! client_email = "painter@project-a.iam.gserviceaccount.com"
//! name = "painter"           # otherwise its address
//! project = "project-a"
//! limits = { requests_per_minute = 10 }
//! public_key = """
//! -----BEGIN PUBLIC KEY-----
//! …
//! -----END PUBLIC KEY-----
//! """
//! ```
//!
//! Rules count the calls that arrive whole and sensible, also those that a limit then refuses.
//!
//! # Faults
//!
//! Refused at once, neither counted nor charged: `quota-minute` (`retry_after`), `quota-images`, `quota-day`,
//! `quota-day-zero-delay` (the day's quota with a delay of 0s), `quota-bare` (no details), `capacity`,
//! `limit-zero`, `bad-key` (400), `expired-token` (401), `billing` (402), `credit` (429,
//! prepaid credit is gone), `forbidden`, `forbidden-validation`
//! (403), `not-found`. On Vertex AI every quota is refused as `quota-bare`, and `bad-key` means its token (401).
//! Counted, not charged: `internal` (500), `unavailable` (503), `html-error` (502), `blocked-prompt` and
//! `finish` (`reason`), `no-image`. Counted and charged: `hang`, `reset`, `thought-only`, `bad-base64`,
//! `mislabelled` (JPEG called PNG), `huge` (`bytes`), `wrong-size`, `not-a-picture`, `slow`
//! (`bytes_per_second`), `truncate` (the connection breaks), `cut-json` (the body ends early and its length
//! agrees).
//!
//! # Paths
//!
//! `/v1` and `/v1beta`: `GET models`, `GET models/{model}`, `POST models/{model}:generateContent` and
//! `:streamGenerateContent`, with the key in `x-goog-api-key` or `?key=`. `/v1` and `/v1beta1`: the same two
//! methods below `projects/{project}/locations/{location}/publishers/google`, with a Bearer token of `POST /token`.
//! Beside them:
//!
//! | path | does |
//! |---|---|
//! | `GET /admin/arrivals` | every call that arrived, as JSON, oldest first |
//! | `DELETE /admin/arrivals` | forgets them |
//! | `GET /admin/exchanges` | how often a token was granted and refused |
//! | `POST /admin/script` | follows the script in the body from now on |
//! | `POST /admin/rules` | puts the one rule in the body, TOML or JSON, before the others |
//! | `DELETE /admin/rules` | ends every rule |
//! | `GET /healthz` | answers `ok` |

mod admin;
mod arrivals;
mod chance;
mod picture;
mod provider;
mod quota;
mod script;
mod server;
mod simulator;

pub use arrivals::{Arrival, End};
pub use provider::vertex::Exchanges;
pub use script::{Script, ScriptError};
pub use server::serve;
pub use simulator::Simulator;
