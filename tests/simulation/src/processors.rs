//! All processors at work. What runs on a processor stays there with the threads that it starts, so one of them that
//! wakes another costs little: writes to the store go through a thread of their own.

use std::num::NonZeroUsize;

/// Runs the same on every processor at once.
pub(crate) fn on_each(work: impl Fn() + Sync) {
    let many = std::thread::available_parallelism().map_or(2, NonZeroUsize::get);
    std::thread::scope(|scope| {
        for number in 0..many {
            let work = &work;
            scope.spawn(move || {
                stay_on(number);
                work();
            });
        }
    });
}

/// Keeps this thread, and those that it starts, on one of the processors that it may use. Only the speed depends on it.
#[cfg(target_os = "linux")]
fn stay_on(number: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let Some(mine) = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).nth(number) else { return };
    let mut only = CpuSet::new();
    only.set(mine);
    let _ = sched_setaffinity(None, &only);
}

#[cfg(not(target_os = "linux"))]
fn stay_on(_number: usize) {}
