//! Connections that come, each with what is known of its other end.

use std::{
    io::IoSlice,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{
    FutureExt as _, Stream, StreamExt as _,
    future::BoxFuture,
    stream::{self, FuturesUnordered},
};
use tokio::{
    io::{self, AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tonic::transport::server::{Connected, TcpIncoming};

use super::{Identity, mistrust, role::Roles};
use crate::transport::dialing::Wire;

/// How long the other end may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection that came.
pub struct Caller {
    wire: Box<dyn Wire>,
    peer: Peer,
}

/// Who is at the other end of a connection; where there is no TLS, that is not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Peer(pub(super) Option<Roles>);

/// The connections of a listener. With an identity, only of those who have a certificate that we believe.
pub fn callers(
    listener: TcpIncoming,
    identity: Option<Identity>,
) -> impl Stream<Item = io::Result<Caller>> + Send {
    let greeting = FuturesUnordered::<BoxFuture<'static, Option<Caller>>>::new();
    stream::unfold((listener, greeting), move |(mut listener, mut greeting)| {
        let identity = identity.clone();
        async move {
            loop {
                let accepted = tokio::select! {
                    Some(greeted) = greeting.next(), if !greeting.is_empty() => match greeted {
                        Some(caller) => return Some((Ok(caller), (listener, greeting))),
                        None => continue,
                    },
                    accepted = listener.next() => accepted?,
                };
                match (accepted, &identity) {
                    (Err(error), _) => return Some((Err(error), (listener, greeting))),
                    (Ok(socket), None) => {
                        let caller = Caller { wire: Box::new(socket), peer: Peer(None) };
                        return Some((Ok(caller), (listener, greeting)));
                    }
                    (Ok(socket), Some(identity)) => greeting.push(greet(socket, identity.clone()).boxed()),
                }
            }
        }
    })
}

/// Learns who calls.
async fn greet(socket: TcpStream, identity: Identity) -> Option<Caller> {
    let from = socket.peer_addr().ok()?;
    let accepting = TlsAcceptor::from(identity.server()).accept(socket).into_fallible();
    match timeout(PATIENCE, accepting).await.ok()? {
        Ok(secured) => {
            let certificates = secured.get_ref().1.peer_certificates();
            let roles = certificates.and_then(<[_]>::first).map(Roles::of)?;
            Some(Caller { wire: Box::new(secured), peer: Peer(Some(roles)) })
        }
        Err((error, socket)) => {
            if let Some(why) = mistrust::of_caller(&error) {
                tracing::warn!(%from, "a caller was refused: {why}");
                let _gone = timeout(PATIENCE, hear_out(socket)).await;
            }
            None
        }
    }
}

/// Reads to the end, for what the other end has sent and nobody reads would keep it from hearing why it is refused.
async fn hear_out(mut socket: TcpStream) -> io::Result<u64> {
    socket.shutdown().await?;
    io::copy(&mut socket, &mut io::sink()).await
}

impl Connected for Caller {
    type ConnectInfo = CallerInfo;

    fn connect_info(&self) -> CallerInfo {
        CallerInfo(self.peer.clone())
    }
}

/// What requests know of the connection that they came on.
#[derive(Debug, Clone)]
pub struct CallerInfo(pub(super) Peer);

impl AsyncRead for Caller {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.wire).poll_read(context, buffer)
    }
}

impl AsyncWrite for Caller {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.wire).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.wire).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.wire).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.wire).poll_shutdown(context)
    }
}
