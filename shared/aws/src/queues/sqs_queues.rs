//! The port for queues, on SQS.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use hookline_core::errors::PortResult;
use hookline_core::ids::AccountId;
use hookline_core::model::event::encode_event;
use hookline_core::model::{Attempt, Event, RecoveryStep, RedeliveryStep};
use hookline_core::ports::Queues;
use hookline_core::values::Clock;
use jiff::Timestamp;

use super::batch_sender::{BatchSender, WorkGuard};
use super::message::{INLINE, OutgoingMessage};
use super::sending::send;
use super::work::{DeliveryWork, LongStep};
use crate::encoding::{group, host_key};

/// The longest delay that SQS supports. It is scaled like all waits, so that tests also wait in several rounds.
const MAX_DELAY: Duration = Duration::from_mins(15);

/// How many bytes of bodies one call encodes before it sends them, so that memory does not grow with the width of an
/// event.
const MAX_ENCODED: usize = 1024 * 1024;

/// The events queue and the deliveries queue.
#[derive(Clone)]
pub struct SqsQueues {
    client: Client,
    events: String,
    deliveries: String,
    clock: Arc<dyn Clock>,
    max_delay: Duration,
    /// For the deliveries queue.
    sender: Arc<BatchSender>,
}

impl SqsQueues {
    /// The queues with these URLs. `wait_scale` scales all waits of the deployment.
    #[must_use]
    pub fn new(client: Client, events: &str, deliveries: &str, clock: Arc<dyn Clock>, wait_scale: f64) -> Self {
        let (events, deliveries) = (events.to_owned(), deliveries.to_owned());
        let max_delay = MAX_DELAY.mul_f64(wait_scale);
        Self { client, events, deliveries, clock, max_delay, sender: Arc::default() }
    }

    /// The delay of a message that is due at this time, up to the longest delay.
    fn delay(&self, due_at: Timestamp) -> Duration {
        delay(due_at, self.clock.now(), self.max_delay)
    }

    /// Marks work that may send messages to the deliveries queue. Other work sends together with it.
    pub(crate) fn start_work(&self) -> WorkGuard {
        self.sender.begin()
    }

    /// Sends messages to the deliveries queue, together with those of concurrent work.
    async fn put(&self, messages: Vec<OutgoingMessage>) -> PortResult<()> {
        self.sender.put(messages, |messages| send(&self.client, &self.deliveries, messages)).await
    }

    /// Puts work on the deliveries queue again, hidden until `until`. A wait that exceeds the longest delay takes
    /// several rounds.
    pub(crate) async fn put_again(
        &self,
        work: &DeliveryWork,
        group: &str,
        host: Option<&str>,
        until: Timestamp,
    ) -> PortResult<()> {
        let mut again = OutgoingMessage::new(work.encode(), group.to_owned());
        again.host = host.map(str::to_owned);
        again.delay = self.delay(until);
        again.not_before = Some(until);
        self.put(vec![again]).await
    }

    async fn put_step(&self, step: &LongStep, account: &AccountId, due_at: Timestamp) -> PortResult<()> {
        let mut message = OutgoingMessage::new(step.encode(), account.to_string());
        message.delay = self.delay(due_at);
        self.put(vec![message]).await
    }
}

#[async_trait]
impl Queues for SqsQueues {
    async fn put_events(&self, events: &[Event]) -> Vec<PortResult<()>> {
        let messages = events
            .iter()
            .map(|event| OutgoingMessage::new(encode_event(event), event.head.account.to_string()))
            .collect();
        send(&self.client, &self.events, messages).await
    }

    async fn put_attempts(&self, attempts: &[(u64, Attempt)]) -> PortResult<()> {
        let message = |(host, attempt): &(u64, Attempt)| {
            let account = attempt.message.account();
            let mut message = OutgoingMessage::new(attempt.encode(INLINE), group(account, *host));
            message.host = Some(host_key(account, *host));
            message.delay = self.delay(attempt.due_at);
            message
        };
        // The attempts of an event share its payload, but their messages do not: so only some of them exist at a time.
        let (mut messages, mut bytes) = (Vec::new(), 0);
        for attempt in attempts {
            let message = message(attempt);
            bytes += message.body.len();
            messages.push(message);
            if bytes >= MAX_ENCODED {
                self.put(std::mem::take(&mut messages)).await?;
                bytes = 0;
            }
        }
        self.put(messages).await
    }

    async fn put_redelivery(&self, step: &RedeliveryStep) -> PortResult<()> {
        self.put_step(&LongStep::Redelivery(step.clone()), &step.account, step.due_at).await
    }

    async fn put_recovery(&self, step: &RecoveryStep) -> PortResult<()> {
        self.put_step(&LongStep::Recovery(step.clone()), &step.account, step.due_at).await
    }
}

/// The delay of a message in whole seconds, up to the longest delay.
fn delay(until: Timestamp, now: Timestamp, longest: Duration) -> Duration {
    let millis = u64::try_from(until.as_millisecond() - now.as_millisecond()).unwrap_or_default();
    Duration::from_secs(millis.div_ceil(1000).min(longest.as_secs().max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_whole_seconds_and_never_too_short() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let wait = |millis, now| delay(at(millis), at(now), MAX_DELAY);
        assert_eq!(wait(0, 5), Duration::ZERO);
        assert_eq!(wait(1, 0), Duration::from_secs(1));
        assert_eq!(wait(15_000, 0), Duration::from_secs(15));
        assert_eq!(wait(3_600_000, 0), MAX_DELAY);
        assert_eq!(delay(at(3_600_000), at(0), Duration::from_millis(900)), Duration::from_secs(1));
    }
}
