//! What an operator may set at the edge.

use std::time::Duration;

/// Bounds on what clients may send and on how long they may be silent.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The largest request body, in bytes.
    pub body_limit_bytes: usize,
    /// How long a client may take to send a request's headers; as long is an idle connection kept.
    pub header_timeout: Duration,
    /// How long a request body may stand still.
    pub body_idle_timeout: Duration,
    /// The pause between signs of life on a stream that has nothing else to say.
    pub keep_alive: Duration,
}

impl Default for Settings {
    /// 32 MiB, 10 s, 30 s and 10 s.
    fn default() -> Self {
        Self {
            body_limit_bytes: 32 << 20,
            header_timeout: Duration::from_secs(10),
            body_idle_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(10),
        }
    }
}
