//! The form of messages: text that SQS cannot carry is encoded in base64, and batches are split at the limits of one
//! call.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

/// Messages in one call.
const MOST: usize = 10;
/// Bytes in one call, with room for what SQS counts besides the bodies.
const MOST_BYTES: usize = 1_048_576 - 16 * 1024;
/// A larger payload is left out of an attempt and read from the stored event, so that the whole message stays within
/// one billing unit of SQS.
pub(super) const INLINE: usize = 48 * 1024;
/// The attribute that says why a message is in the dead-letter queue.
pub(crate) const REASON: &str = "reason";
/// The name of the attribute with the moment before which a message that was put off may not go, in milliseconds.
pub(crate) const NOT_BEFORE: &str = "not_before";

/// The name of the attribute with the endpoint host of an attempt.
pub(crate) const HOST: &str = "host";

/// A message to be sent.
#[derive(Debug, Clone)]
pub(crate) struct OutgoingMessage {
    /// The body.
    pub(crate) body: String,
    /// The message group.
    pub(crate) group: String,
    /// The endpoint host of an attempt ([`host_key`](crate::encoding::host_key)).
    pub(crate) host: Option<String>,
    /// How long the message stays hidden.
    pub(crate) delay: Duration,
    /// The moment that the delay reaches to, or that further rounds of it will.
    pub(crate) not_before: Option<Timestamp>,
    /// Why it goes to the dead-letter queue.
    pub(crate) reason: Option<String>,
    /// The body was received from a queue, so it needs no encoding.
    pub(super) is_encoded: bool,
}

impl OutgoingMessage {
    /// A message with a new body.
    pub(crate) fn new(body: String, group: String) -> Self {
        Self { body, group, host: None, delay: Duration::ZERO, not_before: None, reason: None, is_encoded: false }
    }

    /// A message with the body of a received one, in whatever form that is.
    pub(crate) fn as_it_is(body: String, group: String) -> Self {
        Self { is_encoded: true, ..Self::new(body, group) }
    }

    /// The message with its body encoded. JSON starts with a brace, which base64 never does.
    pub(super) fn encoded(self) -> Self {
        if self.is_encoded || self.body.chars().all(is_carried) {
            return self;
        }
        Self { body: STANDARD.encode(self.body), is_encoded: true, ..self }
    }
}

/// Decodes a body. `None` if it is neither JSON nor base64 of UTF-8 text.
pub(crate) fn decode_body(body: &str) -> Option<Cow<'_, str>> {
    let body = body.trim();
    if body.starts_with('{') {
        return Some(Cow::Borrowed(body));
    }
    String::from_utf8(STANDARD.decode(body).ok()?).ok().map(Cow::Owned)
}

/// The characters that XML 1.0 allows, and therefore SQS.
fn is_carried(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Splits messages into batches, by count and by size.
pub(super) fn split_batches(messages: &[usize], bytes: impl Fn(usize) -> usize) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut size = 0;
    for &message in messages {
        let its_size = bytes(message);
        match batches.last_mut() {
            Some(batch) if batch.len() < MOST && size + its_size <= MOST_BYTES => {
                batch.push(message);
                size += its_size;
            }
            Some(_) | None => {
                batches.push(vec![message]);
                size = its_size;
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> String {
        OutgoingMessage::new(text.to_owned(), "group".to_owned()).encoded().body
    }

    #[test]
    fn every_text_comes_back_unchanged() {
        for text in ["{\"a\":\"Ж😀\\u0000\"}", "{\"a\":\"\u{fffe}\"}", "{\"a\":\"\u{ffff}\u{7f}\"}", "{\n\t}"] {
            let sent = encoded(text);
            assert!(sent.chars().all(is_carried), "{sent:?}");
            assert_eq!(decode_body(&sent).as_deref(), Some(text));
            assert_eq!(OutgoingMessage::as_it_is(sent.clone(), "group".to_owned()).encoded().body, sent);
        }
        assert_eq!(encoded("{\"a\":1}"), "{\"a\":1}");
        assert_eq!(decode_body("no base64!"), None);
    }

    #[test]
    fn batches_are_cut_by_count_and_by_size() {
        let all: Vec<usize> = (0..25).collect();
        let counts = |bytes: usize| split_batches(&all, |_| bytes).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(counts(10), [10, 10, 5]);
        assert_eq!(counts(300_000), [[3; 8].as_slice(), &[1]].concat());
        assert_eq!(counts(2_000_000), [1; 25]);
        assert!(split_batches(&[], |_| 1).is_empty());
    }
}
