//! Standard Webhooks: a symmetric signature over the exact bytes sent (section 7, *HMAC*).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::values::{Entropy, Secret};

/// The secret of a webhook: 32 bytes, written `whsec_<base64>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SigningSecret(Secret<String>);

impl SigningSecret {
    /// A new secret.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Secret::new(format!("whsec_{}", STANDARD.encode(*entropy.key()))))
    }

    /// Reads a secret as it is shown: `whsec_` and base64.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let encoded = text.strip_prefix("whsec_")?;
        STANDARD.decode(encoded).ok().filter(|key| !key.is_empty())?;
        Some(Self(Secret::new(text.to_owned())))
    }

    /// The secret as it is shown.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.expose()
    }

    /// `v1,<base64 HMAC-SHA256 of "id.timestamp.body">`.
    ///
    /// # Panics
    /// Never: every constructor leaves a valid secret.
    #[must_use]
    pub fn sign(&self, message_id: &str, timestamp: i64, body: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(self.mac(message_id, timestamp, body).finalize().into_bytes()))
    }

    /// True if one of the signatures of a `Webhook-Signature` header is ours. Compares in constant time.
    #[must_use]
    pub fn verifies(&self, header: &str, message_id: &str, timestamp: i64, body: &[u8]) -> bool {
        header.split(' ').filter_map(|one| one.strip_prefix("v1,")).any(|encoded| {
            STANDARD
                .decode(encoded)
                .is_ok_and(|signature| self.mac(message_id, timestamp, body).verify_slice(&signature).is_ok())
        })
    }

    fn mac(&self, message_id: &str, timestamp: i64, body: &[u8]) -> Hmac<Sha256> {
        let encoded = self.0.expose().strip_prefix("whsec_").unwrap_or_default();
        let key = zeroize::Zeroizing::new(STANDARD.decode(encoded).unwrap_or_default());
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
        mac.update(message_id.as_bytes());
        mac.update(b".");
        mac.update(timestamp.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification and its libraries.
    #[test]
    fn the_published_vector() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let (id, timestamp, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        let signature = secret.sign(id, timestamp, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(secret.verifies(&format!("v1a,x v1,AAAA {signature}"), id, timestamp, body));
        assert!(!secret.verifies(&signature, id, timestamp + 1, body));
        assert!(!secret.verifies(&signature, id, timestamp, b"{}"));
        assert!(!secret.verifies("v1,", id, timestamp, body));
    }

    #[test]
    fn secrets_do_not_show_themselves() {
        let secret = SigningSecret::generate(&crate::values::System);
        assert!(!format!("{secret:?}").contains("whsec_"));
        assert_eq!(SigningSecret::parse(secret.reveal()), Some(secret));
        assert_eq!(SigningSecret::parse("whsec_"), None);
        assert_eq!(SigningSecret::parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), None);
    }
}
