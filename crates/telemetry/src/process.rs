//! What the process itself takes of its machine, as Linux tells it.

use std::fs;

use opentelemetry::global;

/// In so many parts Linux counts a second of work.
const TICKS: f64 = 100.0;

/// Has it told whenever metrics are read.
pub(crate) fn observe() {
    let meter = global::meter("tessera.process");
    meter
        .u64_observable_gauge("process.memory.usage")
        .with_unit("By")
        .with_description("Memory of the process that is in RAM")
        .with_callback(|gauge| {
            if let Some(bytes) = resident(&read("status")) {
                gauge.observe(bytes, &[]);
            }
        })
        .build();
    meter
        .f64_observable_counter("process.cpu.time")
        .with_unit("s")
        .with_description("Time that the process has worked, on all processors together")
        .with_callback(|counter| {
            if let Some(seconds) = worked(&read("stat")) {
                counter.observe(seconds, &[]);
            }
        })
        .build();
    meter
        .u64_observable_gauge("process.open_fds")
        .with_unit("{file}")
        .with_description("Files and connections that the process has open")
        .with_callback(|gauge| {
            if let Ok(open) = fs::read_dir("/proc/self/fd") {
                gauge.observe(open.count() as u64, &[]);
            }
        })
        .build();
}

fn read(name: &str) -> String {
    fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default()
}

/// The memory in a `status`, in bytes.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The seconds of work in a `stat`, for the process and for the kernel on its behalf. What stands before the last
/// bracket is the program's name, which may hold anything.
fn worked(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let own: f64 = fields.next()?.parse().ok()?;
    let kernel: f64 = fields.next()?.parse().ok()?;
    Some((own + kernel) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_tells_is_read_also_of_a_program_with_an_odd_name() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t   12 kB\nThreads:\t1\n"), Some(12 * 1024));
        let stat = "42 (a) b) S 1 1 1 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 100 0 0";
        assert_eq!(worked(stat), Some(3.0));
        assert!(resident(&read("status")).is_some_and(|bytes| bytes > 100_000));
        assert!(worked(&read("stat")).is_some());
    }
}
