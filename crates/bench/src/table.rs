//! Figures as a table, with ratios to the direct call.

use std::{fs, time::Duration};

use crate::{
    cell::{Cell, Figures},
    fleet::SETUPS,
};

/// One line on the machine.
pub(crate) fn machine() -> String {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let model = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        text.lines().find_map(|line| Some(line.strip_prefix("model name")?.split_once(": ")?.1.to_owned()))
    });
    format!("{cpus} CPUs, {}", model.unwrap_or_else(|| "unknown".to_owned()))
}

/// The names of the columns.
pub(crate) fn heading() -> String {
    format!(
        "{:>8} {:>4}  {:<15} {:>9} {:>7} {:>9} {:>7} {:>9} {:>7} {:>9}  {}",
        "picture",
        "at",
        "setup",
        "p50",
        "ratio",
        "p99",
        "ratio",
        "req/s",
        "ratio",
        "cpu/req",
        "memory: idle + peak (peak per picture in flight)"
    )
}

/// A row for each setup.
pub(crate) fn rows(cell: &Cell, figures: &[Figures]) -> String {
    let direct = &figures[0];
    let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
    let mut lines = Vec::new();
    for (setup, seen) in SETUPS.iter().zip(figures) {
        lines.push(format!(
            "{:>8} {:>4}  {:<15} {:>9} {:>6.2}x {:>9} {:>6.2}x {:>9.1} {:>6.2}x {:>9}  {}",
            size(cell.bytes as u64),
            cell.concurrency,
            setup,
            time(seen.p50),
            ratio(seen.p50, direct.p50),
            time(seen.p99),
            ratio(seen.p99, direct.p99),
            seen.throughput,
            seen.throughput / direct.throughput,
            time(seen.cpu),
            memory(cell, seen),
        ));
    }
    for (setup, seen) in SETUPS.iter().zip(figures).skip(1) {
        lines.push(format!("{:>15}{setup} adds {} at p50", "", time(seen.p50.saturating_sub(direct.p50))));
    }
    lines.join("\n") + "\n"
}

/// How to read it.
pub(crate) fn legend() -> &'static str {
    "cpu/req counts the setup's own processes: the simulator for the direct call, Tessera without the simulator otherwise.\n\
     memory is resident memory; the peak is what it rose above what it was before it ever worked, kept memory included,\n\
     and in brackets that rise divided by the clients, and, from 100 KB on, as a multiple of the picture's length."
}

fn memory(cell: &Cell, figures: &Figures) -> String {
    let one = |(role, at_rest, peak): &(&str, u64, u64)| {
        let each = peak / cell.concurrency as u64;
        let multiple = if cell.bytes >= 100_000 {
            format!(" = {:.2}x", each as f64 / cell.bytes as f64)
        } else {
            String::new()
        };
        format!("{role} {} + {} ({}{multiple})", size(*at_rest), size(*peak), size(each))
    };
    figures.memory.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{:.1} KB", bytes as f64 / 1e3),
        10_000..1_000_000 => format!("{} KB", bytes / 1_000),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

fn time(duration: Duration) -> String {
    match duration.as_micros() {
        0..1_000 => format!("{} us", duration.as_micros()),
        1_000..100_000 => format!("{:.2} ms", duration.as_secs_f64() * 1e3),
        _ => format!("{:.0} ms", duration.as_secs_f64() * 1e3),
    }
}
