//! A batch of a queue: all its messages are worked on at the same time, and each fails by itself.
//!
//! Whatever happens to one message, the others are reported as they went: a panic ends the work on one message, and the
//! work stops while there is still time to report. What is not done stays on the queue, and comes again: at once what ran
//! out of time, after a growing wait what failed by a fault of our own.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use hookline_core::clock::{Clock as _, System};
use hookline_core::ports::Fault;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use super::metrics::BatchMetrics;
use super::source_queue::{ReceivedMessage, SourceQueue};

/// The time that is kept to report.
const REPORT: Duration = Duration::from_secs(2);
/// The wait after a fault of our own; it doubles with every time that the message comes.
const FAULT_WAIT: Duration = Duration::from_secs(5);
/// The longest such wait.
const LONGEST_FAULT_WAIT: Duration = Duration::from_mins(5);

/// What became of a message.
#[derive(Debug)]
pub(super) enum WorkOutcome {
    /// It is done.
    Done,
    /// It stays on the queue, not to be seen before then.
    Defer {
        /// When.
        until: Timestamp,
    },
    /// Nobody can work on it.
    Unreadable {
        /// Why.
        reason: String,
    },
}

/// Works on the messages of one queue.
#[async_trait]
pub(super) trait BatchHandler: Send + Sync {
    /// What the metrics call the queue.
    fn name(&self) -> &'static str;
    /// Works on one message. How late it was is noted in the metrics.
    async fn work(&self, message: &ReceivedMessage, metrics: &BatchMetrics) -> Result<WorkOutcome, Fault>;
    /// The batch is over. What goes wrong here has no consequence for its messages.
    async fn finish(&self) {}
}

/// A function that takes batches of one queue.
pub struct BatchConsumer {
    queue: SourceQueue,
    work: Box<dyn BatchHandler>,
}

impl BatchConsumer {
    pub(super) fn new(queue: SourceQueue, work: impl BatchHandler + 'static) -> Self {
        Self { queue, work: Box::new(work) }
    }

    /// Takes batches as long as the environment lives.
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

    /// Works on one batch, and reports what is not done. `deadline` is when the report must be there.
    pub async fn take(&self, batch: SqsEvent, deadline: Timestamp) -> SqsBatchResponse {
        self.work_on(batch, deadline).await.0
    }

    async fn work_on(&self, batch: SqsEvent, deadline: Timestamp) -> (SqsBatchResponse, BatchMetrics) {
        let Self { queue, work } = self;
        let left = deadline.as_millisecond().saturating_sub(System.now().as_millisecond());
        let time = Duration::from_millis(u64::try_from(left).unwrap_or_default()).saturating_sub(REPORT);
        let messages: Vec<ReceivedMessage> = batch.records.into_iter().map(ReceivedMessage::of).collect();
        let metrics = BatchMetrics::new(queue.deployment(), work.name(), messages.len());
        let done = join_all(messages.iter().map(|message| one(queue, &**work, message, time, &metrics))).await;
        if tokio::time::timeout(REPORT / 2, work.finish()).await.is_err() {
            tracing::warn!("the end of a batch took too long");
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

/// Works on one message; `true` if it may leave the queue.
async fn one(
    queue: &SourceQueue,
    work: &dyn BatchHandler,
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
                tracing::error!(message.id = message.id, reason, "a message cannot be understood");
                metrics.buried();
                queue.to_dead_letters(message, &reason).await?;
                Ok(true)
            }
        }
    };
    match tokio::time::timeout(time, AssertUnwindSafe(worked).catch_unwind()).await {
        Ok(Ok(Ok(done))) => return done,
        Ok(Ok(Err(fault))) => {
            let fault: Fault = fault;
            tracing::error!(message.id = message.id, error = %fault, "a piece of work failed by our own fault");
        }
        Ok(Err(_panic)) => tracing::error!(message.id = message.id, "a piece of work panicked"),
        Err(_elapsed) => {
            tracing::error!(message.id = message.id, "a piece of work ran out of time");
            metrics.fault();
            return false;
        }
    }
    metrics.fault();
    let now = System.now();
    if let Err(fault) = queue.defer(message, now + fault_wait(message.receives), now).await {
        // It comes again when the queue's own time is over.
        tracing::warn!(message.id = message.id, error = %fault, "a message could not be handed back");
    }
    false
}

/// 5 s, 10 s, 20 s … up to five minutes.
fn fault_wait(receives: u32) -> Duration {
    FAULT_WAIT.saturating_mul(1 << receives.saturating_sub(1).min(10)).min(LONGEST_FAULT_WAIT)
}
