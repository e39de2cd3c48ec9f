//! The function `event-fanout`. It handles the events queue.

use std::collections::HashMap;
use std::sync::OnceLock;

use async_trait::async_trait;
use hookline_core::errors::PortError;
use hookline_core::ports::{Disposition, Measurement, RefusalReason};
use hookline_core::service::Service;
use hookline_core::use_cases::{fan_out, spans};
use tracing::{Instrument as _, Span};

use super::batch::BatchConsumer;
use super::batch::{BatchHandler, WorkOutcome, store_counts};
use super::deployment::Deployment;
use super::event_message::{self, DecodedEvent};
use super::source_queue::ReceivedMessage;
use crate::queues::SqsQueues;
use crate::settings::FunctionSettingsError;
use crate::store::dynamo::Table;

impl Deployment {
    /// The function `event-fanout` with these ports.
    pub fn event_fanout(&self, service: Service) -> Result<BatchConsumer, FunctionSettingsError> {
        let handler = FanOutHandler { service, queues: self.queues(), table: self.table().clone() };
        Ok(BatchConsumer::new(self.events()?, self.metrics(), handler))
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

    async fn work(&self, message: &ReceivedMessage, span: &OnceLock<Span>) -> Result<WorkOutcome, PortError> {
        let _guard = self.queues.start_work();
        let now = self.service.clock.now();
        let (event, by) = match event_message::read(&self.service, message, now).await? {
            DecodedEvent::Event { event, by } => (event, by),
            DecodedEvent::Refused(reason) => {
                self.service.metrics.record(Measurement::EventRefused(RefusalReason::Invalid));
                return Ok(WorkOutcome::Unreadable { reason });
            }
        };
        let span = span.get_or_init(|| spans::fan_out(&event.head)).clone();
        // The message itself was the publishing, and it may come again.
        if let Some(by) = by.filter(|_| message.receives == 1) {
            span.in_scope(|| tracing::info!(target: "hookline::success", by = by.as_str(), "event accepted"));
            self.service.metrics.record(Measurement::EventAccepted(by));
        }
        Ok(match fan_out::handle(&self.service, event).instrument(span).await? {
            Disposition::Done => WorkOutcome::Done,
            Disposition::HandBack { until } => WorkOutcome::Defer { until },
        })
    }

    async fn finish(&self) {
        self.table.end_batch();
        store_counts(&self.service).await;
    }
}
