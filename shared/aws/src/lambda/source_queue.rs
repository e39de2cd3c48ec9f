//! The queue that a function consumes: its messages are received in batches, deferred, or moved to the dead-message
//! queue.

use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::Client;
use hookline_core::errors::{PortError, PortResult};
use jiff::Timestamp;

use crate::clients::explain;
use crate::queues::{HOST, NOT_BEFORE, OutgoingMessage, send};

/// The longest visibility timeout of SQS, in seconds.
const LONGEST: i64 = 12 * 60 * 60;

/// A received message. SQS may omit any part of it.
#[derive(Debug, Clone, Default)]
pub(super) struct ReceivedMessage {
    /// The id by which a batch report names the message.
    pub(super) id: String,
    pub(super) receipt: String,
    pub(super) body: String,
    /// The message group.
    pub(super) group: String,
    /// The endpoint host of an attempt.
    pub(super) host: Option<String>,
    /// When the message was sent.
    pub(super) sent_at: Option<Timestamp>,
    /// When the message may be worked on, if it was deferred.
    pub(super) not_before: Option<Timestamp>,
    /// How often the message was received, this time included.
    pub(super) receives: u32,
}

impl ReceivedMessage {
    pub(super) fn of(message: SqsMessage) -> Self {
        let SqsMessage { message_id, receipt_handle, body, attributes, message_attributes, .. } = message;
        let attribute = |name: &str| attributes.get(name).map(String::as_str);
        let moment = |millis: &str| Timestamp::from_millisecond(millis.parse().ok()?).ok();
        let own = |name: &str| message_attributes.get(name)?.string_value.as_deref();
        Self {
            id: message_id.unwrap_or_default(),
            receipt: receipt_handle.unwrap_or_default(),
            body: body.unwrap_or_default(),
            group: attribute("MessageGroupId").unwrap_or("none").to_owned(),
            host: own(HOST).map(str::to_owned),
            sent_at: attribute("SentTimestamp").and_then(moment),
            not_before: own(NOT_BEFORE).and_then(moment),
            receives: attribute("ApproximateReceiveCount").and_then(|text| text.parse().ok()).unwrap_or(1),
        }
    }

    /// Since when it can be worked on: since it was due, or since what it was put off for was over.
    pub(super) fn possible_since(&self, due_at: Timestamp) -> Timestamp {
        self.not_before.map_or(due_at, |moment| moment.max(due_at))
    }
}

/// The queue that a function consumes.
#[derive(Clone)]
pub(super) struct SourceQueue {
    client: Client,
    url: String,
    dead_letters: String,
}

impl SourceQueue {
    pub(super) fn new(client: Client, url: &str, dead_letters: &str) -> Self {
        Self { client, url: url.to_owned(), dead_letters: dead_letters.to_owned() }
    }

    /// Hides a message until a time. It stays on the queue, so the function must report it as not done.
    pub(super) async fn defer(&self, message: &ReceivedMessage, until: Timestamp, now: Timestamp) -> PortResult<()> {
        let wait = (until.as_millisecond() - now.as_millisecond()).max(0);
        let seconds = i32::try_from(((wait + 999) / 1000).min(LONGEST)).unwrap_or_default();
        let request = self.client.change_message_visibility().queue_url(&self.url);
        let request = request.receipt_handle(&message.receipt).visibility_timeout(seconds);
        request.send().await.map_err(|error| PortError::unavailable("queue", explain(&error)))?;
        Ok(())
    }

    /// Sends a message that cannot be decoded to the dead-message queue, with the reason.
    pub(super) async fn to_dead_letters(&self, message: &ReceivedMessage, reason: &str) -> PortResult<()> {
        let mut dead = OutgoingMessage::as_it_is(message.body.clone(), message.group.clone());
        dead.reason = Some(reason.chars().filter(|c| !c.is_control()).take(1000).collect());
        send(&self.client, &self.dead_letters, vec![dead]).await.pop().unwrap_or(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_put_off_is_not_late() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let message = |own: serde_json::Value| {
            let message = json!({"messageId": "1", "body": "{}", "attributes": {}, "messageAttributes": own});
            ReceivedMessage::of(serde_json::from_value(message).unwrap())
        };
        let put_off = json!({"not_before": {"stringValue": "900000", "dataType": "String", "stringListValues": [], "binaryListValues": []}});
        assert_eq!(message(put_off.clone()).possible_since(at(15_000)), at(900_000));
        assert_eq!(message(put_off).possible_since(at(3_600_000)), at(3_600_000), "a round of a longer wait");
        assert_eq!(message(json!({})).possible_since(at(15_000)), at(15_000));
    }
}
