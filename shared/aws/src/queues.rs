//! The two queues, on SQS standard queues. The message group makes them fair: one account, or one endpoint host of an
//! account, that has much to do does not delay the others.
//!
//! Messages go out in batches, cut by count and by size, and each message of a batch is accepted or refused by itself;
//! what was refused for a reason of the queue's own is sent again.

mod dead_letters;
mod letter;
mod outbox;
mod work;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use futures_util::{StreamExt as _, stream};
use hookline_core::account::AccountId;
use hookline_core::clock::Clock;
use hookline_core::event::Event;
use hookline_core::message::{Attempt, encode_event};
use hookline_core::ports::{Answer, Fault, Queues};
use hookline_core::{recover, redeliver};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

pub use self::dead_letters::{DeadLetters, Which};
pub(crate) use self::letter::open;
use self::letter::{close, cut};
pub(crate) use self::outbox::{AtWork, Outbox};
pub(crate) use self::work::{Step, Work};
use crate::clients::explain;
use crate::hex::hex;

/// A payload of more bytes stays out of an attempt and is read from the stored event: with everything around it the
/// message then is one unit of what SQS charges for.
const INLINE: usize = 48 * 1024;
/// The longest delay that SQS knows. It is scaled like all waits, so that trials wait in rounds too.
const LONGEST_DELAY: Duration = Duration::from_mins(15);
/// How often what a batch left undone is sent.
const ROUNDS: u32 = 4;
/// Batches at once.
const BATCHES: usize = 8;
/// The name of the attribute that says why a message is among the dead letters.
pub(crate) const REASON: &str = "reason";

/// A message on its way to a queue.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    /// The text.
    pub(crate) body: String,
    /// The fair-queue group.
    pub(crate) group: String,
    /// It may be seen only after so long.
    pub(crate) delay: Duration,
    /// Why it is a dead letter.
    pub(crate) reason: Option<String>,
    /// The text is one that came from a queue.
    closed: bool,
}

impl Outgoing {
    /// A text of ours.
    pub(crate) fn new(body: String, group: String) -> Self {
        Self { body, group, delay: Duration::ZERO, reason: None, closed: false }
    }

    /// A text that came from a queue, in whatever form.
    pub(crate) fn as_it_is(body: String, group: String) -> Self {
        Self { closed: true, ..Self::new(body, group) }
    }
}

/// The events queue and the deliveries queue.
#[derive(Clone)]
pub struct SqsQueues {
    client: Client,
    events: String,
    deliveries: String,
    clock: Arc<dyn Clock>,
    longest_delay: Duration,
    /// Of the deliveries queue.
    outbox: Arc<Outbox>,
}

impl SqsQueues {
    /// The queues with these URLs, in a deployment whose waits are scaled so.
    #[must_use]
    pub fn new(client: Client, events: &str, deliveries: &str, clock: Arc<dyn Clock>, wait_scale: f64) -> Self {
        let (events, deliveries) = (events.to_owned(), deliveries.to_owned());
        let longest_delay = LONGEST_DELAY.mul_f64(wait_scale);
        Self { client, events, deliveries, clock, longest_delay, outbox: Arc::default() }
    }

    /// How long a message that is due then must stay unseen, as far as a delay reaches.
    fn delay(&self, due_at: Timestamp) -> Duration {
        delay(due_at, self.clock.now(), self.longest_delay)
    }

    /// A piece of work begins that may put something on the deliveries queue: what others put there waits for it.
    pub(crate) fn at_work(&self) -> AtWork {
        self.outbox.begin()
    }

    /// Puts messages on the deliveries queue, together with those of other work on the same batch.
    async fn put(&self, letters: Vec<Outgoing>) -> Answer<()> {
        self.outbox.put(letters, |letters| send(&self.client, &self.deliveries, letters)).await
    }

    /// Puts work on the deliveries queue again, not to be seen before `until`. A wait that is longer than a delay can be
    /// takes several rounds.
    pub(crate) async fn put_again(&self, work: &Work, group: &str, until: Timestamp) -> Answer<()> {
        let mut again = Outgoing::new(work.encode(), group.to_owned());
        again.delay = self.delay(until);
        self.put(vec![again]).await
    }

    async fn put_step(&self, step: &Step, account: &AccountId, due_at: Timestamp) -> Answer<()> {
        let mut letter = Outgoing::new(step.encode(), account.to_string());
        letter.delay = self.delay(due_at);
        self.put(vec![letter]).await
    }
}

#[async_trait]
impl Queues for SqsQueues {
    async fn put_events(&self, events: &[Event]) -> Vec<Answer<()>> {
        let letters =
            events.iter().map(|event| Outgoing::new(encode_event(event), event.head.account.to_string())).collect();
        send(&self.client, &self.events, letters).await
    }

    async fn put_attempts(&self, attempts: &[(u64, Attempt)]) -> Answer<()> {
        let letters = attempts.iter().map(|(host, attempt)| {
            let mut letter = Outgoing::new(attempt.encode(INLINE), group(attempt.message.account(), *host));
            letter.delay = self.delay(attempt.due_at);
            letter
        });
        self.put(letters.collect()).await
    }

