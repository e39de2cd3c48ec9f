//! The JWT of an attempt (section 7, *JWT*): what it says beside its data, and how that is written.
//!
//! The same few values make the token that is sent, and later the header and claims that the delivery's record shows.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::keys::Algorithm;
use crate::account::AccountId;
use crate::clock::Entropy;
use crate::policy::{Policy, PolicyKey, PolicyName};
use crate::settings::Settings;
use crate::webhook::WebhookId;

/// What the JWT of an attempt says beside its data, and what cannot be told from the rest of the attempt's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwt {
    /// How it is signed.
    pub alg: Algorithm,
    /// The key that signs it.
    pub kid: Uuid,
    /// Its own id: 64 lower-case hex characters, never used twice.
    pub jti: String,
    /// With discovery the policy of this name is the issuer, else the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<PolicyName>,
    /// How long it is valid, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<u32>,
    /// For whom it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
}

impl Jwt {
    /// The JWT of an attempt that is about to be sent.
    #[must_use]
    pub fn new(policy: &Policy, key: &PolicyKey, discovery: bool, entropy: &dyn Entropy) -> Self {
        Self {
            alg: policy.algorithm,
            kid: key.kid,
            jti: entropy.hex(64),
            iss: discovery.then(|| policy.name.clone()),
            exp: policy.expires_in,
            aud: policy.audience.clone(),
        }
    }

    /// Its header.
    ///
    /// # Panics
    /// Never: texts always become JSON.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Header {
            typ: &'static str,
            alg: &'static str,
            kid: Uuid,
        }
        let header = Header { typ: "JWT", alg: self.alg.alg(), kid: self.kid };
        serde_json::to_vec(&header).expect("texts always become JSON")
    }

    /// Its claims, around `data` as it is.
    ///
    /// # Panics
    /// Never: texts and numbers always become JSON.
    #[must_use]
    pub fn claims(
        &self,
        settings: &Settings,
        account: &AccountId,
        webhook: WebhookId,
        sent_at: i64,
        data: &[u8],
    ) -> Vec<u8> {
        #[derive(Serialize)]
        struct Claims<'a> {
            jti: &'a str,
            sub: String,
            iss: String,
            nbf: i64,
            iat: i64,
            #[serde(skip_serializing_if = "Option::is_none")]
            exp: Option<i64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            aud: Option<&'a str>,
        }
        let claims = Claims {
            jti: &self.jti,
            sub: webhook.to_string(),
            iss: match &self.iss {
                Some(policy) => policy.issuer(settings, account),
                None => settings.account_url(account),
            },
            nbf: sent_at,
            iat: sent_at,
            exp: self.exp.map(|minutes| sent_at + i64::from(minutes) * 60),
            aud: self.aud.as_deref(),
        };
        let claims = serde_json::to_vec(&claims).expect("texts and numbers always become JSON");
        let mut json = Vec::with_capacity(data.len() + claims.len() + 8);
        json.extend_from_slice(b"{\"data\":");
        json.extend_from_slice(data);
        json.push(b',');
        json.extend_from_slice(&claims[1..]);
        json
    }
}
