//! Entity tags of single records (section 2; RFC 9110, section 8.8.3). They are weak, and change with what administrators
//! write and with `last_error`. A webhook shows whether its policy is disabled, so its tag includes that.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hookline_core::model::{EventType, Policy, Webhook};
use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use sha2::{Digest as _, Sha256};

/// A weak entity tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntityTag(String);

impl EntityTag {
    /// The tag of a webhook. Successful deliveries do not change it; a new `last_error` does.
    pub(crate) fn of_webhook(webhook: &Webhook, policy_disabled: bool) -> Self {
        let mut hash = written(b"webhook", webhook.id.0, webhook.version);
        hash.update([u8::from(webhook.last_error.is_some())]);
        hash.update(webhook.last_error.as_deref().unwrap_or_default());
        hash.update([u8::from(policy_disabled)]);
        Self::made(hash)
    }

    /// False if `If-Match` names only other tags of the webhook. The state of its policy is ignored, because changes of the
    /// webhook do not affect it.
    pub(crate) fn webhook_is_expected_by(webhook: &Webhook, headers: &HeaderMap) -> bool {
        [false, true].into_iter().any(|disabled| Self::of_webhook(webhook, disabled).is_expected_by(headers))
    }

    /// The tag of a policy.
    pub(crate) fn of_policy(policy: &Policy) -> Self {
        Self::made(written(b"policy", policy.id.0, policy.version))
    }

    /// The tag of an event type.
    pub(crate) fn of_event_type(event_type: &EventType) -> Self {
        Self::made(written(b"event type", event_type.id.0, event_type.version))
    }

    fn made(hash: Sha256) -> Self {
        Self(URL_SAFE_NO_PAD.encode(&hash.finalize()[..12]))
    }

    /// The tag of a representation, made from its bytes.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(&Sha256::digest(bytes)[..12]))
    }

    /// The value of `ETag`.
    pub(crate) fn header(&self) -> String {
        format!("W/\"{}\"", self.0)
    }

    /// True if `If-None-Match` names this tag: the caller has the current record.
    pub(crate) fn is_known_to(&self, headers: &HeaderMap) -> bool {
        self.is_named_in(headers, IF_NONE_MATCH).unwrap_or(false)
    }

    /// False if `If-Match` names only other tags: the record has changed since the caller read it.
    pub(crate) fn is_expected_by(&self, headers: &HeaderMap) -> bool {
        self.is_named_in(headers, IF_MATCH).unwrap_or(true)
    }

    /// Compares tags without their `W/`. `None` if the header is missing.
    fn is_named_in(&self, headers: &HeaderMap, name: HeaderName) -> Option<bool> {
        let mut values = headers.get_all(name).iter().peekable();
        values.peek()?;
        Some(values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|tag| {
            let tag = tag.trim();
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"') == self.0
        }))
    }
}

/// A hash of the version, which changes with every write of an administrator.
fn written(kind: &[u8], id: u64, version: u64) -> Sha256 {
    let mut hash = Sha256::new();
    hash.update(kind);
    hash.update(id.to_be_bytes());
    hash.update(version.to_be_bytes());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_without_their_weakness() {
        let tag = EntityTag("abc".into());
        let with = |name: HeaderName, value: &str| HeaderMap::from_iter([(name, value.parse().unwrap())]);
        assert_eq!(tag.header(), "W/\"abc\"");
        assert!(!tag.is_known_to(&HeaderMap::new()) && tag.is_expected_by(&HeaderMap::new()));
        for same in ["W/\"abc\"", "\"abc\"", "*", "\"x\", W/\"abc\""] {
            assert!(tag.is_known_to(&with(IF_NONE_MATCH, same)), "{same}");
            assert!(tag.is_expected_by(&with(IF_MATCH, same)), "{same}");
        }
        for other in ["W/\"abd\"", "\"\"", "", "x"] {
            assert!(!tag.is_known_to(&with(IF_NONE_MATCH, other)), "{other}");
            assert!(!tag.is_expected_by(&with(IF_MATCH, other)), "{other}");
        }
    }
}
