//! The dead-letter queues: shows why messages are there, and moves them back.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use hookline_core::errors::{PortError, PortResult};
use hookline_core::values::{Clock as _, System};
use jiff::Timestamp;

use super::message::{OutgoingMessage, REASON};
use super::sending::send;
use crate::clients::explain;

/// How long a message is hidden while it is read or moved.
const HIDDEN: Duration = Duration::from_secs(30);
/// Messages in one call.
const MOST: usize = 10;

/// One of the two queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueueName {
    /// The events queue.
    Events,
    /// The deliveries queue.
    Deliveries,
}

/// The dead-letter queues of both queues.
#[derive(Clone)]
pub struct DeadLetters {
    client: Client,
    events: Option<(String, String)>,
    deliveries: Option<(String, String)>,
}

impl DeadLetters {
    /// Takes the URL of each queue, paired with that of its dead-letter queue.
    pub(crate) fn new(client: Client, events: Option<(String, String)>, deliveries: Option<(String, String)>) -> Self {
        Self { client, events, deliveries }
    }

    fn urls(&self, which: QueueName) -> PortResult<(&str, &str)> {
        let urls = match which {
            QueueName::Events => &self.events,
            QueueName::Deliveries => &self.deliveries,
        };
        let (queue, dead) =
            urls.as_ref().ok_or_else(|| PortError::unavailable("queue", "this function has no such queue"))?;
        Ok((queue, dead))
    }

    /// Reads up to `most` dead letters. Answers for each why it is one, if Hookline put it there. The messages stay
    /// where they are, and are hidden for 30 seconds.
    pub async fn reasons(&self, which: QueueName, most: usize) -> PortResult<Vec<Option<String>>> {
        let (_, dead) = self.urls(which)?;
        let mut reasons = Vec::new();
        while reasons.len() < most {
            let messages = self.receive(dead, most - reasons.len()).await?;
            if messages.is_empty() {
                break;
            }
            reasons.extend(messages.iter().map(|message| {
                let attribute = message.message_attributes.as_ref().and_then(|attributes| attributes.get(REASON));
                attribute.and_then(|attribute| attribute.string_value.clone())
            }));
        }
        Ok(reasons)
    }

    /// Moves up to `most` dead letters back to their queue, and answers how many. A crash in between moves a message
    /// twice, which is harmless. Messages that return meanwhile because they still cannot be decoded are left alone.
    pub async fn redrive(&self, which: QueueName, most: usize) -> PortResult<usize> {
        let (queue, dead) = self.urls(which)?;
        let (mut moved, started) = (0, System.now());
        while moved < most {
            let mut messages = self.receive(dead, most - moved).await?;
            messages.retain(|message| sent_at(message).is_none_or(|sent| sent <= started));
            if messages.is_empty() {
                break;
            }
            let back = messages.iter().map(|message| {
                let attributes = message.attributes.as_ref();
                let group = attributes.and_then(|all| all.get(&MessageSystemAttributeName::MessageGroupId));
                OutgoingMessage::as_it_is(
                    message.body.clone().unwrap_or_default(),
                    group.cloned().unwrap_or_else(|| "none".to_owned()),
                )
            });
            let sent = send(&self.client, queue, back.collect()).await;
            for (message, sent) in messages.into_iter().zip(sent) {
                sent?;
                let request = self.client.delete_message().queue_url(dead);
                let request = request.set_receipt_handle(message.receipt_handle);
                request.send().await.map_err(|error| PortError::unavailable("queue", explain(&error)))?;
                moved += 1;
            }
        }
        Ok(moved)
    }

    async fn receive(&self, dead: &str, most: usize) -> PortResult<Vec<Message>> {
        let request = self
            .client
            .receive_message()
            .queue_url(dead)
            .max_number_of_messages(i32::try_from(most.min(MOST)).unwrap_or(1))
            .visibility_timeout(i32::try_from(HIDDEN.as_secs()).unwrap_or(30))
            .message_system_attribute_names(MessageSystemAttributeName::MessageGroupId)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_attribute_names(REASON);
        let answer = request.send().await.map_err(|error| PortError::unavailable("queue", explain(&error)))?;
        Ok(answer.messages.unwrap_or_default())
    }
}

/// When a message was sent to the dead-letter queue.
fn sent_at(message: &Message) -> Option<Timestamp> {
    let millis = message.attributes.as_ref()?.get(&MessageSystemAttributeName::SentTimestamp)?;
    Timestamp::from_millisecond(millis.parse().ok()?).ok()
}
