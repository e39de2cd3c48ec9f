//! A policy with a webhook, as an administrator makes them.

use hookline_tests::hookline::Hookline;
use serde_json::json;

/// `aud` of every policy here.
pub(crate) const AUDIENCE: &str = "the receiver";

/// The algorithms of section 7.
pub(crate) const ALGORITHMS: [&str; 9] =
    ["hs256", "hs384", "hs512", "rs256", "rs384", "rs512", "es256", "es384", "es512"];

/// A policy.
pub(crate) struct Policy {
    id: u64,
    /// The public key as PEM, or the secret as base64url: what the answer shows once.
    pub(crate) key: String,
    name: String,
    algorithm: String,
}

/// A webhook with a policy.
pub(crate) struct Webhook {
    pub(crate) id: u64,
    /// `iss` of its tokens.
    pub(crate) issuer: String,
}

impl Policy {
    /// Creates one whose tokens have an audience and end after five minutes.
    pub(crate) async fn create(hookline: &Hookline, algorithm: &str) -> Self {
        let body = json!({"jwt_alg": algorithm, "jwt_audience": AUDIENCE, "jwt_claim_expires_in": 5}).to_string();
        let made = hookline.administrator().post("/v1/webhook_policies", body).await;
        assert_eq!(made.status, 201, "{made:?}");
        let made = made.json();
        let text = |field: &str| made[field].as_str().expect("a text").to_owned();
        let id = made["id"].as_u64().expect("an id");
        Self { id, key: text("public_key_pem"), name: text("name"), algorithm: algorithm.to_owned() }
    }

    /// Registers a webhook with it, for every event.
    pub(crate) async fn webhook(&self, hookline: &Hookline, uri: &str, discovery: bool) -> Webhook {
        let body = json!({"event": "*", "uri": uri, "webhook_policy_id": self.id,
            "openid_connect_discovery": discovery});
        let made = hookline.administrator().post("/v1/webhooks", body.to_string()).await;
        assert_eq!(made.status, 200, "{made:?}");
        let account = format!("http://{}/a/main", hookline.address());
        let issuer = if discovery && !self.algorithm.starts_with("hs") {
            format!("{account}/webhook_policies/{}", self.name)
        } else {
            account
        };
        Webhook { id: made.json()["id"].as_u64().expect("an id"), issuer }
    }
}
