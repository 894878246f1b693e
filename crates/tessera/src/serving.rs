//! Listening, serving and stopping: the same for every role.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    time::Duration,
};

use anyhow::Context as _;
use proto::transport::{Admission, Caller, Identity, callers};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::{
    service::Routes,
    transport::server::{Connected, TcpIncoming},
};

use crate::{
    config::{Config, Invalid},
    dismissal::Dismissal,
    expiry,
};

/// How long the last settlements may take, once nothing is in flight any more.
pub(crate) const SETTLING: Duration = Duration::from_secs(15);

/// Who a role is to the others, where they know each other; for how long is told with its metrics.
pub(crate) fn identity(config: &Config) -> Result<Option<Identity>, Invalid> {
    let identity = config.identity()?;
    identity.iter().for_each(expiry::observe);
    Ok(identity)
}

/// Takes a port for a role.
pub(crate) async fn bind(role: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{role} cannot listen on {address}"))
}

/// The connections of a listener, small messages sent at once; with an identity, of those alone whom it believes.
pub(crate) fn incoming(
    listener: TcpListener,
    identity: Option<Identity>,
) -> impl Stream<Item = io::Result<Caller>> + Send {
    callers(TcpIncoming::from(listener).with_nodelay(Some(true)), identity)
}

/// How others reach a listener: where it listens on every address of the machine, by that of the machine itself.
pub(crate) fn url_of(address: SocketAddr) -> String {
    let mut reachable = address;
    if address.ip().is_unspecified() {
        reachable.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{reachable}")
}

/// The same for a role that others call, who need a certificate where it has an identity.
pub(crate) fn service_url_of(address: SocketAddr, identity: Option<&Identity>) -> String {
    let url = url_of(address);
    if identity.is_some() { url.replacen("http://", "https://", 1) } else { url }
}

/// Tells people something on standard output, in one piece. Nobody needs to listen.
pub(crate) fn announce(text: &str) {
    let mut output = io::stdout().lock();
    if let Err(error) = writeln!(output, "{text}").and_then(|()| output.flush()) {
        tracing::debug!(%error, "nobody reads standard output");
    }
}

/// How a process stops. Clones hear the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    /// Cancelled when it is asked to: from then on it says that it will.
    pub(crate) asked: CancellationToken,
    /// Cancelled when it takes nothing new any more.
    pub(crate) closing: CancellationToken,
}

/// The stop that a signal asks for, and that closes after `drain`; asked once more, the process ends at once.
pub(crate) fn stop_on_signal(drain: Duration) -> anyhow::Result<Stop> {
    let watch = |kind| signal(kind).context("signals cannot be watched");
    let (mut interrupt, mut terminate) = (watch(SignalKind::interrupt())?, watch(SignalKind::terminate())?);
    let stop = Stop::default();
    let Stop { asked, closing } = stop.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        };
        next().await;
        tracing::info!("stopping; what is in flight may finish");
        asked.cancel();
        tokio::spawn(async move {
            tokio::time::sleep(drain).await;
            closing.cancel();
        });
        next().await;
        tracing::warn!("stopping at once");
        std::process::exit(1);
    });
    Ok(stop)
}

/// Serves gRPC until `stop`, and then what is in flight for `grace` at most.
pub(crate) async fn grpc<I, C>(
    routes: Routes,
    incoming: I,
    stop: CancellationToken,
    grace: Duration,
) -> anyhow::Result<()>
where
    I: Stream<Item = io::Result<C>>,
    C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
{
    let serving = proto::transport::server()
        .layer(telemetry::grpc::Answers::new())
        .layer(Dismissal(stop.clone()))
        .layer(Admission)
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
    within(grace, &stop, serving).await.unwrap_or(Ok(())).context("the gRPC server failed")
}

/// Waits for `work`, though for no longer than `grace` after `stop`.
pub(crate) async fn within<F: Future>(
    grace: Duration,
    stop: &CancellationToken,
    work: F,
) -> Option<F::Output> {
    let too_late = async {
        stop.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = too_late => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_reached_on_this_machine() {
        for (address, url) in [
            ("0.0.0.0:8045", "http://127.0.0.1:8045"),
            ("[::]:8045", "http://[::1]:8045"),
            ("10.0.0.7:80", "http://10.0.0.7:80"),
        ] {
            assert_eq!(url_of(address.parse().unwrap()), url);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn work_goes_on_after_the_stop_for_the_grace_and_no_longer() {
        let stop = CancellationToken::new();
        stop.cancel();
        let takes = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
        assert!(within(Duration::from_secs(5), &stop, takes(4)).await.is_some());
        assert!(within(Duration::from_secs(5), &stop, takes(6)).await.is_none());
    }
}
