//! What Lambda puts between a queue and a function: it takes messages in batches, invokes the function with them, and
//! deletes what the function does not report as failed.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;

use super::environment::Outcome;
use super::function::Function;

/// Messages in a batch.
const BATCH: i32 = 10;
/// How long an empty queue is asked, in seconds.
const ASKED_FOR: i32 = 1;

/// A running mapping. It ends when it is dropped.
#[derive(Debug)]
pub struct Mapping {
    task: JoinHandle<()>,
}

impl Mapping {
    /// Starts taking messages from this queue.
    pub fn start(client: Client, url: &str, function: Arc<Function>) -> Self {
        Self { task: tokio::spawn(take(client, url.to_owned(), function)) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(client: Client, url: String, function: Arc<Function>) {
    loop {
        let request = client
            .receive_message()
            .queue_url(&url)
            .max_number_of_messages(BATCH)
            .wait_time_seconds(ASKED_FOR)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All");
        let Ok(received) = request.send().await else {
            // The queue may be gone already when a test ends; a pause keeps the log of a real fault short.
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        let messages = received.messages.unwrap_or_default();
        if !messages.is_empty() {
            tokio::spawn(work(client.clone(), url.clone(), Arc::clone(&function), messages));
        }
    }
}

/// Invokes the function with a batch, and deletes what it has done.
async fn work(client: Client, url: String, function: Arc<Function>, messages: Vec<Message>) {
    let Outcome::Answered(answer) = function.invoke(event(&messages)).await else {
        return;
    };
    let ids: Vec<&str> = messages.iter().map(|message| message.message_id.as_deref().unwrap_or_default()).collect();
    let undone = failures(&answer, &ids);
    for message in
        messages.iter().filter(|message| !undone.contains(&message.message_id.as_deref().unwrap_or_default()))
    {
        let receipt = message.receipt_handle.clone().unwrap_or_default();
        if let Err(error) = client.delete_message().queue_url(&url).receipt_handle(receipt).send().await {
            eprintln!("a message that was worked on could not be deleted: {error:?}");
        }
    }
}

/// The messages that an answer reports as failed: all of them, if it names one that was not in the batch or is no such
/// report.
fn failures<'a>(answer: &[u8], ids: &[&'a str]) -> Vec<&'a str> {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return ids.to_vec() };
    let named = match &answer["batchItemFailures"] {
        Value::Null => return Vec::new(),
        Value::Array(named) => named,
        _ => return ids.to_vec(),
    };
    let of = |failure: &Value| ids.iter().copied().find(|id| failure["itemIdentifier"].as_str() == Some(*id));
    named.iter().map(of).collect::<Option<Vec<&str>>>().unwrap_or_else(|| ids.to_vec())
}

/// The event of a batch, as text.
fn event(messages: &[Message]) -> String {
    let records: Vec<Value> = messages.iter().map(record).collect();
    json!({"Records": records}).to_string()
}

fn record(message: &Message) -> Value {
    let attributes = message.attributes.iter().flatten();
    let attributes: Map<_, _> =
        attributes.map(|(name, value)| (name.as_str().to_owned(), Value::from(value.as_str()))).collect();
    let own = message.message_attributes.iter().flatten();
    let own: Map<_, _> = own
        .map(|(name, value)| (name.clone(), json!({"stringValue": value.string_value, "dataType": value.data_type})))
        .collect();
    json!({
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": attributes,
        "messageAttributes": own,
        "md5OfBody": message.md5_of_body,
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
        "awsRegion": "us-east-1",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reported_stays_and_a_wrong_report_keeps_all() {
        let ids = ["a", "b"];
        for (answer, undone) in [
            (r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#, &["b"][..]),
            (r#"{"batchItemFailures":[]}"#, &[]),
            ("{}", &[]),
            ("null", &[]),
            (r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, &ids),
            (r#"{"batchItemFailures":[{"itemIdentifier":"c"}]}"#, &ids),
            (r#"{"batchItemFailures":"x"}"#, &ids),
            ("nonsense", &ids),
        ] {
            assert_eq!(failures(answer.as_bytes(), &ids), undone, "{answer}");
        }
    }
}
