//! The world's own queues.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::model::{Attempt, Event, MailStep, RecoveryStep, RedeliveryStep};
use hookline_core::ports::{EventIntake, Queues};

use super::Gated;
use crate::queue::Body;
use crate::steps::{Cut, Step};
use crate::world::State;

#[async_trait]
impl Queues for Gated {
    async fn put_events(&self, events: &[Event]) -> Vec<PortResult<EventIntake>> {
        let effect = async {
            let mut state = self.world.lock();
            for event in &events[..state.part(events.len())] {
                let due = event.head.accepted_at.as_millisecond();
                state.put(&Body::Event(event.clone()), due);
            }
            Ok(EventIntake::Accepted)
        };
        let put = self.world.step(Step::PutEvents, effect).await;
        events.iter().map(|_| put.clone()).collect()
    }

    async fn put_attempts(&self, attempts: &[(u64, Attempt)]) -> PortResult<()> {
        let effect = async {
            let mut state = self.world.lock();
            for (_, attempt) in &attempts[..state.part(attempts.len())] {
                state.check_put(attempt);
                let text = attempt.encode(state.queue.inline);
                state.log.texts.push(text.clone());
                state.put(&Body::Attempt(text), attempt.due_at.as_millisecond());
                let run = (attempt.message.id.clone(), attempt.run);
                state.work().put.push((run.0.clone(), run.1, attempt.number));
                state.log.runs.entry(run).or_insert_with(|| attempt.clone());
            }
            Ok(())
        };
        self.world.step(Step::PutAttempts, effect).await
    }

    async fn put_redelivery(&self, step: &RedeliveryStep) -> PortResult<()> {
        let effect = async {
            self.world.lock().put(&Body::Redelivery(step.clone()), step.due_at.as_millisecond());
            Ok(())
        };
        self.world.step(Step::PutRedelivery, effect).await
    }

    async fn put_recovery(&self, step: &RecoveryStep) -> PortResult<()> {
        let effect = async {
            let mut state = self.world.lock();
            state.put(&Body::Recovery(step.clone()), step.due_at.as_millisecond());
            state.work().put_recovery = true;
            Ok(())
        };
        self.world.step(Step::PutRecovery, effect).await
    }

    async fn put_mail(&self, step: &MailStep) -> PortResult<()> {
        let effect = async {
            self.world.lock().put(&Body::Mail(step.clone()), step.due_at.as_millisecond());
            Ok(())
        };
        self.world.step(Step::PutMail, effect).await
    }
}

impl State {
    /// How many of a batch arrive: one that fails may have arrived in part.
    fn part(&mut self, length: usize) -> usize {
        match self.cut {
            Some(Cut::FailsAfter | Cut::DiesAfter) if length > 1 => self.chance.index(length) + 1,
            _ => length,
        }
    }
}
