//! What the system knows of this process. Empty where there is no `/proc`.

use hookline_core::values::{Clock as _, System};

/// Numbers of this process, each with its name and its description.
pub(super) struct ProcessNumbers {
    /// Seconds since the epoch.
    started: f64,
}

impl ProcessNumbers {
    /// Of a process that starts now.
    pub(super) fn new() -> Self {
        Self { started: System.now().as_duration().as_secs_f64() }
    }

    /// The time that the process used, in seconds: the one number that only grows.
    #[expect(clippy::cast_precision_loss, reason = "ticks of a process stay far below 2^52")]
    pub(super) fn cpu_seconds() -> Option<f64> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The name of the program, in parentheses, may have spaces.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// The others.
    #[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^52")]
    pub(super) fn gauges(&self) -> Vec<(&'static str, &'static str, f64)> {
        let mut gauges = vec![("process_start_time_seconds", "When the process started", self.started)];
        if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
            gauges.push(("process_open_fds", "Open file descriptors", files.count() as f64));
        }
        if let Some(limit) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
            gauges.push(("process_max_fds", "The limit of open file descriptors", limit as f64));
        }
        let memory = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = |at: usize| memory.split(' ').nth(at).and_then(|pages| pages.parse::<usize>().ok());
        let bytes = |pages: usize| (pages * rustix::param::page_size()) as f64;
        if let (Some(all), Some(resident)) = (pages(0), pages(1)) {
            gauges.push(("process_virtual_memory_bytes", "Virtual memory", bytes(all)));
            gauges.push(("process_resident_memory_bytes", "Resident memory", bytes(resident)));
        }
        gauges
    }
}
