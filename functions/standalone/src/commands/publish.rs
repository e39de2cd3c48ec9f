//! `hookline publish`: publishes one event, or newline-delimited events in batches.

use hookline_core::use_cases::publish::MAX_EVENTS;
use indicatif::ProgressBar;
use reqwest::{Method, StatusCode};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, BufReader};

use super::api_client::{ApiClient, reason};
use crate::arguments::PublishArgs;
use crate::output::{CommandError, one_line, print, say};

/// The bytes of events that one request carries at most; the service takes 2 MiB.
const MAX_BYTES: usize = 1 << 20;

/// Publishes the events that the command line names.
pub(crate) async fn run(arguments: PublishArgs) -> Result<(), CommandError> {
    let publisher = Publisher(ApiClient::new(&arguments.url, arguments.token_file.as_deref())?);
    match (&arguments.event, &arguments.lines) {
        (Some(event), _) => publish_one(&publisher, &arguments, event).await,
        (None, Some(file)) => publish_lines(&publisher, file, arguments.json).await,
        (None, None) => Err(CommandError::Usage("nothing to publish".to_owned())),
    }
}

struct Publisher(ApiClient);

impl Publisher {
    /// Sends a POST. It can be repeated: every event has an id, if need be from here.
    async fn post(&self, body: String) -> Result<(StatusCode, Value), CommandError> {
        self.0.call(Method::POST, "/v1/events", Some(body), true).await
    }

    /// Publishes the events of these lines in one request, if there are any. Returns the answer about each.
    async fn publish(&self, events: &[(u64, String)]) -> Result<Vec<Value>, CommandError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let body = events.iter().map(|(_, event)| event.as_str()).collect::<Vec<_>>().join(",");
        match self.post(format!("[{body}]")).await? {
            (_, Value::Array(answers)) if answers.len() == events.len() => Ok(answers),
            (status, answer) => {
                let reason = reason(&answer);
                Err(CommandError::of(format!("the service refused the request ({status}): {reason}")))
            }
        }
    }
}

async fn publish_one(publisher: &Publisher, arguments: &PublishArgs, event: &str) -> Result<(), CommandError> {
    let payload = match arguments.payload.as_deref() {
        None => "{}".to_owned(),
        Some("-") => std::io::read_to_string(std::io::stdin())
            .map_err(|error| CommandError::Usage(format!("--payload: standard input cannot be read: {error}")))?,
        Some(given) => match given.strip_prefix('@') {
            Some(file) => std::fs::read_to_string(file)
                .map_err(|error| CommandError::Usage(format!("--payload: {file} cannot be read: {error}")))?,
            None => given.to_owned(),
        },
    };
    let payload: Box<RawValue> = serde_json::from_str(&payload)
        .map_err(|error| CommandError::Usage(format!("--payload is not JSON: {error}")))?;
    let id = arguments.id.clone().unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let event = PublishedEvent {
        id: &id,
        event,
        object_id: arguments.object_id,
        person_id: arguments.person_id,
        person_name: arguments.person_name.as_deref(),
        webhook: arguments.webhook.as_deref(),
        payload: &payload,
    };
    let (status, answer) = publisher.post(serde_json::to_string(&event).map_err(CommandError::of)?).await?;
    if status != StatusCode::ACCEPTED {
        return Err(CommandError::of(format!("refused: {}", reason(&answer))));
    }
    if arguments.json {
        print(&answer.to_string())
    } else {
        print(&one_line(answer["id"].as_str().unwrap_or_default()))
    }
}

/// An event as `POST /events` takes it.
#[derive(serde::Serialize)]
struct PublishedEvent<'a> {
    id: &'a str,
    event: &'a str,
    object_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    person_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    person_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<&'a str>,
    payload: &'a RawValue,
}

/// The counts of a run.
#[derive(Debug, Default)]
struct PublishTally {
    accepted: u64,
    refused: u64,
    /// Lines that were read.
    read: u64,
    /// The last line that the service has answered.
    sent: u64,
}

