//! The function `event-fanout`: events of the events queue.

use async_trait::async_trait;
use hookline_core::ports::{Disposition, Fault, Service};

use super::batch::Consumer;
use super::batch::{Work, Worked};
use super::deployment::Deployment;
use super::event_message::{self, Intake};
use super::metrics::Tally;
use super::source_queue::Letter;
use crate::queues::SqsQueues;
use crate::settings::SettingsError;

impl Deployment {
    /// The function `event-fanout`, with these ports.
    pub fn event_fanout(&self, service: Service) -> Result<Consumer, SettingsError> {
        Ok(Consumer::new(self.events()?, FanOut { service, queues: self.queues() }))
    }
}

struct FanOut {
    service: Service,
    queues: SqsQueues,
}

#[async_trait]
impl Work for FanOut {
    fn name(&self) -> &'static str {
        "events"
    }

    async fn work(&self, letter: &Letter, tally: &Tally) -> Result<Worked, Fault> {
        let _at_work = self.queues.at_work();
        let now = self.service.clock.now();
        let event = match event_message::read(&self.service, letter, now).await? {
            Intake::Event(event) => event,
            Intake::Refused(reason) => return Ok(Worked::Unreadable { reason }),
        };
        tally.lag(event.head.accepted_at, now);
        Ok(match hookline_core::fan_out::handle(&self.service, event).await? {
            Disposition::Done => Worked::Done,
            Disposition::HandBack { until } => Worked::Hide { until },
        })
    }
}
