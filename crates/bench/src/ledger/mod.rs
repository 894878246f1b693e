//! Measures the ledger: how many leases a second it grants and settles, and what one costs as the accounts grow more.
//!
//! Everything is asked over the gRPC that generation uses, through a pipe within the process; Redis is a server of our
//! own on this machine. Beside it stands the least that Redis can be asked at all, over the same connection at a time.

mod pairs;
mod redis_server;

use std::time::Duration;

use anyhow::Result;
use clap::Args;

use self::{
    pairs::{Bench, Figures},
    redis_server::{Fsync, RedisServer},
};
use crate::table;

/// What the measurement takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Seconds that each measurement lasts
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 5)]
    lasting: u64,
    /// Leases under way at once
    #[arg(long, default_value_t = 32)]
    at_once: usize,
    /// Accounts in the pool whose throughput is measured
    #[arg(long, default_value_t = 100)]
    pool: usize,
    /// Accounts in the pools whose acquires are compared
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1_000])]
    pools: Vec<usize>,
}

/// Measures and prints.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let lasting = Duration::from_secs(options.lasting);
    println!("{}\n", table::machine());
    for fsync in [Fsync::EverySecond, Fsync::Always] {
        let server = RedisServer::start(fsync).await?;
        let bare = server.bare(lasting / 5).await?;
        println!(
            "redis, appendfsync {fsync}: PING {}, EVALSHA of nothing {} (medians)",
            bare.ping, bare.script
        );
        let bench = Bench::open(&server, options.pool).await?;
        let figures = bench.pairs(options.at_once, lasting).await?;
        println!(
            "  {} accounts, {} at once: {:.0} acquire and settle pairs a second; acquire p50 {}, p99 {}; settle p50 {}, p99 {}",
            options.pool,
            options.at_once,
            figures.a_second,
            shown(figures.acquire.p50),
            shown(figures.acquire.p99),
            shown(figures.settle.p50),
            shown(figures.settle.p99),
        );
        let mut first: Option<Figures> = None;
        for pool in &options.pools {
            let figures = Bench::open(&server, *pool).await?.pairs(1, lasting).await?;
            let to_first = ratio(&figures, first.as_ref().unwrap_or(&figures));
            println!(
                "  {pool:>5} accounts, one at a time: acquire p50 {} = {to_first:.2}x the first = {:.1}x PING, p99 {}",
                shown(figures.acquire.p50),
                figures.acquire.p50.as_secs_f64() / bare.ping_time.as_secs_f64(),
                shown(figures.acquire.p99),
            );
            first.get_or_insert(figures);
        }
        server.stop().await?;
        println!();
    }
    println!(
        "growth that is logarithmic allows {:.2}x from the fewest accounts to the most",
        allowed(&options.pools)
    );
    Ok(())
}

fn ratio(figures: &Figures, first: &Figures) -> f64 {
    figures.acquire.p50.as_secs_f64() / first.acquire.p50.as_secs_f64()
}

fn allowed(pools: &[usize]) -> f64 {
    let logarithm = |pool: Option<&usize>| pool.map_or(1.0, |pool| (*pool as f64).ln());
    logarithm(pools.iter().max()) / logarithm(pools.iter().min())
}

/// A time for people.
fn shown(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
