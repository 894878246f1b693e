//! A part of this process that serves until it is told to stop.

use anyhow::{Context as _, anyhow};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A part that runs. Its owner waits for it, with [`Running::ended`] or [`Running::stop`].
#[derive(Debug)]
pub(crate) struct Running {
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    /// Starts a part that serves until its token is cancelled.
    pub(crate) fn start<F>(name: &'static str, serve: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(stop.clone()));
        Self { name, stop, task }
    }

    /// Why it ended although nobody told it to.
    pub(crate) async fn ended(&mut self) -> anyhow::Error {
        let name = self.name;
        match (&mut self.task).await {
            Ok(Ok(())) => anyhow!("{name} ended by itself"),
            Ok(Err(error)) => error.context(format!("{name} failed")),
            Err(panic) => anyhow::Error::new(panic).context(format!("{name} failed")),
        }
    }

    /// Tells it to stop, and waits until it did.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.task.await.map_err(anyhow::Error::new).flatten().with_context(|| format!("{} failed", self.name))
    }
}
