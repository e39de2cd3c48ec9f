//! A batch of messages from one queue. All messages are handled concurrently, and each succeeds or fails on its own.
//!
//! A panic ends the work on one message only, and work stops early enough to report the result of the batch. A message
//! that is not done stays on the queue. It returns at once if time ran out, and after a growing wait if a fault of our
//! own infrastructure stopped it.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
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
use tracing::Span;

use super::metrics::{BURIED, EmfMetrics, FAULTS, HANDED_BACK, MESSAGES};
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
    /// Handles one message. It notes the span of the work when it knows what the message is about.
    async fn work(&self, message: &ReceivedMessage, span: &OnceLock<Span>) -> Result<WorkOutcome, PortError>;
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
    metrics: Arc<EmfMetrics>,
    work: Box<dyn BatchHandler>,
}

impl BatchConsumer {
    pub(super) fn new(queue: SourceQueue, metrics: Arc<EmfMetrics>, work: impl BatchHandler + 'static) -> Self {
        Self { queue, metrics, work: Box::new(work) }
    }

    /// Consumes batches until Lambda ends the execution environment.
    pub async fn serve(self) -> Result<(), Error> {
        let consumer = &self;
        lambda_runtime::run(service_fn(async move |event: LambdaEvent<SqsEvent>| {
            let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
            let deadline = Timestamp::from_millisecond(deadline).unwrap_or(Timestamp::MAX);
            let report = consumer.take(event.payload, deadline).await;
            consumer.metrics.emit();
            Ok::<_, Error>(report)
        }))
        .await
    }

    /// Handles one batch, and reports the messages that are not done. The report must be complete at `deadline`.
    pub async fn take(&self, batch: SqsEvent, deadline: Timestamp) -> SqsBatchResponse {
        let Self { queue, metrics, work } = self;
        let left = deadline.as_millisecond().saturating_sub(System.now().as_millisecond());
        let time = Duration::from_millis(u64::try_from(left).unwrap_or_default()).saturating_sub(REPORT_TIME);
        let messages: Vec<ReceivedMessage> = batch.records.into_iter().map(ReceivedMessage::of).collect();
        metrics.add(MESSAGES, work.name(), messages.len() as u64);
        work.begin(&messages);
        let done = join_all(messages.iter().map(|message| one(queue, &**work, message, time, metrics))).await;
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
        report
    }
}

/// Handles one message. Answers `true` if it may leave the queue.
async fn one(
    queue: &SourceQueue,
    work: &dyn BatchHandler,
    message: &ReceivedMessage,
    time: Duration,
    metrics: &EmfMetrics,
) -> bool {
    let span = OnceLock::new();
    let in_span = |line: &dyn Fn()| span.get().unwrap_or(&Span::none()).in_scope(line);
    let sqs_message_id = message.id.as_str();
    let worked = async {
        match work.work(message, &span).await? {
            WorkOutcome::Done => Ok(true),
            WorkOutcome::Defer { until } => {
                metrics.add(HANDED_BACK, work.name(), 1);
                queue.defer(message, until, System.now()).await?;
                Ok(false)
            }
            WorkOutcome::Unreadable { reason } => {
                metrics.add(BURIED, work.name(), 1);
                queue.to_dead_letters(message, &reason).await?;
                let action = "read it in the dead-letter queue, and see who sends such messages";
                in_span(&|| tracing::error!(sqs_message_id, reason, action, "message moved to the dead-letter queue"));
                Ok(true)
            }
        }
    };
    match tokio::time::timeout(time, AssertUnwindSafe(worked).catch_unwind()).await {
        Ok(Ok(Ok(done))) => return done,
        Ok(Ok(Err(fault))) => {
            let fault: PortError = fault;
            let action = "see what the error names: table, queue, key or mail; it is tried again";
            in_span(&|| tracing::error!(sqs_message_id, error = %fault, action, "processing a message failed"));
        }
        Ok(Err(_panic)) => {
            let action = "report this fault with the lines before it; it is tried again";
            in_span(&|| tracing::error!(sqs_message_id, action, "processing a message panicked"));
        }
        Err(_elapsed) => {
            let action = "raise the timeout or the memory of the function; it is tried again";
            in_span(&|| tracing::error!(sqs_message_id, action, "processing a message timed out"));
            metrics.add(FAULTS, work.name(), 1);
            return false;
        }
    }
    metrics.add(FAULTS, work.name(), 1);
    let now = System.now();
    if let Err(fault) = queue.defer(message, now + fault_backoff(message.receives), now).await {
        // The message returns when its visibility timeout ends.
        in_span(&|| tracing::warn!(sqs_message_id, error = %fault, "deferring a message failed"));
    }
    false
}

/// 5 s, 10 s, 20 s … up to five minutes.
fn fault_backoff(receives: u32) -> Duration {
    FAULT_BACKOFF.saturating_mul(1 << receives.saturating_sub(1).min(10)).min(MAX_FAULT_BACKOFF)
}
