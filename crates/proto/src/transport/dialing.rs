//! Reaching an address.

use std::{fmt, io, net::SocketAddr, path::PathBuf};

use http::uri::{Authority, Scheme};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    net::{TcpStream, UnixStream},
    sync::mpsc,
};
use tonic::async_trait;

/// Where one replica of a service listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Address {
    pub(super) spot: Spot,
    /// The host that stood for it, for the requests that go there.
    pub(super) authority: Authority,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Spot {
    Port(SocketAddr),
    Socket(PathBuf),
    /// The other end of a pipe in this process.
    Within,
}

/// What bytes go through.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Makes the way for bytes to an address.
#[async_trait]
pub(super) trait Dial: Send + Sync {
    /// Reaches an address, or not; however long it takes.
    async fn dial(&self, address: &Address) -> io::Result<Box<dyn Wire>>;

    /// What requests that go this way call it.
    fn scheme(&self) -> Scheme {
        Scheme::HTTP
    }
}

/// Over the network and this machine's sockets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Network;

#[async_trait]
impl Dial for Network {
    async fn dial(&self, address: &Address) -> io::Result<Box<dyn Wire>> {
        Ok(match &address.spot {
            Spot::Port(port) => {
                let stream = TcpStream::connect(port).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Spot::Socket(path) => Box::new(UnixStream::connect(path).await?),
            Spot::Within => return Err(io::ErrorKind::Unsupported.into()),
        })
    }
}

/// Within this process: one end of each pipe goes to whoever serves.
#[derive(Debug, Clone)]
pub(super) struct Pipes(pub(super) mpsc::UnboundedSender<DuplexStream>);

/// Bytes that an in-memory pipe holds before its writer waits.
const PIPE: usize = 256 << 10;

#[async_trait]
impl Dial for Pipes {
    async fn dial(&self, _: &Address) -> io::Result<Box<dyn Wire>> {
        let (near, far) = tokio::io::duplex(PIPE);
        let taken = self.0.send(far).map_err(|_| io::ErrorKind::ConnectionRefused);
        taken?;
        Ok(Box::new(near))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.spot {
            Spot::Port(address) => write!(f, "{address}"),
            Spot::Socket(path) => write!(f, "unix:{}", path.display()),
            Spot::Within => f.write_str("this process"),
        }
    }
}
