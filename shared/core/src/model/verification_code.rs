//! The code that an endpoint sends back, and what a queued message may disclose about it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::ids::EventId;
use crate::values::{Entropy, Secret};

/// How long a code is valid, in seconds.
pub const VALID_FOR: i64 = 86_400;

/// A change sends a fresh code at most once in this time, in seconds.
const FRESH_FOR: i64 = 60;

/// The code of a webhook: 24 base64url characters. Kept among its secrets, also after it was used, so that a
/// repeated callback gets the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationCode {
    value: Secret<String>,
    serial: u64,
    issued_at: Timestamp,
}

impl VerificationCode {
    /// A new code. `serial` is the version of the secrets that it becomes a part of, so no two codes of a webhook have
    /// the same.
    #[must_use]
    pub fn issue(serial: u64, now: Timestamp, entropy: &dyn Entropy) -> Self {
        let mut random = zeroize::Zeroizing::new([0; 18]);
        entropy.fill(&mut *random);
        Self { value: Secret::new(URL_SAFE_NO_PAD.encode(*random)), serial, issued_at: now }
    }

    /// The code as text.
    #[must_use]
    pub fn value(&self) -> &Secret<String> {
        &self.value
    }

    /// What may be disclosed about the code.
    #[must_use]
    pub fn stamp(&self) -> CodeStamp {
        CodeStamp { serial: self.serial, expires_at: self.issued_at.as_second() + VALID_FOR }
    }

    /// True if `given` is this code. Takes the same time wherever the two differ.
    #[must_use]
    pub fn is(&self, given: &str) -> bool {
        self.value.expose().as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// True if it has expired.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        now.as_second() >= self.stamp().expires_at
    }

    /// True if it is too recent to be replaced.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.as_second() < self.issued_at.as_second() + FRESH_FOR
    }
}

/// Which code a verify message belongs to, without the code. It is written into the id of the message's event, which
/// goes to queues and records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeStamp {
    /// Which code it is.
    pub serial: u64,
    /// When it expires, in epoch seconds.
    pub expires_at: i64,
}

impl CodeStamp {
    /// The id of an event that asks for this code: `verify-<serial>-<expiry>-<UUID>`, a new one every time.
    #[must_use]
    pub fn event_id(self, now: Timestamp, entropy: &dyn Entropy) -> Option<EventId> {
        let Self { serial, expires_at } = self;
        EventId::parse(&format!("verify-{serial}-{expires_at}-{}", EventId::generate(now, entropy)))
    }

    /// What the id of a verify message's event says.
    #[must_use]
    pub fn of(event: &EventId) -> Option<Self> {
        let mut parts = event.as_str().strip_prefix("verify-")?.splitn(3, '-');
        let (serial, expires_at) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { serial, expires_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::System;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_code_is_compared_whole_and_lives_a_day() {
        let code = VerificationCode::issue(3, second(1000), &System);
        let text = code.value().expose().clone();
        assert_eq!(text.len(), 24);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        assert!(code.is(&text) && !code.is("") && !code.is(&text[..23]) && !code.is(&format!("{text}A")));
        assert!(!code.is(VerificationCode::issue(3, second(1000), &System).value().expose()));
        assert!(!code.has_expired(second(87_399)) && code.has_expired(second(87_400)));
        assert!(code.is_fresh(second(1059)) && !code.is_fresh(second(1060)));
        assert!(!format!("{code:?}").contains(&text));
    }

    #[test]
    fn the_stamp_travels_in_the_id_of_the_event() {
        let stamp = VerificationCode::issue(7, second(1000), &System).stamp();
        let id = stamp.event_id(second(1001), &System).unwrap();
        assert_eq!(CodeStamp::of(&id), Some(CodeStamp { serial: 7, expires_at: 87_400 }));
        assert_ne!(stamp.event_id(second(1001), &System), Some(id));
        for other in ["verify", "verify-1", "verify-x-2-3", "2f6c"] {
            assert_eq!(CodeStamp::of(&EventId::parse(other).unwrap()), None, "{other}");
        }
    }
}
