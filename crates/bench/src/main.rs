//! Measures Tessera beside a direct call to the provider, in one run: `cargo run --release -p bench`.
//!
//! The provider is the simulator, answering with bodies that were drawn and encoded beforehand. The same
//! load is put on it directly, through Tessera in one process, and through Tessera in three processes; the
//! three take turns, round by round, so that a machine whose speed drifts treats them alike.
//!
//! `cargo run --release -p bench -- ledger` measures the ledger alone, in Redis.

#![expect(clippy::cast_precision_loss, reason = "figures are printed with three digits")]

mod cell;
mod fleet;
mod ledger;
mod load;
mod process;
mod table;

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{cell::Cell, fleet::Fleet};

/// Measures Tessera beside a direct call to the provider
#[derive(Debug, Parser)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// Seconds that each measurement lasts
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How often each measurement is repeated, the setups taking turns
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Lengths of the pictures, in bytes
    #[arg(long, value_delimiter = ',', default_values_t = [2_000, 1_500_000, 12_000_000])]
    bytes: Vec<usize>,
    /// Requests under way at once
    #[arg(long, value_delimiter = ',', default_values_t = [1, 32])]
    concurrency: Vec<usize>,
    /// Where quota keeps its ledger in both setups: `embedded` (on disk, synced) or `memory`
    #[arg(long, default_value = "embedded")]
    store: String,
    /// The tessera binary; by default the one built beside this one
    #[arg(long)]
    tessera: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures the ledger in Redis: leases a second, and what one costs as the accounts grow more
    Ledger(ledger::Options),
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(Command::Ledger(options)) = &options.command {
        return ledger::run(options).await;
    }
    let binary = process::tessera(options.tessera.as_deref())?;
    println!("{}", table::machine());
    println!(
        "each figure: median of {} rounds of {} s; store: {}; ratios are to the direct call\n",
        options.rounds, options.seconds, options.store
    );
    println!("{}", table::heading());
    for &bytes in &options.bytes {
        let fleet = Fleet::start(&binary, bytes, &options.store).await?;
        for &concurrency in &options.concurrency {
            let cell = Cell { bytes, concurrency, lasting: Duration::from_secs(options.seconds) };
            let figures = cell.measure(&fleet, options.rounds).await?;
            println!("{}", table::rows(&cell, &figures));
        }
        fleet.stop().await?;
    }
    println!("{}", table::legend());
    Ok(())
}
