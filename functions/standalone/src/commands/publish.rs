//! `hookline publish`: publishes one event, or newline-delimited events in batches.

use std::time::Duration;

use hookline_core::use_cases::publish::MAX_EVENTS;
use indicatif::ProgressBar;
use reqwest::header::LOCATION;
use reqwest::{Response, StatusCode};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, BufReader};

use crate::arguments::PublishArgs;
use crate::output::{CommandError, one_line, print, say};
use crate::settings::secret;

/// How often a request is sent while the service is busy or does not answer.
const MAX_TRIES: u32 = 8;
/// The longest wait before a request is sent again.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The bytes of events that one request carries at most; the service takes 2 MiB.
const MAX_BYTES: usize = 1 << 20;

/// Publishes the events that the command line names.
pub(crate) async fn run(arguments: PublishArgs) -> Result<(), CommandError> {
    let token = secret(arguments.token_file.as_deref(), "HOOKLINE_TOKEN")?
        .filter(|token| !token.is_empty())
        .ok_or_else(|| CommandError::Usage("no token: give --token-file, or the variable HOOKLINE_TOKEN".to_owned()))?;
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(CommandError::Usage(
            "the token is not one: it contains spaces or other characters that no token has".to_owned(),
        ));
    }
    // A redirect could carry the token to another place, or turn the request into one without a body.
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let client = client.timeout(Duration::from_mins(1)).build().map_err(CommandError::of)?;
    let url = format!("{}/v1/events", arguments.url.as_str().trim_end_matches('/'));
    let publisher = Publisher { client, url, token };
    match (&arguments.event, &arguments.lines) {
        (Some(event), _) => publish_one(&publisher, &arguments, event).await,
        (None, Some(file)) => publish_lines(&publisher, file, arguments.json).await,
        (None, None) => Err(CommandError::Usage("nothing to publish".to_owned())),
    }
}

struct Publisher {
    client: reqwest::Client,
    url: String,
    token: String,
}

impl Publisher {
    /// Sends a POST. While the service is busy or does not answer, sends it again after a wait, which does no harm: every
    /// event has an id, if need be from here.
    async fn post(&self, body: String) -> Result<(StatusCode, Value), CommandError> {
        let mut wait = Duration::from_millis(250);
        let mut told = false;
        for left in (0..MAX_TRIES).rev() {
            let request = self.client.post(&self.url).bearer_auth(&self.token);
            let request = request.header("content-type", "application/json").body(body.clone());
            let asked = match request.send().await {
                Ok(answer) if retryable(answer.status()) && left > 0 => {
                    let seconds =
                        answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                    seconds.map_or(wait, Duration::from_secs)
                }
                Ok(answer) if answer.status().is_redirection() => return Err(self.redirected(&answer)),
                Ok(answer) => {
                    let status = answer.status();
                    let text = answer.text().await.map_err(CommandError::of)?;
                    return Ok((status, serde_json::from_str(&text).unwrap_or_else(|_| json!({"message": text}))));
                }
                Err(error) if left > 0 && error.is_connect() => wait,
                Err(error) => return Err(CommandError::of(format!("{} does not answer: {error}", self.url))),
            };
            if !std::mem::replace(&mut told, true) {
                say(&format!("{} is busy or does not answer: trying again", self.url));
            }
            tokio::time::sleep(asked.min(MAX_WAIT)).await;
            wait = (wait * 2).min(MAX_WAIT);
        }
        Err(CommandError::of(format!("{} does not answer", self.url)))
    }

    fn redirected(&self, answer: &Response) -> CommandError {
        let place = answer.headers().get(LOCATION).map(|place| String::from_utf8_lossy(place.as_bytes()));
        let place = one_line(place.as_deref().unwrap_or("another place")).into_owned();
        CommandError::of(format!(
            "{} redirects to {place} ({}), and redirects are not followed: give the address of the service itself, for \
             instance --url https://hooks.example.com",
            self.url,
            answer.status()
        ))
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

fn retryable(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE)
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

/// The reason of a refusal, in one line.
fn reason(answer: &Value) -> String {
    let sentences = answer["errors"]
        .as_array()
        .map(|errors| errors.iter().filter_map(|error| error[1].as_str()).collect::<Vec<_>>().join(", "));
    let text = match sentences.filter(|text| !text.is_empty()) {
        Some(sentences) => sentences,
        None => answer["message"].as_str().unwrap_or("no reason was given").to_owned(),
    };
    one_line(&text).into_owned()
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

    #[test]
    fn reasons() {
        let answer = json!({"message": "Validation Failed", "errors": [["event", "Event can't be blank"]]});
        assert_eq!(reason(&answer), "Event can't be blank");
        assert_eq!(reason(&json!({"message": "Forbidden"})), "Forbidden");
        assert_eq!(reason(&json!({"message": "a\u{1b}[2J\nb"})), "a\\u001b[2J\\nb");
    }
}
