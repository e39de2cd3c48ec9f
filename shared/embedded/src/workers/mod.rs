//! The workers: they take due messages from the queues and run the use cases of `hookline_core`.
//!
//! They never poll. A new message, a finished message, or one timer for the next due time wakes them. A message is
//! acknowledged when its use case returns *done*, and postponed when it returns *hand back*. After a failure of our own
//! infrastructure it is repeated, with a growing wait. A panic ends the processing of one message, not the process.

mod fault_backoff;
mod observed_transport;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hookline_core::errors::{PortError, PortResult};
use hookline_core::ports::{Disposition, Measurement};
use hookline_core::service::Service;
use hookline_core::use_cases::{deliver, fan_out, recover, redelivery_job, spans};
use hookline_core::values::clock::whole_millisecond;
use tokio::task::JoinHandle;
use tracing::{Instrument as _, Span};

use self::fault_backoff::{FaultBackoff, FaultWait};
use self::observed_transport::ObservedTransport;
use crate::queue::item::{QueueItem, QueueKey, WorkItem};
use crate::queue::lane::Lane;
use crate::queue::scheduler::{ConcurrencyLimits, Scheduler, StartAction};
use crate::queue::unit_of_work::UnitOfWork;
use crate::store::database::Store;

/// How often expired records are removed.
const SWEEP_EVERY: Duration = Duration::from_mins(10);
/// How often counts are written.
const COUNT_EVERY: Duration = Duration::from_secs(10);
/// What an operator can do about a database that cannot be used.
const CHECK_DISK: &str = "check the disk: free space, rights and health; it is tried again";
/// The pause between two steps of a sweep.
const SWEEP_PAUSE: Duration = Duration::from_millis(50);

/// The running workers.
pub struct Workers {
    shared: Arc<WorkersShared>,
    tasks: Vec<JoinHandle<()>>,
}

struct WorkersShared {
    service: Service,
    store: Store,
    scheduler: Arc<Scheduler>,
    faults: FaultBackoff,
}

impl Workers {
    /// Starts the workers of a store. `service` uses the ports of [`Store::worker`]. Messages that a crashed process
    /// left in the queues are processed again. Call it inside a tokio runtime, once for each store.
    ///
    /// # Errors
    /// If the queues cannot be read, or the store has workers already.
    pub fn start(service: Service, store: Store, limits: ConcurrencyLimits) -> PortResult<Self> {
        let scheduler = Arc::new(Scheduler::new(limits));
        if !store.connect(Arc::clone(&scheduler)) {
            return Err(PortError::unavailable("store", "the workers are running already"));
        }
        let now = service.clock.now();
        for (host, circuit) in store.circuits(now)? {
            scheduler.set_circuit(host, circuit, now.as_millisecond());
        }
        store.measure(Arc::clone(&service.metrics))?;
        for (lane, due) in store.lanes()? {
            scheduler.note(lane, due);
        }
        let transport = Arc::new(ObservedTransport { transport: service.transport, scheduler: Arc::clone(&scheduler) });
        let service = Service { transport, ..service };
        let shared = Arc::new(WorkersShared { service, store, scheduler, faults: FaultBackoff::default() });
        let tasks = vec![
            tokio::spawn(dispatch(Arc::clone(&shared))),
            tokio::spawn(sweep(Arc::clone(&shared))),
            tokio::spawn(write_counts(Arc::clone(&shared))),
        ];
        Ok(Self { shared, tasks })
    }

    /// Starts nothing more and waits at most `patience` for the work in progress. The rest stays in the queues.
    pub async fn stop(self, patience: Duration) {
        let scheduler = &self.shared.scheduler;
        let quiet = async {
            while !scheduler.stop() {
                scheduler.quiet.notified().await;
            }
        };
        if tokio::time::timeout(patience, quiet).await.is_err() {
            tracing::warn!("stopped before all work in progress had finished");
        }
        for task in self.tasks {
            task.abort();
        }
        self.shared.write_counts().await;
    }
}

