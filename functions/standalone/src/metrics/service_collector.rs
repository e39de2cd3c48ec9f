//! Gauges of the service, its store and its process: read from memory at each scrape.

use std::fmt::Debug;
use std::path::PathBuf;

use hookline_core::values::{Clock as _, System};
use hookline_embedded::{ServiceLoad, Store};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::process::ProcessNumbers;

/// Shows the gauges.
pub(super) struct ServiceCollector {
    store: Store,
    data: PathBuf,
    process: ProcessNumbers,
}

impl ServiceCollector {
    /// Of a store whose file is in the folder `data`.
    pub(super) fn new(store: Store, data: PathBuf) -> Self {
        Self { store, data, process: ProcessNumbers::new() }
    }

    /// What the system leaves for the data folder. Empty where the system does not say.
    #[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^52")]
    fn free_bytes(&self) -> Option<f64> {
        let disk = rustix::fs::statvfs(&self.data).ok()?;
        Some((disk.f_bavail * disk.f_frsize) as f64)
    }
}

impl Debug for ServiceCollector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ServiceCollector")
    }
}

impl Collector for ServiceCollector {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let ServiceLoad {
            messages_waiting,
            oldest_due,
            in_flight,
            hosts_throttled,
            webhooks_enabled,
            webhooks_disabled,
            bytes,
        } = self.store.load_at(System.now().as_millisecond());
        let service = [
            ("hookline_messages_waiting", "Messages in the deliveries queue", messages_waiting as f64),
            (
                "hookline_oldest_due_seconds",
                "Since when the oldest message is due that could be sent",
                oldest_due.as_secs_f64(),
            ),
            ("hookline_in_flight", "Deliveries in flight", in_flight as f64),
            ("hookline_hosts_throttled", "Endpoint hosts that are throttled", hosts_throttled as f64),
            ("hookline_store_bytes", "Size of the database and its log", bytes as f64),
        ];
        for (name, help, value) in service.into_iter().chain(self.process.gauges()) {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        if let Some(free) = self.free_bytes() {
            let (name, help) = ("hookline_store_free_bytes", "Space that is left on the disk of the data folder");
            ConstGauge::new(free).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        let mut webhooks = encoder.encode_descriptor("hookline_webhooks", "Webhooks", None, MetricType::Gauge)?;
        for (state, count) in [("enabled", webhooks_enabled), ("disabled", webhooks_disabled)] {
            ConstGauge::new(count as f64).encode(webhooks.encode_family(&[("state", state)])?)?;
        }
        let mut build = encoder.encode_descriptor("hookline_build_info", "The version", None, MetricType::Gauge)?;
        ConstGauge::new(1.0).encode(build.encode_family(&[("version", env!("CARGO_PKG_VERSION"))])?)?;
        if let Some(seconds) = ProcessNumbers::cpu_seconds() {
            let (name, help) = ("process_cpu_seconds", "Time that the process used");
            ConstCounter::new(seconds).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        Ok(())
    }
}
