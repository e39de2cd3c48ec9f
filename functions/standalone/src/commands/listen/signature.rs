//! Whether the signature of a message is right.

use std::fmt;

use axum::http::HeaderMap;
use hookline_core::signing::SigningSecret;

use crate::output::one_line;

/// How far a message's timestamp may be off, in seconds (Standard Webhooks).
const TOLERANCE: i64 = 300;

/// The result of a check.
#[derive(Debug)]
pub(super) enum SignatureCheck {
    NotChecked,
    Right,
    Wrong(String),
}

impl SignatureCheck {
    pub(super) fn of(outcome: Result<(), impl Into<String>>) -> Self {
        match outcome {
            Ok(()) => Self::Right,
            Err(why) => Self::Wrong(why.into()),
        }
    }
}

impl fmt::Display for SignatureCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotChecked => f.write_str("not checked"),
            Self::Right => f.write_str("right"),
            Self::Wrong(why) => write!(f, "WRONG: {}", one_line(why)),
        }
    }
}

/// Checks a message as Standard Webhooks prescribes.
pub(crate) fn verify(secret: &SigningSecret, headers: &HeaderMap, body: &[u8], now: i64) -> Result<(), &'static str> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let id = header("webhook-id").ok_or("there is no Webhook-Id")?;
    let signature = header("webhook-signature").ok_or("there is no Webhook-Signature")?;
    let timestamp = header("webhook-timestamp").ok_or("there is no Webhook-Timestamp")?;
    let timestamp: i64 = timestamp.parse().map_err(|_| "the Webhook-Timestamp is no number")?;
    if now.abs_diff(timestamp) > TOLERANCE.unsigned_abs() {
        return Err("the Webhook-Timestamp is more than 5 minutes off");
    }
    if secret.verifies(signature, id, timestamp, body) {
        Ok(())
    } else {
        Err("it was not made with this secret for these bytes")
    }
}

#[cfg(test)]
mod tests {
    use hookline_core::values::System;

    use super::*;

    #[test]
    fn a_message_is_verified_on_its_bytes_id_and_time() {
        let secret = SigningSecret::generate(&System);
        let headers = |id: &str, timestamp: i64, signature: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("webhook-id", id.parse().unwrap());
            headers.insert("webhook-timestamp", timestamp.into());
            headers.insert("webhook-signature", signature.parse().unwrap());
            headers
        };
        let good = secret.sign("msg_1", 1000, b"body");
        assert!(verify(&secret, &headers("msg_1", 1000, &good), b"body", 1300).is_ok());
        assert!(verify(&secret, &headers("msg_1", 1000, &good), b"body", 1301).is_err());
        assert!(verify(&secret, &headers("msg_1", 1001, &good), b"body", 1001).is_err());
        assert!(verify(&secret, &headers("msg_2", 1000, &good), b"body", 1000).is_err());
        assert!(verify(&secret, &headers("msg_1", 1000, &good), b"tampered", 1000).is_err());
        assert!(verify(&secret, &headers("msg_1", 1000, "v1,"), b"body", 1000).is_err());
        assert!(verify(&secret, &HeaderMap::new(), b"body", 1000).is_err());
    }
}