async fn publish_lines(publisher: &Publisher, file: &str, as_json: bool) -> Result<(), CommandError> {
    let (input, size): (Box<dyn AsyncBufRead + Unpin + Send>, Option<u64>) = if file == "-" {
        (Box::new(BufReader::new(tokio::io::stdin())), None)
    } else {
        let text =
            std::fs::read(file).map_err(|error| CommandError::Usage(format!("{file} cannot be read: {error}")))?;
        let size = u64::try_from(text.len()).ok();
        (Box::new(std::io::Cursor::new(text)), size)
    };
    let progress = size.map_or_else(ProgressBar::no_length, ProgressBar::new);
    let mut tally = PublishTally::default();
    let published = publish_all(publisher, file, input, &mut tally, &progress).await;
    progress.finish_and_clear();
    // Printed after a failure as well: it shows where to go on.
    let PublishTally { accepted, refused, read, sent } = tally;
    if as_json {
        print(&json!({"accepted": accepted, "refused": refused}).to_string())?;
    } else {
        say(&format!("{accepted} events accepted, {refused} refused"));
    }
    match published {
        Ok(()) if refused == 0 => Ok(()),
        Ok(()) => Err(CommandError::of(format!("{refused} of {read} lines were refused"))),
        Err(CommandError::Failed(reason)) => {
            Err(CommandError::Failed(format!("{reason}; nothing after line {sent} is known to be published")))
        }
        Err(failure) => Err(failure),
    }
}

/// Publishes every line, in batches.
async fn publish_all(
    publisher: &Publisher,
    file: &str,
    mut input: Box<dyn AsyncBufRead + Unpin + Send>,
    tally: &mut PublishTally,
    progress: &ProgressBar,
) -> Result<(), CommandError> {
    let (mut batch, mut bytes, mut line) = (Vec::new(), 0, Vec::new());
    while input.read_until(b'\n', &mut line).await.map_err(|error| CommandError::of(format!("{file}: {error}")))? > 0 {
        tally.read += 1;
        progress.inc(u64::try_from(line.len()).unwrap_or_default());
        let given = std::mem::take(&mut line);
        let given = given.trim_ascii();
        if given.is_empty() {
            continue;
        }
        if batch.len() == MAX_EVENTS || bytes + given.len() > MAX_BYTES {
            send(publisher, &mut batch, tally, progress).await?;
            bytes = 0;
        }
        bytes += given.len();
        batch.push((tally.read, given.to_vec()));
    }
    send(publisher, &mut batch, tally, progress).await
}

/// Publishes a batch and prints which of its lines were refused.
async fn send(
    publisher: &Publisher,
    batch: &mut Vec<(u64, Vec<u8>)>,
    tally: &mut PublishTally,
    progress: &ProgressBar,
) -> Result<(), CommandError> {
    let refuse = |number: u64, why: &str| progress.suspend(|| say(&format!("line {number}: {why}")));
    let mut events = Vec::new();
    let last = batch.last().map(|(number, _)| *number);
    for (number, line) in batch.drain(..) {
        match with_id(&line) {
            Ok(event) => events.push((number, event)),
            Err(error) => {
                tally.refused += 1;
                refuse(number, &error);
            }
        }
    }
    let answers = publisher.publish(&events).await?;
    for ((number, _), answer) in events.iter().zip(answers) {
        if answer.get("message").is_none() {
            tally.accepted += 1;
        } else {
            tally.refused += 1;
            refuse(*number, &reason(&answer));
        }
    }
    tally.sent = last.unwrap_or(tally.sent);
    Ok(())
}

/// The event with an id, so that sending it twice does not make two events. Its text stays as it is.
fn with_id(line: &[u8]) -> Result<String, String> {
    let raw: &RawValue = serde_json::from_slice(line).map_err(|error| format!("not JSON: {error}"))?;
    let text = raw.get();
    let fields: std::collections::HashMap<String, &RawValue> =
        serde_json::from_str(text).map_err(|_| "not a JSON object".to_owned())?;
    if fields.get("id").is_some_and(|id| id.get() != "null") {
        return Ok(text.to_owned());
    }
    if fields.contains_key("id") {
        return Err("id is null: leave it out to get one".to_owned());
    }
    let rest = text[1..].trim_start();
    let comma = if rest.starts_with('}') { "" } else { "," };
    Ok(format!(r#"{{"id":"{}"{comma}{rest}"#, uuid::Uuid::now_v7()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_without_an_id_gets_one_and_stays_as_it_is() {
        assert_eq!(with_id(br#" {"id":"a", "x":1e400} "#).unwrap(), r#"{"id":"a", "x":1e400}"#);
        let given = with_id(br#"{ "x":1e400}"#).unwrap();
        assert!(given.starts_with(r#"{"id":""#) && given.ends_with(r#"","x":1e400}"#), "{given}");
        assert!(serde_json::from_str::<Value>(&with_id(b"{}").unwrap()).is_ok());
        for bad in [&b""[..], b"{", b"[]", b"1", br#"{"id":null}"#, b"{\"x\":\"\xff\"}"] {
            assert!(with_id(bad).is_err(), "{bad:?}");
        }
    }
}
