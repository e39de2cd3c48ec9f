//! The function `event-fanout`. It handles the events queue.

use std::collections::HashMap;

use async_trait::async_trait;
use hookline_core::errors::{PortError, UseCaseError};
use hookline_core::ports::Disposition;
use hookline_core::service::Service;

use super::batch::BatchConsumer;
use super::batch::{BatchHandler, WorkOutcome, store_counts};
use super::deployment::Deployment;
use super::event_message::{self, DecodedEvent};
use super::metrics::BatchMetrics;
use super::source_queue::ReceivedMessage;
use crate::queues::SqsQueues;
use crate::settings::FunctionSettingsError;
use crate::store::dynamo::Table;

impl Deployment {
    /// The function `event-fanout` with these ports.
    pub fn event_fanout(&self, service: Service) -> Result<BatchConsumer, FunctionSettingsError> {
        Ok(BatchConsumer::new(
            self.events()?,
            FanOutHandler { service, queues: self.queues(), table: self.table().clone() },
        ))
    }
}

struct FanOutHandler {
    service: Service,
    queues: SqsQueues,
    table: Table,
}

#[async_trait]
impl BatchHandler for FanOutHandler {
    fn name(&self) -> &'static str {
        "events"
    }

    fn begin(&self, _: &[ReceivedMessage]) {
        self.table.begin_batch(HashMap::new());
    }

    async fn work(&self, message: &ReceivedMessage, metrics: &BatchMetrics) -> Result<WorkOutcome, PortError> {
        let _guard = self.queues.start_work();
        let now = self.service.clock.now();
        let event = match event_message::read(&self.service, message, now).await? {
            DecodedEvent::Event(event) => event,
            DecodedEvent::Refused(reason) => return Ok(WorkOutcome::Unreadable { reason }),
        };
        metrics.lag(event.head.accepted_at, now);
        Ok(match hookline_core::use_cases::fan_out::handle(&self.service, event).await? {
            Disposition::Done => WorkOutcome::Done,
            Disposition::HandBack { until } => WorkOutcome::Defer { until },
            Disposition::Conflict => WorkOutcome::Unreadable { reason: UseCaseError::Conflict.to_string() },
        })
    }

    async fn finish(&self) {
        self.table.end_batch();
        store_counts(&self.service).await;
    }
}
