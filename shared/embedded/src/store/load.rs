//! How much there is to do and to keep, for the metrics. All of it is kept up to date in memory: to ask costs no query.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hookline_core::errors::PortResult;
use hookline_core::ports::Metrics;

use crate::store::database::Store;

/// How much there is to do and to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceLoad {
    /// Messages in the deliveries queue.
    pub messages_waiting: u64,
    /// For how long the oldest message that could be sent is due.
    pub oldest_due: Duration,
    /// Deliveries in flight.
    pub in_flight: usize,
    /// Hosts that are throttled.
    pub hosts_throttled: usize,
    /// Webhooks that are enabled.
    pub webhooks_enabled: u64,
    /// Webhooks that are disabled.
    pub webhooks_disabled: u64,
    /// Bytes of the database and its log.
    pub bytes: u64,
}

impl Store {
    /// Measures the transactions from now on, and counts what the queue holds, once.
    pub(crate) fn measure(&self, metrics: Arc<dyn Metrics>) -> PortResult<()> {
        self.writer().measure(metrics);
        let messages: i64 =
            self.read(|connection| connection.query_row("SELECT count(*) FROM attempts", [], |row| row.get(0)))?;
        self.gauges().messages.store(messages, Ordering::Relaxed);
        self.webhooks_changed();
        Ok(())
    }

    /// Rows of the deliveries queue were deleted.
    pub(crate) fn removed_messages(&self, rows: usize) {
        self.gauges().messages.fetch_sub(i64::try_from(rows).unwrap_or_default(), Ordering::Relaxed);
    }

    /// The numbers of webhooks may be others now.
    pub(crate) fn webhooks_changed(&self) {
        self.gauges().webhooks_changed.store(true, Ordering::Relaxed);
    }

    /// Counts the webhooks, if one was changed since the last time.
    pub(crate) async fn count_webhooks(&self) -> PortResult<()> {
        if !self.gauges().webhooks_changed.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let counted = self.list(|connection| {
            connection.query_row("SELECT count(*), coalesce(sum(disabled), 0) FROM webhooks", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
        });
        let (all, off): (i64, i64) = counted.await.inspect_err(|_| self.webhooks_changed())?;
        let [enabled, disabled] = &self.gauges().webhooks;
        enabled.store(all - off, Ordering::Relaxed);
        disabled.store(off, Ordering::Relaxed);
        Ok(())
    }

    /// How much there is to do and to keep, at a time in epoch milliseconds.
    #[must_use]
    pub fn load_at(&self, now: i64) -> ServiceLoad {
        let gauges = self.gauges();
        let scheduler = self.scheduler().map(|scheduler| scheduler.summary(now));
        let due = scheduler.and_then(|load| load.oldest_due).unwrap_or(now);
        let number = |gauge: &std::sync::atomic::AtomicI64| gauge.load(Ordering::Relaxed).max(0).cast_unsigned();
        let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |file| file.len());
        let mut log = self.path().as_os_str().to_owned();
        log.push("-wal");
        ServiceLoad {
            messages_waiting: number(&gauges.messages),
            oldest_due: Duration::from_millis(u64::try_from(now - due).unwrap_or_default()),
            in_flight: scheduler.map_or(0, |load| load.in_flight),
            hosts_throttled: scheduler.map_or(0, |load| load.throttled_hosts),
            webhooks_enabled: number(&gauges.webhooks[0]),
            webhooks_disabled: number(&gauges.webhooks[1]),
            bytes: size(self.path()) + size(log.as_ref()),
        }
    }
}
