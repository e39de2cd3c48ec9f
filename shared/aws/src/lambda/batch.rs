//! A batch of messages from one queue. All messages are handled concurrently, and each succeeds or fails on its own.
//!
//! A panic ends the work on one message only, and work stops early enough to report the result of the batch. A message
//! that is not done stays on the queue. It returns at once if time ran out, and after a growing wait if a fault of our
//! own infrastructure stopped it.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use hookline_core::errors::PortError;
use hookline_core::service::Service;
use hookline_core::values::{Clock as _, System};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use super::fault_log::{FaultLog, FaultSubject};
use super::metrics::BatchMetrics;
use super::source_queue::{ReceivedMessage, SourceQueue};

/// The time reserved for reporting.
const REPORT_TIME: Duration = Duration::from_secs(2);
/// The wait after a fault of our own. It doubles each time the message is received.
const FAULT_BACKOFF: Duration = Duration::from_secs(5);
/// The upper limit of that wait.
const MAX_FAULT_BACKOFF: Duration = Duration::from_mins(5);

/// The outcome of handling a message.
#[derive(Debug)]
pub(super) enum WorkOutcome {
    /// The message can leave the queue.
    Done,
    /// The message stays on the queue and is hidden for a while.
    Defer {
        /// When it becomes visible again.
        until: Timestamp,
    },
    /// The message cannot be decoded, and goes to the dead-letter queue.
    Unreadable {
        /// The reason, as an attribute of the dead letter.
        reason: String,
    },
}

/// Handles the messages of one queue.
#[async_trait]
pub(super) trait BatchHandler: Send + Sync {
    /// The name of the queue in the metrics.
    fn name(&self) -> &'static str;
    /// Runs at the beginning of each batch.
    fn begin(&self, _messages: &[ReceivedMessage]) {}
    /// What a message is about. Only asked if it could not be handled.
    fn subject(&self, message: &ReceivedMessage) -> FaultSubject;
    /// Handles one message, and records its lag in the metrics.
    async fn work(&self, message: &ReceivedMessage, metrics: &BatchMetrics) -> Result<WorkOutcome, PortError>;
    /// Runs at the end of each batch, before it is reported. Its failures do not affect the messages.
    async fn finish(&self);
}

/// Writes what a batch counted.
pub(super) async fn store_counts(service: &Service) {
    if let Err(fault) = service.counts.store_counts().await {
        tracing::warn!(error = %fault, "writing counts of deliveries failed: they are written with the next batch");
    }
}

/// A function that consumes batches of one queue.
pub struct BatchConsumer {
    queue: SourceQueue,
    work: Box<dyn BatchHandler>,
    faults: FaultLog,
}

impl BatchConsumer {
    pub(super) fn new(queue: SourceQueue, work: impl BatchHandler + 'static) -> Self {
        Self { queue, work: Box::new(work), faults: FaultLog::default() }
    }

    /// Consumes batches until Lambda ends the execution environment.
    pub async fn serve(self) -> Result<(), Error> {
        let consumer = &self;
        lambda_runtime::run(service_fn(async move |event: LambdaEvent<SqsEvent>| {
            let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
            let deadline = Timestamp::from_millisecond(deadline).unwrap_or(Timestamp::MAX);
            let (report, metrics) = consumer.work_on(event.payload, deadline).await;
            metrics.emit();
            Ok::<_, Error>(report)
        }))
        .await
    }

    /// Handles one batch, and reports the messages that are not done. The report must be complete at `deadline`.
    pub async fn take(&self, batch: SqsEvent, deadline: Timestamp) -> SqsBatchResponse {
        self.work_on(batch, deadline).await.0
    }

    async fn work_on(&self, batch: SqsEvent, deadline: Timestamp) -> (SqsBatchResponse, BatchMetrics) {
        let Self { queue, work, faults } = self;
        let left = deadline.as_millisecond().saturating_sub(System.now().as_millisecond());
        let time = Duration::from_millis(u64::try_from(left).unwrap_or_default()).saturating_sub(REPORT_TIME);
        let messages: Vec<ReceivedMessage> = batch.records.into_iter().map(ReceivedMessage::of).collect();
        let metrics = BatchMetrics::new(queue.deployment(), work.name(), messages.len());
        work.begin(&messages);
        let done = join_all(messages.iter().map(|message| one(queue, &**work, faults, message, time, &metrics))).await;
        if tokio::time::timeout(REPORT_TIME / 2, work.finish()).await.is_err() {
            tracing::warn!("finishing a batch timed out");
        }
        let undone = messages.iter().zip(done).filter(|(_, done)| !done);
        let failures = undone.map(|(message, _)| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier.clone_from(&message.id);
            failure
        });
        let mut report = SqsBatchResponse::default();
        report.batch_item_failures = failures.collect();
        (report, metrics)
    }
}

/// Handles one message. Answers `true` if it may leave the queue.
async fn one(
    queue: &SourceQueue,
    work: &dyn BatchHandler,
    faults: &FaultLog,
    message: &ReceivedMessage,
    time: Duration,
    metrics: &BatchMetrics,
) -> bool {
    let worked = async {
        match work.work(message, metrics).await? {
            WorkOutcome::Done => Ok(true),
            WorkOutcome::Defer { until } => {
                metrics.handed_back();
                queue.defer(message, until, System.now()).await?;
                Ok(false)
            }
            WorkOutcome::Unreadable { reason } => {
                tracing::error!(message.id = message.id, reason, "decoding a message failed");
                metrics.unreadable();
                queue.to_dead_letters(message, &reason).await?;
                Ok(true)
            }
        }
    };
    let (text, timed_out): (String, bool) =
        match tokio::time::timeout(time, AssertUnwindSafe(worked).catch_unwind()).await {
            Ok(Ok(Ok(done))) => return done,
            Ok(Ok(Err(fault))) => {
                let fault: PortError = fault;
                (fault.to_string(), false)
            }
            Ok(Err(_panic)) => ("a panic".to_owned(), false),
            Err(_elapsed) => ("the time of the batch is over".to_owned(), true),
        };
    metrics.fault();
    let now = System.now();
    let subject = work.subject(message);
    if let Some(unlogged) = faults.admit(&subject, now) {
        tracing::error!(
            account.id = subject.account,
            webhook.id = subject.webhook,
            message.id = subject.message,
            event.id = subject.event,
            queue.message = message.id,
            error = text,
            unlogged,
            "handling a message failed"
        );
    }
    if timed_out {
        return false;
    }
    if let Err(fault) = queue.defer(message, now + fault_backoff(message.receives), now).await {
        // The message returns when its visibility timeout ends.
        tracing::warn!(message.id = message.id, error = %fault, "deferring a message failed");
    }
    false
}

/// 5 s, 10 s, 20 s … up to five minutes.
fn fault_backoff(receives: u32) -> Duration {
    FAULT_BACKOFF.saturating_mul(1 << receives.saturating_sub(1).min(10)).min(MAX_FAULT_BACKOFF)
}
