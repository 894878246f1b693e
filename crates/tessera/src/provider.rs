//! Who draws, when everything runs in one process.

use std::net::{Ipv4Addr, SocketAddr};

use domain::{Account, AccountId, Limits, Location, ProjectId, Provider, Tier};
use quota::registry::Registry;
use simulator::{Script, Simulator};

use crate::{
    assembly,
    config::{Config, Environment, Invalid, OwnedAccount, SecretSource},
    running::Running,
    serving,
};

/// Who draws.
#[derive(Debug)]
pub(crate) enum Draughtsman {
    /// The provider, with the operator's accounts.
    Accounts,
    /// The provider, with the accounts that operators added at run time.
    Registered,
    /// The provider, with the one key of the environment.
    EnvironmentKey,
    /// The simulator, in this process.
    Simulator(Running),
}

/// Where a single Gemini API key is looked for.
const KEY_VARIABLE: &str = "GEMINI_API_KEY";

impl Draughtsman {
    /// Completes a configuration that names no account: with the key of the environment; or else, unless operators
    /// added accounts, with a simulator that is started for it.
    pub(crate) async fn choose(
        config: &mut Config,
        registry: &dyn Registry,
        environment: &Environment,
    ) -> anyhow::Result<Self> {
        if !config.accounts.is_empty() {
            return Ok(Self::Accounts);
        }
        if let Some(account) = of_environment(environment) {
            config.accounts.push(account);
            return Ok(Self::EnvironmentKey);
        }
        if !registry.contents().borrow().accounts.is_empty() {
            return Ok(Self::Registered);
        }
        if !config.generation.gemini.is_google() {
            let problem = format!(
                "generation.gemini.base_url is set, but no account is to call it with; add [[accounts]] or set {KEY_VARIABLE}"
            );
            return Err(Invalid::from(problem).into());
        }
        let (simulator, address) = simulate().await?;
        config.generation.gemini.call(address);
        let credential = SecretSource::Inline("simulated".into());
        config.accounts.push(the_one("simulator", "simulator", Some(UNLIMITED), credential));
        Ok(Self::Simulator(simulator))
    }

    /// Ends what was started.
    pub(crate) async fn rest(self) -> anyhow::Result<()> {
        match self {
            Self::Accounts | Self::Registered | Self::EnvironmentKey => Ok(()),
            Self::Simulator(running) => running.stop().await,
        }
    }

    /// One line for people.
    pub(crate) const fn describe(&self) -> &'static str {
        match self {
            Self::Accounts => "Pictures are drawn with the accounts of the configuration.",
            Self::Registered => "Pictures are drawn with the accounts that `tessera accounts` lists.",
            Self::EnvironmentKey => "Pictures are drawn by the Gemini API, with GEMINI_API_KEY.",
            Self::Simulator(_) => {
                "Pictures are simulated: set GEMINI_API_KEY to have them drawn by the Gemini API, or add an account \
                 with `tessera accounts add` and start again."
            }
        }
    }
}

/// The account of the key in the environment.
pub(crate) fn of_environment(environment: &Environment) -> Option<OwnedAccount> {
    environment.get(KEY_VARIABLE)?;
    Some(the_one("gemini", "default", None, SecretSource::Variable(KEY_VARIABLE.to_owned())))
}

/// As much as anybody draws on one machine.
const UNLIMITED: Limits = Limits::new(100_000, 100_000, 10_000_000, 1_000);

fn the_one(id: &str, project: &str, limits: Option<Limits>, credential: SecretSource) -> OwnedAccount {
    let tier = Tier::Pro;
    let account = Account {
        id: AccountId::new(id).expect("is visible ASCII"),
        provider: Provider::Gemini,
        project: ProjectId::new(project).expect("is visible ASCII"),
        tier,
        models: Vec::new(),
        limits: limits.unwrap_or(tier.default_limits()),
        enabled: true,
    };
    OwnedAccount { account, credential, location: Location::default() }
}

async fn simulate() -> anyhow::Result<(Running, SocketAddr)> {
    let listener = serving::bind("the simulator", (Ipv4Addr::LOCALHOST, 0).into()).await?;
    let address = listener.local_addr()?;
    let simulator = Simulator::new(Script::default(), assembly::clock());
    let running = Running::start("the simulator", |stop| async move {
        Ok(simulator::serve(listener, simulator, stop.cancelled_owned()).await?)
    });
    Ok((running, address))
}
