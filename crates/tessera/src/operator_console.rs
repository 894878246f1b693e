//! The operators' console: what opens it, where it listens, and that it runs.

use std::{
    future::pending,
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::Context as _;
use gateway::console::{Console, ConsoleSettings, ConsoleToken};
use proto::transport::{Channel, Replicas};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;

use crate::{
    assembly,
    config::{Config, ConsoleListen, Environment, Invalid},
    data_dir::DataDir,
    key,
    running::Running,
    serving,
};

/// The file of the data directory that knows the operator token again.
const KEPT: &str = "console-token.hash";

/// Where `tessera up` has its console when nobody says where.
const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8046);

/// What opens the console.
#[derive(Debug)]
enum Opener {
    /// The token of the configuration.
    Configured(ConsoleToken),
    /// The token that an earlier start made.
    Known(ConsoleToken),
    /// The token that this start made.
    New {
        /// To be shown once.
        token: SecretString,
        /// To be kept.
        known: ConsoleToken,
    },
}

impl Opener {
    /// The token of the configuration, where it has one.
    fn configured(config: &Config, environment: &Environment) -> Result<Option<Self>, Invalid> {
        let Some(source) = &config.console_token else { return Ok(None) };
        let told = |error: String| Invalid::from(format!("gateway.console_token: {error}"));
        let token = source.resolve(environment).map_err(told)?;
        ConsoleToken::of(&token)
            .map(|token| Some(Self::Configured(token)))
            .map_err(|error| told(error.to_string()))
    }

    /// The token of the configuration, or one that is made at the first start.
    fn decide(config: &Config, data: &DataDir, environment: &Environment) -> anyhow::Result<Self> {
        if let Some(configured) = Self::configured(config, environment)? {
            return Ok(configured);
        }
        let Some(kept) = data.read(KEPT)? else {
            let token = SecretString::from(format!("tso_{}", key::random().expose_secret()));
            let known = ConsoleToken::of(&token).expect("32 random bytes are enough");
            return Ok(Self::New { token, known });
        };
        let damaged = || format!("{KEPT} in the data directory is damaged; delete it for a new token");
        Ok(Self::Known(kept.trim().parse().with_context(damaged)?))
    }

    /// Keeps what the next start needs.
    fn keep(&self, data: &DataDir) -> anyhow::Result<()> {
        match self {
            Self::New { known, .. } => data.keep(KEPT, &known.to_string()),
            Self::Configured(_) | Self::Known(_) => Ok(()),
        }
    }

    /// What people are told of a console at this URL.
    fn describe(&self, data: &DataDir, url: &str) -> anyhow::Result<String> {
        Ok(match self {
            Self::Configured(_) => {
                format!("The console is at {url}; its token is that of the configuration.")
            }
            Self::Known(_) => format!(
                "The console is at {url}; its token was shown at the first start. For a new one delete {}.",
                data.file(KEPT)?.display()
            ),
            Self::New { token, .. } => {
                let token = token.expose_secret();
                format!("The console is at {url}\nThe operator token that opens it, shown only now: {token}")
            }
        })
    }

    /// The token itself, as far as it is known.
    fn token(&self) -> ConsoleToken {
        match self {
            Self::Configured(token) | Self::Known(token) | Self::New { known: token, .. } => token.clone(),
        }
    }
}

/// Where a console listens, and what opens it.
#[derive(Debug)]
pub(crate) struct Door {
    listener: TcpListener,
    opener: Opener,
}

impl Door {
    /// The console of `tessera up`: there is one, unless `listen` says that it is off.
    pub(crate) async fn of_up(
        listen: Option<ConsoleListen>,
        config: &Config,
        data: &DataDir,
        environment: &Environment,
    ) -> anyhow::Result<Option<Self>> {
        let listener = match listen {
            Some(ConsoleListen::Off) => return Ok(None),
            Some(ConsoleListen::At(address)) => serving::bind("the console", address).await?,
            None => usual().await?,
        };
        Ok(Some(Self { listener, opener: Opener::decide(config, data, environment)? }))
    }

    /// The console of `tessera gateway`: there is one where the configuration says so, and what opens it.
    pub(crate) async fn of_gateway(
        config: &Config,
        environment: &Environment,
    ) -> anyhow::Result<Option<Self>> {
        let Some(ConsoleListen::At(address)) = config.gateway.console_listen() else { return Ok(None) };
        let opener = Opener::configured(config, environment)?.ok_or_else(|| {
            Invalid::from(
                "gateway: console_listen opens a console, and nothing says what opens that; set \
                 console_token_file to a file with a token, such as `openssl rand -hex 32` prints",
            )
        })?;
        Ok(Some(Self { listener: serving::bind("the console", address).await?, opener }))
    }
}

/// The usual port, or where that is taken one that is free: nobody said any.
async fn usual() -> anyhow::Result<TcpListener> {
    match TcpListener::bind(USUAL).await {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            serving::bind("the console", SocketAddr::new(USUAL.ip(), 0)).await
        }
        bound => bound.with_context(|| format!("the console cannot listen on {USUAL}")),
    }
}

/// A console that runs, or none.
#[derive(Debug)]
pub(crate) struct OperatorConsole(Option<Open>);

#[derive(Debug)]
struct Open {
    opener: Opener,
    address: SocketAddr,
    running: Running,
}

impl OperatorConsole {
    /// Serves, behind this door, the console of what these channels lead to.
    pub(crate) fn start(
        config: &Config,
        door: Option<Door>,
        generation: (Channel, Replicas),
        quota: Channel,
        gateway: SocketAddr,
    ) -> anyhow::Result<Self> {
        let Some(Door { listener, opener }) = door else { return Ok(Self(None)) };
        let address = listener.local_addr()?;
        let edge = config.gateway.settings();
        let deadline = config.generation.deadline_seconds.get();
        let (token, plain) = (opener.token(), address.ip().is_loopback());
        let settings = ConsoleSettings { token, plain, gateway, edge, deadline };
        let console =
            Console::new(settings, Arc::clone(&config.catalog), generation, quota, assembly::clock());
        let running = Running::start("the console", move |stop| async move {
            let told = stop.clone().cancelled_owned();
            let serving = gateway::serve(listener, console.router(), edge, told);
            let both = async { tokio::join!(serving, console.work_until(stop.cancelled())).0 };
            Ok(serving::within(deadline, &stop, both).await.unwrap_or(Ok(()))?)
        });
        Ok(Self(Some(Open { opener, address, running })))
    }

    /// Keeps what the next start needs to know the token again.
    pub(crate) fn keep(&self, data: &DataDir) -> anyhow::Result<()> {
        self.0.as_ref().map_or(Ok(()), |open| open.opener.keep(data))
    }

    /// What people are told.
    pub(crate) fn describe(&self, data: &DataDir) -> anyhow::Result<String> {
        match &self.0 {
            Some(Open { opener, address, .. }) => opener.describe(data, &serving::url_of(*address)),
            None => Ok("The console is off.".to_owned()),
        }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> Option<String> {
        self.0.as_ref().map(|open| serving::url_of(open.address))
    }

    /// Why it ended although nobody told it to.
    pub(crate) async fn ended(&mut self) -> anyhow::Error {
        match &mut self.0 {
            Some(open) => open.running.ended().await,
            None => pending().await,
        }
    }

    /// Tells it to stop, and waits until it did.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        match self.0 {
            Some(open) => open.running.stop().await,
            None => Ok(()),
        }
    }
}
