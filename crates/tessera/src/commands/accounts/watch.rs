//! `tessera accounts watch`: how every account stands, live.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use clap::Args;
use domain::{
    AccountId, Timestamp,
    standing::{AccountStanding, StandingsEvent},
};
use proto::{
    failure_of,
    v1::{WatchStandingsRequest, standings_client::StandingsClient},
};
use tokio::time::{Instant, sleep, timeout};
use tonic::Streaming;

use super::standing::{self, Line};
use crate::{
    commands::operator::{OperatorOptions, Remote},
    config::Environment,
};

/// How long to wait before a service that went away is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// How often what remains of waits is shown anew.
const TICK: Duration = Duration::from_secs(1);

/// What the command takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only these accounts
    #[arg(value_name = "ACCOUNT")]
    accounts: Vec<String>,
    /// Only this model
    #[arg(long)]
    model: Option<String>,
    /// One line of JSON for each change
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorOptions,
}

/// Shows until it is interrupted, or nobody reads any more.
pub(crate) async fn run(options: Options, environment: &Environment) -> anyhow::Result<()> {
    let quota = options.operator.quota(environment)?;
    let screen = Screen::of(&options);
    tokio::select! {
        biased;
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        ended = follow(&quota, &options, screen) => ended,
    }
}

/// Follows the service, and asks again where it went away, once it answered at all.
async fn follow(quota: &Remote, options: &Options, mut screen: Screen) -> anyhow::Result<()> {
    let mut client = StandingsClient::new(quota.channel());
    let mut events =
        client.watch(WatchStandingsRequest {}).await.map_err(|status| quota.told(&status))?.into_inner();
    loop {
        if !show(&mut events, options, &mut screen).await? {
            return Ok(());
        }
        eprintln!("tessera: the service went away; asking again");
        events = loop {
            sleep(AGAIN).await;
            if let Ok(answer) = client.watch(WatchStandingsRequest {}).await {
                break answer.into_inner();
            }
        };
    }
}

/// Shows what comes; answers whether it ended because the service went away.
async fn show(
    events: &mut Streaming<proto::v1::StandingsEvent>,
    options: &Options,
    screen: &mut Screen,
) -> anyhow::Result<bool> {
    loop {
        let written = match timeout(TICK, events.message()).await {
            Err(_) => screen.tick(),
            Ok(Ok(Some(event))) => {
                let event =
                    StandingsEvent::try_from(event).map_err(|failure| anyhow::anyhow!(failure.message))?;
                screen.take(event, options)
            }
            Ok(Ok(None)) => return Ok(true),
            Ok(Err(status)) => {
                tracing::debug!(failure = %failure_of(&status), "the stream ended");
                return Ok(true);
            }
        };
        match written {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Where it is shown, and what is shown there.
struct Screen {
    form: Form,
    standings: BTreeMap<(String, AccountId), AccountStanding>,
    /// The ledger's moment when it was last told, and when that was.
    told: (Timestamp, Instant),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A table that is drawn anew in its place.
    Live,
    /// A line for each change.
    Lines,
    /// A line of JSON for each change.
    Json,
}

impl Screen {
    fn of(options: &Options) -> Self {
        let form = match (options.json, io::stdout().is_terminal()) {
            (true, _) => Form::Json,
            (false, true) => Form::Live,
            (false, false) => Form::Lines,
        };
        Self { form, standings: BTreeMap::new(), told: (Timestamp::default(), Instant::now()) }
    }

    fn take(&mut self, event: StandingsEvent, options: &Options) -> io::Result<()> {
        self.told = (event.now, Instant::now());
        let wanted = |standing: &AccountStanding| {
            let account = options.accounts.is_empty()
                || options.accounts.iter().any(|account| account == standing.account.as_str());
            account && options.model.as_ref().is_none_or(|model| *model == standing.model)
        };
        let changed: Vec<_> = event.standings.into_iter().filter(wanted).collect();
        if event.whole {
            self.standings.clear();
        }
        for (account, model) in event.gone {
            self.standings.remove(&(model, account));
        }
        for standing in &changed {
            self.standings.insert((standing.model.clone(), standing.account.clone()), standing.clone());
        }
        match self.form {
            Form::Live => self.draw(),
            Form::Lines => write(changed.iter().map(|standing| standing::row(standing, event.now))),
            Form::Json => write(changed.iter().map(|standing| Line::of(standing, event.now).to_json())),
        }
    }

    /// Time has passed: waits have become shorter.
    fn tick(&self) -> io::Result<()> {
        if self.form == Form::Live { self.draw() } else { Ok(()) }
    }

    fn draw(&self) -> io::Result<()> {
        let (now, when) = self.told;
        let now = now + when.elapsed();
        // From the upper left corner, each line to its end, and nothing below.
        let mut text = String::from("\x1b[H");
        let rows = self.standings.values().map(|standing| standing::row(standing, now));
        for row in std::iter::once(standing::heading()).chain(rows) {
            text.push_str(&row);
            text.push_str("\x1b[K\n");
        }
        text.push_str("\x1b[J");
        let mut output = io::stdout().lock();
        output.write_all(text.as_bytes())?;
        output.flush()
    }
}

fn write(lines: impl Iterator<Item = String>) -> io::Result<()> {
    let mut output = io::stdout().lock();
    for line in lines {
        writeln!(output, "{line}")?;
    }
    output.flush()
}
