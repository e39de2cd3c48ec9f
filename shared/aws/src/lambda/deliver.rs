//! The function `delivery`: attempts, and steps of redelivery jobs and recoveries, from the deliveries queue.
//!
//! What must wait goes onto the queue again with a delay, in rounds if it is long, and the message that was taken is
//! done: handing it back would count as one more receive, and end among the dead letters.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use hookline_core::account::AccountId;
use hookline_core::message::Attempt;
use hookline_core::ports::{Disposition, Fault, Service};
use hookline_core::{deliver, recover, redeliver};
use jiff::Timestamp;

use super::batch::BatchConsumer;
use super::batch::{BatchHandler, WorkOutcome};
use super::deployment::Deployment;
use super::metrics::BatchMetrics;
use super::source_queue::ReceivedMessage;
use crate::queues;
use crate::queues::SqsQueues;
use crate::settings::FunctionSettingsError;
use crate::store::dynamo::Table;

/// A message that went around so often is stuck: a run is over after 72 hours, whatever its waits.
const MOST_HOPS: u16 = 20_000;

impl Deployment {
    /// The function `delivery`, with these ports.
    pub fn delivery(&self, service: Service) -> Result<BatchConsumer, FunctionSettingsError> {
        let (queues, table, put_off) = (self.queues(), self.table().clone(), Mutex::default());
        Ok(BatchConsumer::new(self.deliveries()?, DeliverHandler { service, queues, table, put_off }))
    }
}

struct DeliverHandler {
    service: Service,
    queues: SqsQueues,
    table: Table,
    /// How many messages of the batch were put off: by account, fair-queue group, and moment.
    put_off: Mutex<BTreeMap<(AccountId, String, Timestamp), u64>>,
}

#[async_trait]
impl BatchHandler for DeliverHandler {
    fn name(&self) -> &'static str {
        "deliveries"
    }

    async fn work(&self, message: &ReceivedMessage, metrics: &BatchMetrics) -> Result<WorkOutcome, Fault> {
        let _at_work = self.queues.at_work();
        let work = queues::decode_body(&message.body).ok_or_else(|| "neither JSON nor base64".to_owned());
        match work.and_then(|text| queues::DeliveryWork::decode(&text)) {
            Ok(queues::DeliveryWork::Attempt(attempt)) => self.deliver(*attempt, message, metrics).await,
            Ok(queues::DeliveryWork::Step(step)) => {
                let done = match step.clone() {
                    queues::LongStep::Redelivery(step) => redeliver::job::handle(&self.service, step).await?,
                    queues::LongStep::Recovery(step) => recover::handle(&self.service, step).await?,
                };
                if let Disposition::HandBack { until } = done {
                    metrics.handed_back();
                    self.queues.put_again(&queues::DeliveryWork::Step(step), &message.group, until).await?;
                }
                Ok(WorkOutcome::Done)
            }
            Err(reason) => Ok(WorkOutcome::Unreadable { reason }),
        }
    }

    async fn finish(&self) {
        let put_off = std::mem::take(&mut *self.put_off.lock().unwrap_or_else(PoisonError::into_inner));
        for ((account, group, until), messages) in put_off {
            if let Err(fault) = self.table.count_waiting(&account, &group, until, messages).await {
                tracing::warn!(error = %fault, "what waits for an endpoint host could not be counted");
            }
        }
    }
}

impl DeliverHandler {
    async fn deliver(
        &self,
        attempt: Attempt,
        message: &ReceivedMessage,
        metrics: &BatchMetrics,
    ) -> Result<WorkOutcome, Fault> {
        let now = self.service.clock.now();
        if attempt.due_at <= now {
            metrics.lag(attempt.due_at, now);
        }
        match deliver::handle(&self.service, attempt.clone()).await? {
            Disposition::Done => {}
            Disposition::HandBack { .. } if attempt.hops >= MOST_HOPS => {
                return Ok(WorkOutcome::Unreadable { reason: "it went around too often".to_owned() });
            }
            Disposition::HandBack { until } => {
                metrics.handed_back();
                {
                    let place = (attempt.message.account().clone(), message.group.clone(), until);
                    let mut put_off = self.put_off.lock().unwrap_or_else(PoisonError::into_inner);
                    *put_off.entry(place).or_default() += 1;
                }
                let again = Attempt { hops: attempt.hops + 1, ..attempt };
                self.queues.put_again(&queues::DeliveryWork::Attempt(Box::new(again)), &message.group, until).await?;
            }
        }
        Ok(WorkOutcome::Done)
    }
}
