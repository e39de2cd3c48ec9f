//! Sends messages in batches. SQS accepts or rejects each message of a batch on its own; a message that it rejects for
//! a reason of its own is sent again.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use futures_util::{StreamExt as _, stream};
use hookline_core::errors::{PortError, PortResult};

use super::message::{HOST, NOT_BEFORE, OutgoingMessage, REASON, split_batches};
use crate::clients::explain;

/// How often rejected messages are sent.
const ROUNDS: u32 = 4;
/// Concurrent calls.
const BATCHES: usize = 8;

/// Sends messages to a queue, and answers for each, in order.
pub(crate) async fn send(client: &Client, url: &str, messages: Vec<OutgoingMessage>) -> Vec<PortResult<()>> {
    let mut answers: Vec<PortResult<()>> = messages.iter().map(|_| Ok(())).collect();
    let messages: Vec<OutgoingMessage> = messages.into_iter().map(OutgoingMessage::encoded).collect();
    let mut left: Vec<usize> = (0..messages.len()).collect();
    for round in 0..ROUNDS {
        let batches =
            split_batches(&left, |at| messages[at].body.len() + messages[at].reason.as_ref().map_or(0, String::len));
        let sent: Vec<Vec<(usize, SendError)>> = stream::iter(batches)
            .map(|batch| send_batch(client, url, batch, &messages))
            .buffer_unordered(BATCHES)
            .collect()
            .await;
        left.clear();
        for (at, refused) in sent.into_iter().flatten() {
            if !refused.for_good {
                left.push(at);
            }
            answers[at] = Err(PortError::unavailable("queue", refused.why));
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

/// Why a message was rejected.
struct SendError {
    why: String,
    /// Sending the message again would not help.
    for_good: bool,
}

/// Sends one batch, and answers which messages were rejected.
async fn send_batch(
    client: &Client,
    url: &str,
    batch: Vec<usize>,
    messages: &[OutgoingMessage],
) -> Vec<(usize, SendError)> {
    let mut entries = Vec::with_capacity(batch.len());
    for &at in &batch {
        let message = &messages[at];
        let mut entry = SendMessageBatchRequestEntry::builder()
            .id(at.to_string())
            .message_body(&message.body)
            .message_group_id(&message.group)
            .set_delay_seconds(i32::try_from(message.delay.as_secs()).ok().filter(|&seconds| seconds > 0));
        let moment = message.not_before.map(|moment| moment.as_millisecond().to_string());
        let texts = [(REASON, message.reason.clone()), (NOT_BEFORE, moment), (HOST, message.host.clone())];
        for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text?))) {
            match MessageAttributeValue::builder().data_type("String").string_value(text).build() {
                Ok(value) => entry = entry.message_attributes(name, value),
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
                Some((at, SendError { why, for_good: failed.sender_fault }))
            })
            .collect(),
        // The client has already retried the call.
        Err(error) => all(&batch, &explain(&error), true),
    }
}

fn all(batch: &[usize], why: &str, for_good: bool) -> Vec<(usize, SendError)> {
    batch.iter().map(|&at| (at, SendError { why: why.to_owned(), for_good })).collect()
}
