//! The secrets of a webhook, which are sealed as one value.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::verification_code::VerificationCode;
use crate::signing::SigningSecret;
use crate::values::{Entropy, Secret};

/// All that is secret about a webhook, sealed as one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSecrets {
    /// The password of the URI.
    pub uri_password: Option<Secret<String>>,
    /// The values of the extra headers, in the order of
    /// [`Webhook::header_names`](super::webhook::Webhook::header_names).
    pub header_values: Vec<Secret<String>>,
    /// The Standard Webhooks secret that signs.
    pub signing: SigningSecret,
    /// Older signing secrets. Each signs beside the current one until it expires.
    pub retiring: Vec<RetiringSecret>,
    /// What the endpoint must send back to be verified, or sent back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<VerificationCode>,
}

/// A signing secret that was rotated out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiringSecret {
    /// The secret.
    pub secret: SigningSecret,
    /// When it stops signing.
    pub until: Timestamp,
}

impl WebhookSecrets {
    /// The secrets of a new webhook.
    #[must_use]
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self {
            uri_password: None,
            header_values: Vec::new(),
            signing: SigningSecret::generate(entropy),
            retiring: Vec::new(),
            code: None,
        }
    }

    /// As bytes, to be sealed.
    #[must_use]
    pub fn encode(&self) -> zeroize::Zeroizing<Vec<u8>> {
        zeroize::Zeroizing::new(serde_json::to_vec(self).expect("strings and times always become JSON"))
    }

    /// From bytes that were sealed; `None` if they are not the secrets of a webhook.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}