    async fn put_redelivery(&self, step: &redeliver::Step) -> Answer<()> {
        self.put_step(&Step::Redelivery(step.clone()), &step.account, step.due_at).await
    }

    async fn put_recovery(&self, step: &recover::Step) -> Answer<()> {
        self.put_step(&Step::Recovery(step.clone()), &step.account, step.due_at).await
    }
}

/// The fair-queue group of a message: its account and endpoint host.
pub(crate) fn group(account: &AccountId, host: u64) -> String {
    let hash = Sha256::digest(format!("{account} {host}"));
    hex(&hash[..8])
}

/// How long a message must wait, in whole seconds, as far as a delay reaches.
fn delay(until: Timestamp, now: Timestamp, longest: Duration) -> Duration {
    let millis = u64::try_from(until.as_millisecond() - now.as_millisecond()).unwrap_or_default();
    Duration::from_secs(millis.div_ceil(1000).min(longest.as_secs().max(1)))
}

/// Sends messages to a queue, and answers for each, in order.
pub(crate) async fn send(client: &Client, url: &str, letters: Vec<Outgoing>) -> Vec<Answer<()>> {
    let mut answers: Vec<Answer<()>> = letters.iter().map(|_| Ok(())).collect();
    let bodies: Vec<String> =
        letters.iter().map(|letter| if letter.closed { letter.body.clone() } else { close(&letter.body) }).collect();
    let mut left: Vec<usize> = (0..letters.len()).collect();
    for round in 0..ROUNDS {
        let batches = cut(&left, |at| bodies[at].len() + letters[at].reason.as_ref().map_or(0, String::len));
        let sent: Vec<Vec<(usize, Refused)>> = stream::iter(batches)
            .map(|batch| send_batch(client, url, batch, &letters, &bodies))
            .buffer_unordered(BATCHES)
            .collect()
            .await;
        left.clear();
        for (at, refused) in sent.into_iter().flatten() {
            if !refused.for_good {
                left.push(at);
            }
            answers[at] = Err(Fault::unavailable("queue", refused.why));
        }
        if left.is_empty() {
            break;
        }
        if round + 1 < ROUNDS {
            tokio::time::sleep(Duration::from_millis(100) * (1 << round)).await;
            for &at in &left {
                answers[at] = Ok(());
            }
        }
    }
    answers
}

/// Why a message was not taken.
struct Refused {
    why: String,
    /// Sending it again is of no use.
    for_good: bool,
}

/// Sends one batch; answers what was not taken.
async fn send_batch(
    client: &Client,
    url: &str,
    batch: Vec<usize>,
    letters: &[Outgoing],
    bodies: &[String],
) -> Vec<(usize, Refused)> {
    let mut entries = Vec::with_capacity(batch.len());
    for &at in &batch {
        let letter = &letters[at];
        let mut entry = SendMessageBatchRequestEntry::builder()
            .id(at.to_string())
            .message_body(&bodies[at])
            .message_group_id(&letter.group)
            .set_delay_seconds(i32::try_from(letter.delay.as_secs()).ok().filter(|&seconds| seconds > 0));
        if let Some(reason) = &letter.reason {
            let value = MessageAttributeValue::builder().data_type("String").string_value(reason).build();
            match value {
                Ok(value) => entry = entry.message_attributes(REASON, value),
                Err(error) => return all(&batch, &error.to_string(), true),
            }
        }
        match entry.build() {
            Ok(entry) => entries.push(entry),
            Err(error) => return all(&batch, &error.to_string(), true),
        }
    }
    match client.send_message_batch().queue_url(url).set_entries(Some(entries)).send().await {
        Ok(answer) => answer
            .failed
            .into_iter()
            .filter_map(|failed| {
                let at = failed.id.parse().ok()?;
                let why = failed.message.unwrap_or(failed.code);
                Some((at, Refused { why, for_good: failed.sender_fault }))
            })
            .collect(),
        // The client has repeated the call as often as is of use.
        Err(error) => all(&batch, &explain(&error), true),
    }
}

fn all(batch: &[usize], why: &str, for_good: bool) -> Vec<(usize, Refused)> {
    batch.iter().map(|&at| (at, Refused { why: why.to_owned(), for_good })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_whole_seconds_and_never_too_short() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let wait = |millis, now| delay(at(millis), at(now), LONGEST_DELAY);
        assert_eq!(wait(0, 5), Duration::ZERO);
        assert_eq!(wait(1, 0), Duration::from_secs(1));
        assert_eq!(wait(15_000, 0), Duration::from_secs(15));
        assert_eq!(wait(3_600_000, 0), LONGEST_DELAY);
        assert_eq!(delay(at(3_600_000), at(0), Duration::from_millis(900)), Duration::from_secs(1));
    }

    #[test]
    fn a_group_is_an_account_and_a_host() {
        let (a, b) = (AccountId::parse("a").unwrap(), AccountId::parse("b").unwrap());
        assert_eq!(group(&a, 1), group(&a, 1));
        assert!(group(&a, 1) != group(&b, 1) && group(&a, 1) != group(&a, 2));
        assert_eq!(group(&a, 1).len(), 16);
    }
}
