//! The function `delivery`. It handles the deliveries queue: attempts, and the steps of redelivery jobs and recoveries.
//!
//! Work that must wait is put on the queue again with a delay, several times if the wait is long, and the received
//! message is done. Returning the message instead would raise its receive count until SQS moves it to the dead-letter
//! queue.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hookline_core::errors::PortError;
use hookline_core::ids::AccountId;
use hookline_core::model::Attempt;
use hookline_core::ports::{Disposition, Measurement, Metrics as _};
use hookline_core::service::Service;
use hookline_core::use_cases::{deliver, recover, redelivery_job, spans};
use jiff::Timestamp;
use tracing::{Instrument as _, Span};

use super::batch::BatchConsumer;
use super::batch::{BatchHandler, WorkOutcome, store_counts};
use super::deployment::Deployment;
use super::metrics::{EmfMetrics, HANDED_BACK};
use super::source_queue::ReceivedMessage;
use crate::queues;
use crate::queues::SqsQueues;
use crate::settings::FunctionSettingsError;
use crate::store::dynamo::Table;

/// A message that was put back this often is stuck: a run ends after 72 hours, however long its waits are.
const MAX_HOPS: u16 = 20_000;

impl Deployment {
    /// The function `delivery` with these ports.
    pub fn delivery(&self, service: Service) -> Result<BatchConsumer, FunctionSettingsError> {
        let (queues, table, metrics) = (self.queues(), self.table().clone(), self.metrics());
        let handler =
            DeliverHandler { service, queues, table, metrics: Arc::clone(&metrics), deferred: Mutex::default() };
        Ok(BatchConsumer::new(self.deliveries()?, metrics, handler))
    }
}

/// The end of the minute: the deferred messages of a minute are counted together.
fn whole_minute(until: Timestamp) -> Timestamp {
    Timestamp::from_second((until.as_second() / 60 + 1) * 60).unwrap_or(until)
}

struct DeliverHandler {
    service: Service,
    queues: SqsQueues,
    table: Table,
    metrics: Arc<EmfMetrics>,
    /// The deferred messages of the batch, counted by account, endpoint host and minute.
    deferred: Mutex<BTreeMap<(AccountId, String, Timestamp), u64>>,
}

#[async_trait]
impl BatchHandler for DeliverHandler {
    fn name(&self) -> &'static str {
        "deliveries"
    }

    async fn work(&self, message: &ReceivedMessage, span: &OnceLock<Span>) -> Result<WorkOutcome, PortError> {
        let _guard = self.queues.start_work();
        let work = queues::decode_body(&message.body).ok_or_else(|| "the body is neither JSON nor base64".to_owned());
        match work.and_then(|text| queues::DeliveryWork::decode(&text)) {
            Ok(queues::DeliveryWork::Attempt(attempt)) => {
                let span = span.get_or_init(|| spans::attempt(&attempt)).clone();
                self.deliver(*attempt, message).instrument(span).await
            }
            Ok(queues::DeliveryWork::Step(step)) => {
                let done = match step.clone() {
                    queues::LongStep::Redelivery(step) => {
                        let span = span.get_or_init(|| spans::job(&step)).clone();
                        redelivery_job::run_step(&self.service, step).instrument(span).await?
                    }
                    queues::LongStep::Recovery(step) => {
                        let span = span.get_or_init(|| spans::recovery(&step)).clone();
                        recover::run_step(&self.service, step).instrument(span).await?
                    }
                };
                if let Disposition::HandBack { until } = done {
                    self.metrics.add(HANDED_BACK, self.name(), 1);
                    self.queues.put_again(&queues::DeliveryWork::Step(step), &message.group, None, until).await?;
                }
                Ok(WorkOutcome::Done)
            }
            Err(reason) => Ok(WorkOutcome::Unreadable { reason }),
        }
    }

    fn begin(&self, messages: &[ReceivedMessage]) {
        let mut counts = HashMap::new();
        for message in messages {
            *counts.entry(message.host.clone().unwrap_or_default()).or_default() += 1;
        }
        self.table.begin_batch(counts);
    }

    async fn finish(&self) {
        self.table.end_batch();
        let deferred = std::mem::take(&mut *self.deferred.lock().unwrap_or_else(PoisonError::into_inner));
        for ((account, host, until), messages) in deferred {
            if let Err(fault) = self.table.count_waiting(&account, &host, until, messages).await {
                tracing::warn!(error = %fault, "counting messages that wait for an endpoint host failed");
            }
        }
        store_counts(&self.service).await;
    }
}

impl DeliverHandler {
    async fn deliver(&self, attempt: Attempt, message: &ReceivedMessage) -> Result<WorkOutcome, PortError> {
        let (began, possible) = (self.service.clock.now(), message.possible_since(attempt.due_at));
        match deliver::handle(&self.service, attempt.clone()).await? {
            // A message that waited for its endpoint host is late only from the moment that it could be sent.
            Disposition::Done => {
                let lag = Duration::try_from(began.duration_since(possible)).unwrap_or_default();
                self.metrics.record(Measurement::AttemptLate(lag));
            }
            Disposition::HandBack { .. } if attempt.hops >= MAX_HOPS => {
                return Ok(WorkOutcome::Unreadable { reason: "the message was put back too often".to_owned() });
            }
            Disposition::HandBack { until } => {
                self.metrics.add(HANDED_BACK, self.name(), 1);
                if let Some(host) = message.host.clone() {
                    let place = (attempt.message.account().clone(), host, whole_minute(until));
                    let mut deferred = self.deferred.lock().unwrap_or_else(PoisonError::into_inner);
                    *deferred.entry(place).or_default() += 1;
                }
                let again = Attempt { hops: attempt.hops + 1, ..attempt };
                let (again, host) = (queues::DeliveryWork::Attempt(Box::new(again)), message.host.as_deref());
                self.queues.put_again(&again, &message.group, host, until).await?;
            }
        }
        Ok(WorkOutcome::Done)
    }
}
