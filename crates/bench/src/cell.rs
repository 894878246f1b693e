//! One line of the question: so many bytes, so many clients, all setups.

use std::time::Duration;

use anyhow::Result;

use crate::{
    fleet::{Fleet, SETUPS},
    load,
};

/// What is measured.
pub(crate) struct Cell {
    /// Length of each picture.
    pub(crate) bytes: usize,
    /// Clients at once.
    pub(crate) concurrency: usize,
    /// How long each measurement lasts.
    pub(crate) lasting: Duration,
}

/// What one setup showed: medians over the rounds.
pub(crate) struct Figures {
    /// Half of the requests were answered within this.
    pub(crate) p50: Duration,
    /// All but one in a hundred were.
    pub(crate) p99: Duration,
    /// Requests a second.
    pub(crate) throughput: f64,
    /// CPU time of the setup's own processes, per request.
    pub(crate) cpu: Duration,
    /// For each of its processes: role, bytes before it ever worked, and bytes more at the peak.
    pub(crate) memory: Vec<(&'static str, u64, u64)>,
}

impl Cell {
    /// Measures every setup in turn, `rounds` times, after one short round that is not counted.
    pub(crate) async fn measure(&self, fleet: &Fleet, rounds: usize) -> Result<Vec<Figures>> {
        let mut seen: Vec<Vec<Figures>> = SETUPS.iter().map(|_| Vec::new()).collect();
        for round in 0..=rounds {
            for (setup, figures) in seen.iter_mut().enumerate() {
                let lasting = if round == 0 { self.lasting / 3 } else { self.lasting };
                let measured = self.once(fleet, setup, lasting).await?;
                if round > 0 {
                    figures.push(measured);
                }
            }
        }
        Ok(seen.into_iter().map(median).collect())
    }

    async fn once(&self, fleet: &Fleet, setup: usize, lasting: Duration) -> Result<Figures> {
        let processes = fleet.processes(setup);
        let mut before = Vec::new();
        for process in &processes {
            process.forget_peak()?;
            before.push(process.cpu()?);
        }
        let observed = load::run(fleet.target(setup), self.concurrency, lasting, self.bytes).await?;
        let count = observed.latencies.len();
        let (mut cpu, mut memory) = (Duration::ZERO, Vec::new());
        for (process, cpu_before) in processes.iter().zip(before) {
            cpu += process.cpu()?.saturating_sub(cpu_before);
            let idle = process.idle_memory();
            memory.push((process.role, idle, process.peak_memory()?.saturating_sub(idle)));
        }
        Ok(Figures {
            p50: observed.latencies[count / 2],
            p99: observed.latencies[(count * 99 / 100).min(count - 1)],
            throughput: count as f64 / observed.lasted.as_secs_f64(),
            cpu: cpu / u32::try_from(count)?,
            memory,
        })
    }
}

/// The median of each figure; of memory the largest peak.
fn median(rounds: Vec<Figures>) -> Figures {
    let middle = |mut values: Vec<Duration>| {
        values.sort_unstable();
        values[values.len() / 2]
    };
    let mut throughput: Vec<f64> = rounds.iter().map(|round| round.throughput).collect();
    throughput.sort_unstable_by(f64::total_cmp);
    let (p50, p99, cpu) = (
        middle(rounds.iter().map(|round| round.p50).collect()),
        middle(rounds.iter().map(|round| round.p99).collect()),
        middle(rounds.iter().map(|round| round.cpu).collect()),
    );
    let memory = rounds
        .into_iter()
        .map(|round| round.memory)
        .reduce(|a, b| a.into_iter().zip(b).map(|(a, b)| if b.2 > a.2 { b } else { a }).collect());
    Figures {
        p50,
        p99,
        throughput: throughput[throughput.len() / 2],
        cpu,
        memory: memory.unwrap_or_default(),
    }
}
