//! The form of messages: what SQS cannot carry as text goes as base64, and batches are cut to what one call may hold.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Messages in one call.
const MOST: usize = 10;
/// Bytes of one call, less some room for what is counted beside the texts.
const MOST_BYTES: usize = 1_048_576 - 16 * 1024;
/// A payload of more bytes stays out of an attempt and is read from the stored event: with everything around it the
/// message then is one unit of what SQS charges for.
pub(super) const INLINE: usize = 48 * 1024;
/// The name of the attribute that says why a message is among the dead letters.
pub(crate) const REASON: &str = "reason";

/// A message on its way to a queue.
#[derive(Debug, Clone)]
pub(crate) struct OutgoingMessage {
    /// The text.
    pub(crate) body: String,
    /// The fair-queue group.
    pub(crate) group: String,
    /// It may be seen only after so long.
    pub(crate) delay: Duration,
    /// Why it is a dead letter.
    pub(crate) reason: Option<String>,
    /// The text is one that came from a queue.
    pub(super) is_encoded: bool,
}

impl OutgoingMessage {
    /// A text of ours.
    pub(crate) fn new(body: String, group: String) -> Self {
        Self { body, group, delay: Duration::ZERO, reason: None, is_encoded: false }
    }

    /// A text that came from a queue, in whatever form.
    pub(crate) fn as_it_is(body: String, group: String) -> Self {
        Self { is_encoded: true, ..Self::new(body, group) }
    }
}

/// The text as it goes out. JSON begins with a brace, base64 never does.
pub(super) fn encode_body(text: &str) -> String {
    if text.chars().all(is_carried) { text.to_owned() } else { STANDARD.encode(text) }
}

/// The text as it was. `None` if it is neither JSON nor base64 of a text.
pub(crate) fn decode_body(body: &str) -> Option<Cow<'_, str>> {
    let body = body.trim();
    if body.starts_with('{') {
        return Some(Cow::Borrowed(body));
    }
    String::from_utf8(STANDARD.decode(body).ok()?).ok().map(Cow::Owned)
}

/// What XML 1.0 allows, which is what SQS carries.
fn is_carried(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Cuts messages into batches, by count and by size.
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

    #[test]
    fn every_text_comes_back_unchanged() {
        for text in ["{\"a\":\"Ж😀\\u0000\"}", "{\"a\":\"\u{fffe}\"}", "{\"a\":\"\u{ffff}\u{7f}\"}", "{\n\t}"] {
            let is_encoded = encode_body(text);
            assert!(is_encoded.chars().all(is_carried), "{is_encoded:?}");
            assert_eq!(decode_body(&is_encoded).as_deref(), Some(text));
        }
        assert_eq!(encode_body("{\"a\":1}"), "{\"a\":1}");
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