/// Starts what can start, whenever something may have changed.
async fn dispatch(shared: Arc<WorkersShared>) {
    let scheduler = &shared.scheduler;
    loop {
        let now = shared.now();
        for action in scheduler.start(now) {
            let shared = Arc::clone(&shared);
            match action {
                StartAction::Item(item) => {
                    let span = span_of(&item.work);
                    drop(tokio::spawn(work_on(shared, *item).instrument(span)));
                }
                StartAction::Load { lane, max, half_open } => drop(tokio::spawn(load(shared, lane, max, half_open))),
            }
        }
        let due = async {
            match scheduler.next_due() {
                Some(due) => {
                    let wait = u64::try_from(due.saturating_sub(shared.now())).unwrap_or_default();
                    tokio::time::sleep(Duration::from_millis(wait)).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = scheduler.work.notified() => {}
            () = scheduler.clock.notified() => {}
            () = due => {}
        }
    }
}

/// Loads due rows.
async fn load(shared: Arc<WorkersShared>, lane: Lane, max: usize, half_open: bool) {
    let now = shared.now();
    let run = i64::try_from(shared.service.settings.run_expires_after.as_millis()).unwrap_or(i64::MAX);
    let expired = half_open.then(|| now.saturating_sub(run));
    let loaded = match shared.store.load(lane, now, max, expired).await {
        Ok(mut loaded) => {
            for key in std::mem::take(&mut loaded.lost) {
                tracing::error!(
                    queue_row = key.number,
                    action = "the database was damaged or changed by hand: restore a backup if more is missing",
                    "removed a message without its event"
                );
                shared.store.acknowledge(Arc::new(UnitOfWork::default()), key, |_| ());
            }
            Some(loaded)
        }
        Err(fault) => {
            tracing::error!(error = %fault, action = CHECK_DISK, "loading due deliveries failed");
            None
        }
    };
    shared.scheduler.loaded(lane, loaded, now);
}

/// Processes one message.
async fn work_on(shared: Arc<WorkersShared>, item: QueueItem) {
    let key = item.key();
    let QueueItem { origin, fresh, work, .. } = item;
    let unit = Arc::new(UnitOfWork::new(key.lane.account(), origin, fresh));
    let service = &shared.service;
    let began = shared.now();
    let possible = match &work {
        WorkItem::Attempt(_) => shared.scheduler.possible_since(key.lane, key.due),
        WorkItem::Event(_) | WorkItem::Redelivery(_) | WorkItem::Recovery(_) => None,
    };
    // Boxed, because a spawned future is moved more than once.
    let work: BoxFuture<'_, PortResult<Disposition>> = match work {
        WorkItem::Event(event) => fan_out::handle(service, event).boxed(),
        WorkItem::Attempt(attempt) => deliver::handle(service, attempt).boxed(),
        WorkItem::Redelivery(step) => redelivery_job::run_step(service, step).boxed(),
        WorkItem::Recovery(step) => recover::run_step(service, step).boxed(),
    };
    let handled = Arc::clone(&unit).scope(work);
    let outcome = AssertUnwindSafe(handled).catch_unwind().await;
    let scheduler = Arc::clone(&shared.scheduler);
    let again = shared.now() + 1000;
    let span = Span::current();
    let undone = move |fault: PortError| {
        span.in_scope(|| tracing::error!(error = %fault, action = CHECK_DISK, "acknowledging a message failed"));
        scheduler.note(key.lane, again);
    };
    match outcome {
        Ok(Ok(Disposition::Done)) => {
            shared.faults.succeeded(key.lane);
            if let Some(possible) = possible {
                let lag = u64::try_from(began - possible).unwrap_or_default();
                service.metrics.record(Measurement::AttemptLate(Duration::from_millis(lag)));
            }
            shared.store.acknowledge(unit, key, undone);
        }
        Ok(Ok(Disposition::HandBack { until })) => {
            // Rounded up to a whole millisecond: otherwise the message would be due again at once.
            shared.hand_back(key, whole_millisecond(until).as_millisecond(), undone);
        }
        Ok(Err(fault)) => {
            let now = shared.now();
            let FaultWait { wait_ms, log } = shared.faults.failed(key.lane, now);
            if let Some(unlogged) = log {
                let action =
                    "see what the error names: the disk, the key file, memory or open files; it is tried again";
                tracing::error!(error = %fault, wait_ms, unlogged, action, "processing a message failed");
            }
            shared.hand_back(key, now + wait_ms, undone);
        }
        Err(_) => {
            let action = "report this fault with the lines before it; it is tried again in a minute";
            tracing::error!(action, "processing a message panicked");
            shared.hand_back(key, shared.now() + 60_000, undone);
        }
    }
    shared.scheduler.finished(key.lane, key.number);
}

impl WorkersShared {
    fn now(&self) -> i64 {
        self.service.clock.now().as_millisecond()
    }

    async fn write_counts(&self) {
        if let Err(fault) = self.store.count_webhooks().await {
            tracing::warn!(error = %fault, "counting webhooks for the metrics failed");
        }
        if let Err(fault) = self.service.counts.store_counts().await {
            tracing::warn!(error = %fault, "writing counts of deliveries failed: they are written with the next ones");
        }
    }

    fn hand_back(&self, key: QueueKey, until: i64, undone: impl FnOnce(PortError) + Send + 'static) {
        self.store.hand_back(key, until, undone);
        self.scheduler.note(key.lane, until);
    }
}

/// What the log says that a message is about.
fn span_of(work: &WorkItem) -> Span {
    match work {
        WorkItem::Event(event) => spans::fan_out(&event.head),
        WorkItem::Attempt(attempt) => spans::attempt(attempt),
        WorkItem::Redelivery(step) => spans::job(step),
        WorkItem::Recovery(step) => spans::recovery(step),
    }
}

/// Writes counts periodically.
async fn write_counts(shared: Arc<WorkersShared>) {
    loop {
        tokio::time::sleep(COUNT_EVERY).await;
        shared.write_counts().await;
    }
}

/// Removes expired records periodically.
async fn sweep(shared: Arc<WorkersShared>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let now = shared.service.clock.now();
        while more(shared.store.sweep(now).await) || more(shared.store.sweep_attachments(now).await) {
            tokio::time::sleep(SWEEP_PAUSE).await;
        }
    }
}

/// True if a step of a sweep left something for the next one.
fn more(step: PortResult<bool>) -> bool {
    step.unwrap_or_else(|fault| {
        tracing::warn!(error = %fault, "removing expired records failed");
        false
    })
}
