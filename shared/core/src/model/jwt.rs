//! The JWT of an attempt (section 7, *JWT*): what it says beside its data, and how that is written.
//!
//! The same few values make the token that is sent, and later the header and claims that the delivery's record shows.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::policy::{Policy, PolicyName};
use super::policy_keys::PolicyKey;
use crate::ids::{AccountId, WebhookId};
use crate::settings::CoreSettings;
use crate::signing::Algorithm;
use crate::values::Entropy;

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
        settings: &CoreSettings,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::System;

    fn claims(jwt: &Jwt) -> String {
        let account = AccountId::parse("wdc").unwrap();
        let data = br#"{"payload":{"b": 1.0,"a":1e400,"b":2}}"#;
        String::from_utf8(jwt.claims(&CoreSettings::default(), &account, WebhookId(7), 1_800_000_000, data)).unwrap()
    }

    #[test]
    fn header_and_claims_have_the_order_of_the_contract_and_the_data_its_bytes() {
        let (kid, jti) = (Uuid::from_u128(1), "0f".repeat(32));
        let bare = Jwt { alg: Algorithm::Es512, kid, jti: jti.clone(), iss: None, exp: None, aud: None };
        assert_eq!(
            String::from_utf8(bare.header()).unwrap(),
            r#"{"typ":"JWT","alg":"ES512","kid":"00000000-0000-0000-0000-000000000001"}"#
        );
        let head = format!(r#"{{"data":{{"payload":{{"b": 1.0,"a":1e400,"b":2}}}},"jti":"{jti}","sub":"7","iss":"#);
        let url = "http://127.0.0.1:8080/a/wdc";
        assert_eq!(claims(&bare), format!(r#"{head}"{url}","nbf":1800000000,"iat":1800000000}}"#));
        let name = PolicyName::generate(&System);
        let full = Jwt { iss: Some(name.clone()), exp: Some(5), aud: Some("a\"b".to_owned()), ..bare };
        assert_eq!(
            claims(&full),
            format!(
                r#"{head}"{url}/webhook_policies/{}","nbf":1800000000,"iat":1800000000,"exp":1800000300,"aud":"a\"b"}}"#,
                name.as_str()
            )
        );
        for jwt in [Jwt { iss: None, exp: None, aud: None, ..full.clone() }, full] {
            assert_eq!(serde_json::from_str::<Jwt>(&serde_json::to_string(&jwt).unwrap()).unwrap(), jwt);
        }
    }
}
