//! One measurement each: the limit, a run at full speed, a run at a steady rate, and the memory of a full store.

use std::path::Path;
use std::time::Duration;

use hookline_process::proc_stats::peak_memory_kib;

use crate::endpoint::{Endpoint, Report};
use crate::load::{Goal, full_speed, steady};
use crate::stage::{EVENT, Stage, real};

/// The longest that a run may take.
const LIMIT: Duration = Duration::from_mins(2);
/// The longest that filling the store may take.
const FILL_LIMIT: Duration = Duration::from_mins(5);

/// What client and endpoint alone can do.
pub(crate) struct Limit {
    /// Requests per second.
    pub(crate) per_second: f64,
}

impl Limit {
    /// Posts straight to the endpoint.
    pub(crate) async fn measure(requests: usize) -> Self {
        let endpoint = Endpoint::start();
        let address = ([127, 0, 0, 1], endpoint.port).into();
        let goal = Goal { address, path: "/", token: None, status: 204, events: &[EVENT] };
        let begin = full_speed(&goal, requests).await;
        let report = endpoint.after(requests, LIMIT).await;
        Self { per_second: per_second(&report, begin) }
    }
}

/// A run at full speed.
pub(crate) struct Run {
    /// Deliveries per second, from the first publish to the last arrival.
    pub(crate) per_second: f64,
    /// From publishing to arrival, in ms; at full speed most of it is queueing.
    pub(crate) p50_ms: f64,
    /// The same for the slowest of 100.
    pub(crate) p99_ms: f64,
    /// Processor seconds of the service per 10,000 deliveries.
    pub(crate) cpu_seconds: f64,
    /// The most memory it had, in MiB.
    pub(crate) peak_mib: f64,
    /// From the start of the process to its first answer, in ms.
    pub(crate) first_answer_ms: f64,
}

impl Run {
    /// Publishes `events` events for `fan_out` webhooks each, to a service with this executable.
    pub(crate) async fn measure(executable: Option<&Path>, fan_out: usize, events: usize) -> Self {
        let stage = Stage::of(executable, fan_out).await;
        let deliveries = fan_out * events;
        let before = stage.cpu_seconds();
        let begin = full_speed(&stage.goal(), events).await;
        let report = stage.endpoint.after(deliveries, LIMIT).await;
        let cpu_seconds = (stage.cpu_seconds() - before) * 10_000.0 / real(deliveries as u64);
        Self {
            per_second: per_second(&report, begin),
            p50_ms: f64::from(report.p50_us) / 1_000.0,
            p99_ms: f64::from(report.p99_us) / 1_000.0,
            cpu_seconds,
            peak_mib: real(peak_memory_kib(stage.hookline.pid())) / 1_024.0,
            first_answer_ms: stage.hookline.first_answer_after().as_secs_f64() * 1_000.0,
        }
    }
}

/// A run at a steady rate, fan-out 1.
pub(crate) struct Steady {
    /// From the moment an event was due to its arrival, in ms.
    pub(crate) p50_ms: f64,
    /// The same for the slowest of 100.
    pub(crate) p99_ms: f64,
}

impl Steady {
    /// Publishes `events` events at this rate, to a service with this executable.
    pub(crate) async fn measure(executable: Option<&Path>, per_second: u32, events: usize) -> Self {
        let stage = Stage::of(executable, 1).await;
        // Connections, caches and the first lookup are made before it counts.
        full_speed(&stage.goal(), 200).await;
        stage.endpoint.after(200, LIMIT).await;
        steady(&stage.goal(), per_second, events).await;
        let report = stage.endpoint.after(events, LIMIT).await;
        Self { p50_ms: f64::from(report.p50_us) / 1_000.0, p99_ms: f64::from(report.p99_us) / 1_000.0 }
    }
}

/// The memory of a service with many records.
pub(crate) struct Memory {
    /// How many records are stored.
    pub(crate) records: usize,
    /// The most memory the process had while it made them, in MiB.
    pub(crate) filling_mib: f64,
    /// The most memory of a process started on them, after it has delivered 1,000 more, in MiB.
    pub(crate) working_mib: f64,
    /// From the start of that process to its first answer, in ms.
    pub(crate) first_answer_ms: f64,
}

impl Memory {
    /// Fills a store through the API at full speed: every event makes one record for each webhook.
    pub(crate) async fn measure(fan_out: usize, events: usize) -> Self {
        let stage = Stage::set(fan_out).await;
        let records = fan_out * events;
        full_speed(&stage.goal(), events).await;
        stage.endpoint.after(records, FILL_LIMIT).await;
        let filling_mib = real(peak_memory_kib(stage.hookline.pid())) / 1_024.0;

        let Stage { hookline, endpoint, folder } = stage;
        let (start, status) = hookline.terminate().await;
        assert!(status.success(), "the service ends in order: {status}");
        let stage = Stage { hookline: start.serve().await, endpoint, folder };
        let first_answer_ms = stage.hookline.first_answer_after().as_secs_f64() * 1_000.0;
        full_speed(&stage.goal(), 1_000 / fan_out).await;
        stage.endpoint.after(1_000 / fan_out * fan_out, LIMIT).await;
        let working_mib = real(peak_memory_kib(stage.hookline.pid())) / 1_024.0;
        Self { records, filling_mib, working_mib, first_answer_ms }
    }
}

/// Messages per second, from the first publish to the last arrival.
pub(crate) fn per_second(report: &Report, begin_ns: u64) -> f64 {
    let nanoseconds = report.last_ns.saturating_sub(begin_ns).max(1);
    real(report.count as u64) * 1e9 / real(nanoseconds)
}
