//! What the kernel knows about a process, from `/proc`.

use std::fs;

/// Ticks of `utime` and `stime` in a second: `USER_HZ` is 100 on every Linux that we run on.
pub const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time of a process and its threads, user and system together, in ticks of 1/100 s.
///
/// # Panics
/// When there is no such process.
pub fn cpu_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process lives");
    // The name in parentheses may hold anything, so fields are counted from its end: state is the third of all.
    let (_, fields) = stat.rsplit_once(')').expect("a stat line names the process in parentheses");
    let mut fields = fields.split_whitespace().skip(11).map(|field| field.parse::<u64>().expect("a count of ticks"));
    fields.next().expect("utime") + fields.next().expect("stime")
}

/// The peak resident memory of a process, in KiB (`VmHWM`).
///
/// # Panics
/// When there is no such process.
pub fn peak_memory_kib(pid: u32) -> u64 {
    status_number(&fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives"), "VmHWM:")
}

/// How often all threads of a process together gave up the processor and were woken again.
///
/// # Panics
/// When there is no such process.
pub fn wakeups(pid: u32) -> u64 {
    fs::read_dir(format!("/proc/{pid}/task"))
        .expect("the process lives")
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("status")).ok())
        .map(|status| status_number(&status, "voluntary_ctxt_switches:"))
        .sum()
}

fn status_number(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("status has the line");
    line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_this_process() {
        let me = std::process::id();
        assert!(peak_memory_kib(me) > 500);
        let before = cpu_ticks(me);
        let started = std::time::Instant::now();
        while cpu_ticks(me) < before + 2 {
            assert!(started.elapsed().as_secs() < 120, "work shows as ticks");
        }
        assert!(wakeups(me) < u64::MAX);
    }
}
