//! A post that a process holds, and after it its successor, behind one address.

use std::process::Command;

use tokio::task::block_in_place;

use super::wire::Wire;
use crate::process::Server;

/// A role of the fleet.
pub(crate) struct Post {
    command: Box<dyn Fn() -> Command + Send + Sync>,
    server: Option<Server>,
    lives: u32,
    /// Leads to whoever holds it.
    pub(crate) wire: Wire,
}

impl Post {
    /// Starts the first process that holds it.
    pub(crate) async fn start(command: impl Fn() -> Command + Send + Sync + 'static) -> Self {
        let mut post = Self { command: Box::new(command), server: None, lives: 0, wire: Wire::new().await };
        post.restart();
        post
    }

    /// Where whoever holds it is found.
    pub(crate) fn url(&self) -> String {
        self.wire.url()
    }

    /// Ends the process as a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            block_in_place(|| server.kill());
        }
    }

    /// Starts the next one.
    pub(crate) fn restart(&mut self) {
        let server = block_in_place(|| Server::start((self.command)()));
        let address = server.url().trim_start_matches("http://").parse().unwrap();
        self.wire.lead_to(address);
        self.server = Some(server);
        self.lives += 1;
    }

    /// How many processes have held it.
    pub(crate) const fn lives(&self) -> u32 {
        self.lives
    }

    /// Sends the process a signal, such as `STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        self.server.as_ref().expect("it runs").signal(signal);
    }
}
