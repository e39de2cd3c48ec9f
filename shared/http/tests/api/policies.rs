//! Webhook policies: JWTs as receivers see them, rotation as time goes by, the public documents (section 7).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hookline_core::settings::{CoreSettings, VerificationMode};
use hookline_core::signing::VerifyingKey;
use hookline_core::values::Clock as _;
use serde_json::{Value, json};

use crate::deliveries::{publish, records};
use crate::fixture::{ApiFixture, Message};

/// In minutes.
const HOUR: u64 = 60;
/// In minutes.
const DAY: u64 = 24 * HOUR;

fn forward(api: &ApiFixture, minutes: u64) {
    api.clock.forward(Duration::from_mins(minutes));
}

/// A policy as its creation shows it.
struct Made {
    id: u64,
    name: String,
    /// What receivers verify with.
    key: String,
}

impl Made {
    fn of(record: &Value) -> Self {
        let text = |field: &str| record[field].as_str().unwrap_or_default().to_owned();
        Self { id: record["id"].as_u64().unwrap(), name: text("name"), key: text("public_key_pem") }
    }
}

async fn create(api: &ApiFixture, input: Value) -> Made {
    Made::of(&api.call("POST", "/v1/webhook_policies", Some(input)).await.json(201))
}

async fn rotate(api: &ApiFixture, policy: &Made, input: Value) -> Made {
    let path = format!("/v1/webhook_policies/{}/rotate", policy.id);
    Made::of(&api.call("POST", &path, Some(input)).await.json(201))
}

async fn activate(api: &ApiFixture, policy: &Made) {
    let path = format!("/v1/webhook_policies/{}/rotate", policy.id);
    let record = api.call("POST", &path, Some(json!({"activate": true}))).await.json(200);
    assert!(record.get("public_key_pem").is_none(), "{record}");
}

/// A webhook with a policy; its id.
async fn link(api: &ApiFixture, policy: &Made, discovery: bool) -> u64 {
    let input = json!({"event": "*", "uri": "https://hooks.example.com/in", "webhook_policy_id": policy.id,
        "openid_connect_discovery": discovery});
    api.call("POST", "/v1/webhooks", Some(input)).await.json(200)["id"].as_u64().unwrap()
}

/// Header and claims of a message's JWT, once a receiver has verified it.
fn verified(message: &Message, key: &str) -> Result<(Value, Value), hookline_core::signing::JwsError> {
    let token = message.body["jwt"].as_str().unwrap();
    let claims = VerifyingKey::parse(key).unwrap().verify(token)?;
    let header = URL_SAFE_NO_PAD.decode(token.split_once('.').unwrap().0).unwrap();
    Ok((serde_json::from_slice(&header).unwrap(), serde_json::from_slice(&claims).unwrap()))
}

/// The webhook that sent a message.
fn sender(message: &Message) -> u64 {
    let token = message.body["jwt"].as_str().unwrap();
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
    claims["sub"].as_str().unwrap().parse().unwrap()
}

/// Publishes, waits for all messages, and gives which of the keys verifies that of a webhook.
async fn signed_by(api: &ApiFixture, webhooks: &[u64], keys: &[&Made]) -> Vec<usize> {
    let before = api.endpoint.got().len();
    publish(api).await;
    let got = api.endpoint.wait_for(before + webhooks.len()).await.split_off(before);
    webhooks
        .iter()
        .map(|webhook| {
            let message = got.iter().find(|message| sender(message) == *webhook).unwrap();
            keys.iter().position(|made| verified(message, &made.key).is_ok()).expect("a key of the policy")
        })
        .collect()
}

#[tokio::test]
async fn a_message_is_a_jwt_of_its_policy_and_its_record_shows_all_but_the_signature() {
    let api = ApiFixture::start().await;
    let url = "http://127.0.0.1:8080/a/wdc";
    for (discovery, algorithm, number) in
        [(false, "hs512", 1), (true, "es384", 2), (false, "rs256", 3), (true, "hs256", 4)]
    {
        let input = json!({"jwt_alg": algorithm, "jwt_audience": "receiver", "jwt_claim_expires_in": "1:30"});
        let policy = create(&api, input).await;
        let webhook = link(&api, &policy, discovery).await;
        let before = api.clock.now().as_second();
        let path = format!("/v1/webhooks/{webhook}/test");
        assert_eq!(api.call("POST", &path, None).await.status, 204);
        let message = api.endpoint.wait_for(number).await.pop().unwrap();
        let (header, claims) = verified(&message, &policy.key).unwrap();
        let iat = claims["iat"].as_i64().unwrap();
        assert!((before..=api.clock.now().as_second()).contains(&iat), "{claims}");
        assert_eq!(message.header("webhook-timestamp"), iat.to_string());
        let issuer =
            if algorithm == "es384" { format!("{url}/webhook_policies/{}", policy.name) } else { url.to_owned() };
        let expected = json!({"data": claims["data"], "jti": claims["jti"], "sub": webhook.to_string(), "iss": issuer,
            "nbf": iat, "iat": iat, "exp": iat + 90 * 60, "aud": "receiver"});
        assert_eq!(claims, expected);
        assert_eq!((&claims["data"]["webhook_id"], &claims["data"]["account"]), (&json!(webhook), &json!(url)));
        assert_eq!(header, json!({"typ": "JWT", "alg": algorithm.to_uppercase(), "kid": header["kid"]}));

        let record = records(&api, webhook, 1).await.remove(0);
        let path = format!("/v1/webhook_deliveries/{}?fields=request", record["id"].as_str().unwrap());
        let request = api.call("GET", &path, None).await.json(200)["request"].clone();
        assert_eq!(request["payload"], json!({"jwt": {"header": header, "claims": claims}}));
    }
}

/// Receivers refuse a repeated `jti`.
#[tokio::test]
async fn a_request_that_is_sent_once_more_is_signed_anew() {
    let api = ApiFixture::start().await;
    api.endpoint.close_idle_connections();
    let policy = create(&api, json!({"jwt_alg": "es256"})).await;
    link(&api, &policy, false).await;
    publish(&api).await;
    let got = api.endpoint.wait_for(2).await;
    let [first, second] = [&got[0], &got[1]].map(|message| verified(message, &policy.key).expect("signed").1);
    assert_ne!(first["jti"], second["jti"]);
    assert_eq!(first["data"], second["data"]);
}

#[tokio::test]
async fn every_attempt_is_signed_anew_by_the_policy_as_it_is_then() {
    let settings = CoreSettings { wait_scale: 0.001, ..CoreSettings::default() };
    let api = ApiFixture::with(settings).await;
    let held = api.endpoint.held();
    let policy = create(&api, json!({"jwt_alg": "es256"})).await;
    link(&api, &policy, false).await;
    publish(&api).await;
    let first = held.arrival().await;
    let first_claims = verified(&first.message, &policy.key).unwrap().1;
    let path = format!("/v1/webhook_policies/{}", policy.id);
    let changed = json!({"jwt_audience": "other", "jwt_claim_expires_in": 1, "disabled": true});
    api.call("PATCH", &path, Some(changed)).await.json(200);
    api.clock.forward(Duration::from_secs(100));
    let first_id = first.message.header("webhook-id").to_owned();
    first.answer(500, "");
    let second = held.arrival().await;
    let claims = verified(&second.message, &policy.key).unwrap().1;
    assert!(claims["iat"].as_i64().unwrap() >= first_claims["iat"].as_i64().unwrap() + 100);
    assert_eq!(first_claims.get("exp"), None);
    assert_eq!((claims["exp"].as_i64(), &claims["aud"]), (claims["iat"].as_i64().map(|at| at + 60), &json!("other")));
    assert_ne!(claims["jti"], first_claims["jti"]);
    assert_eq!(claims["data"], first_claims["data"], "the data never change");
    assert_eq!(first_id, second.message.header("webhook-id"));
}

#[tokio::test]
async fn with_discovery_a_new_key_signs_after_two_hours_and_without_when_it_is_activated() {
    let api = ApiFixture::start().await;
    let first = create(&api, json!({"jwt_alg": "es256"})).await;
    let webhooks = [link(&api, &first, true).await, link(&api, &first, false).await];
    assert_eq!(signed_by(&api, &webhooks, &[&first]).await, [0, 0]);
    let second = rotate(&api, &first, json!({})).await;
    assert!(second.id == first.id && second.name == first.name && second.key != first.key);
    let keys = [&first, &second];
    assert_eq!(signed_by(&api, &webhooks, &keys).await, [0, 0]);
    forward(&api, 2 * HOUR - 1);
    assert_eq!(signed_by(&api, &webhooks, &keys).await, [0, 0]);
    forward(&api, 1);
    assert_eq!(signed_by(&api, &webhooks, &keys).await, [1, 0]);
    activate(&api, &first).await;
    assert_eq!(signed_by(&api, &webhooks, &keys).await, [1, 1]);
    let third = rotate(&api, &first, json!({"now": true})).await;
    assert_eq!(signed_by(&api, &webhooks, &[&first, &second, &third]).await, [2, 1]);
}

#[tokio::test]
async fn in_an_emergency_the_key_that_caches_know_already_signs_at_once() {
    let api = ApiFixture::start().await;
    let first = create(&api, json!({"jwt_alg": "es256"})).await;
    let webhooks = [link(&api, &first, true).await, link(&api, &first, false).await];
    let second = rotate(&api, &first, json!({})).await;
    let promoted = rotate(&api, &first, json!({"now": true})).await;
    assert_eq!(promoted.key, second.key, "no third key is made");
    assert_eq!(signed_by(&api, &webhooks, &[&first, &second]).await, [1, 0]);
    let third = rotate(&api, &first, json!({"now": "yes"})).await;
    assert!(third.key != first.key && third.key != second.key, "the second is used");
    assert_eq!(signed_by(&api, &webhooks, &[&first, &second, &third]).await, [2, 0]);
}

#[tokio::test]
async fn a_shared_secret_is_rotated_by_activation() {
    let api = ApiFixture::start().await;
    let first = create(&api, json!({"jwt_alg": "hs256"})).await;
    // There is no discovery of secrets.
    let webhooks = [link(&api, &first, true).await];
    let second = rotate(&api, &first, json!({"now": true})).await;
    forward(&api, DAY);
    assert_eq!(signed_by(&api, &webhooks, &[&first, &second]).await, [0]);
    activate(&api, &first).await;
    assert_eq!(signed_by(&api, &webhooks, &[&first, &second]).await, [1]);
}

#[tokio::test]
async fn the_key_set_has_the_keys_that_receivers_may_need() {
    let api = ApiFixture::start().await;
    let policy = create(&api, json!({"jwt_alg": "es512"})).await;
    let kids = async || {
        let url = format!("/a/wdc/webhook_policies/{}/.well-known/jwks.json", policy.name);
        let keys = api.visit("GET", &url).await.json(200)["keys"].clone();
        keys.as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = kids().await;
    rotate(&api, &policy, json!({})).await;
    let both = kids().await;
    assert_eq!((both.len(), &both[..1]), (2, &first[..]), "the new key is published at once");
    activate(&api, &policy).await;
    forward(&api, 2 * HOUR + 7 * DAY - 1);
    assert_eq!(kids().await, both);
    forward(&api, 1);
    assert_eq!(kids().await, both[1..]);
}

#[tokio::test]
async fn the_documents_of_discovery_are_public_and_exact() {
    let api = ApiFixture::start().await;
    let input = json!({"jwt_alg": "rs384"});
    let policy = create(&api, input).await;
    let secret = create(&api, json!({"jwt_alg": "hs256"})).await;
    let issuer = format!("http://127.0.0.1:8080/a/wdc/webhook_policies/{}", policy.name);
    let below = |name: &str, file: &str| format!("/a/wdc/webhook_policies/{name}/.well-known/{file}");
    for path in [below(&policy.name, "openid-configuration"), below(&policy.name, "openid-configuration/")] {
        let reply = api.visit("GET", &path).await;
        assert_eq!(reply.json(200), json!({"issuer": issuer, "jwks_uri": format!("{issuer}/.well-known/jwks.json")}));
        assert_eq!(reply.header("cache-control"), Some("public, max-age=3600"));
        assert_eq!(reply.header("x-ratelimit-limit"), None);
    }
    let reply = api.visit("GET", &below(&policy.name, "jwks.json")).await;
    assert_eq!(reply.header("cache-control"), Some("public, max-age=3600"));
    let keys = reply.json(200);
    let key = keys["keys"][0].as_object().unwrap();
    assert_eq!(key.keys().collect::<Vec<_>>(), ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!((&key["kty"], &key["use"], &key["alg"]), (&json!("RSA"), &json!("sig"), &json!("RS384")));

    let id = policy.id.to_string();
    for (name, file) in [(&secret.name, "jwks.json"), (&secret.name, "openid-configuration"), (&id, "jwks.json")] {
        assert_eq!(api.visit("GET", &below(name, file)).await.status, 404, "{name}");
    }
    let elsewhere = [
        format!("/a/other/webhook_policies/{}/.well-known/jwks.json", policy.name),
        format!("/v1/webhook_policies/{}/.well-known/jwks.json", policy.name),
        below(&policy.name, "jwks.xml"),
    ];
    for url in elsewhere {
        let reply = api.visit("GET", &url).await;
        assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (404, Some("no-store")), "{url}");
    }
    assert_eq!(api.visit("POST", &below(&policy.name, "jwks.json")).await.status, 405);
    let path = format!("/v1/webhook_policies/{}", policy.id);
    assert_eq!(api.call("DELETE", &path, None).await.status, 204);
    assert_eq!(api.visit("GET", &below(&policy.name, "jwks.json")).await.status, 404);
}

#[tokio::test]
async fn an_endpoint_that_echoes_the_token_does_not_make_us_keep_it() {
    let api = ApiFixture::start().await;
    let held = api.endpoint.held();
    let policy = create(&api, json!({"jwt_alg": "es256"})).await;
    let webhook = link(&api, &policy, false).await;
    publish(&api).await;
    let arrival = held.arrival().await;
    let token = arrival.message.body["jwt"].as_str().unwrap().to_owned();
    let echo = format!("{{\"got\":\"{token}\",\"start\":\"{}", &token[..token.len() - 40]);
    arrival.answer(400, &echo);
    let record = records(&api, webhook, 1).await.remove(0);
    let path = format!("/v1/webhook_deliveries/{}", record["id"].as_str().unwrap());
    let record = api.call("GET", &path, None).await.json(200);
    assert_eq!(record["response"]["body"], r#"{"got":"***","start":"***"#);
    assert_eq!(record["response"]["headers"]["Echo"], r#"{"got":"***","start":"***"#);
    assert!(!record.to_string().contains(token.rsplit_once('.').unwrap().1));
}

#[tokio::test]
async fn a_verify_message_is_signed_like_all_others_and_its_code_is_kept_nowhere() {
    let settings = CoreSettings { verification: VerificationMode::Required, ..CoreSettings::default() };
    let api = ApiFixture::with(settings).await;
    let held = api.endpoint.held();
    let policy = create(&api, json!({"jwt_alg": "hs256"})).await;
    let webhook = link(&api, &policy, false).await;
    let arrival = held.arrival().await;
    let (_, claims) = verified(&arrival.message, &policy.key).unwrap();
    assert_eq!(claims["data"]["event"], "webhook.verify");
    let callback = claims["data"]["payload"]["callback"].as_str().unwrap().to_owned();
    let code = callback.split(['=', '&']).nth(1).unwrap().to_owned();
    let token = arrival.message.body["jwt"].as_str().unwrap().to_owned();
    arrival.answer(500, &token);
    let record = records(&api, webhook, 1).await.remove(0);
    let path = format!("/v1/webhook_deliveries/{}", record["id"].as_str().unwrap());
    let record = api.call("GET", &path, None).await.json(200);
    let shown = record["request"]["payload"]["jwt"]["claims"]["data"]["payload"]["callback"].as_str().unwrap();
    assert_eq!(shown, callback.replace(&code, "***"));
    assert_eq!((&record["response"]["body"], record.to_string().contains(&code)), (&json!("***"), false));
    assert_eq!(api.visit("GET", &callback).await.status, 200);
}

#[tokio::test]
async fn unsigned_tokens_are_sent_only_where_the_deployment_allows_them() {
    let api = ApiFixture::start().await;
    let reply = api.call("POST", "/v1/webhook_policies", Some(json!({"jwt_alg": "none"}))).await;
    assert_eq!(reply.problems(), ["Jwt alg is not included in the list"]);

    let api = ApiFixture::with(CoreSettings { allow_unsigned_jwt: true, ..CoreSettings::default() }).await;
    let reply = api.call("POST", "/v1/webhook_policies", Some(json!({"jwt_alg": "none"}))).await;
    let record = reply.json(201);
    assert_eq!((&record["jwt_alg"], &record["public_key_pem"]), (&json!("none"), &Value::Null));
    let policy = Made::of(&record);
    link(&api, &policy, true).await;
    publish(&api).await;
    let message = api.endpoint.wait_for(1).await.remove(0);
    let token = message.body["jwt"].as_str().unwrap();
    let header = URL_SAFE_NO_PAD.decode(token.split_once('.').unwrap().0).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&header).unwrap()["alg"], "none");
    assert!(token.ends_with('.') && VerifyingKey::parse("c2VjcmV0").unwrap().verify(token).is_err());
    let path = format!("/v1/webhook_policies/{}/rotate", policy.id);
    assert_eq!(api.call("POST", &path, None).await.problems(), ["Webhook policy has no key"]);
}

#[tokio::test]
async fn the_trail_of_a_policy_tells_what_was_done_to_its_keys() {
    let api = ApiFixture::start().await;
    let policy = create(&api, json!({"jwt_alg": "hs256", "jwt_audience": "a"})).await;
    let path = format!("/v1/webhook_policies/{}", policy.id);
    api.call("PATCH", &path, Some(json!({"disabled": "yes"}))).await.json(200);
    api.call("PATCH", &path, Some(json!({"disabled": true, "jwt_audience": "a"}))).await.json(200);
    let fresh = rotate(&api, &policy, json!({"now": true})).await;
    activate(&api, &policy).await;
    activate(&api, &policy).await;
    assert_eq!(api.call("DELETE", &path, None).await.status, 204);
    let entries = api.call("GET", &format!("{path}/audit"), None).await.json(200);
    assert!(!entries.to_string().contains(&policy.key) && !entries.to_string().contains(&fresh.key));
    let told: Vec<_> = entries.as_array().unwrap().iter().map(|entry| (&entry["action"], &entry["changes"])).collect();
    assert_eq!(told.len(), 5, "{entries}");
    let (first, second) = (&told[4].1["kid"][1], &told[2].1["kid"][1]);
    let instants = &told[2].1["signs_with_discovery_from"];
    assert_eq!(told[0].1["jwt_audience"], json!(["a", null]));
    assert_eq!(told[1], (&json!("update"), &json!({"activated_kid": [first, second]})));
    assert_eq!(told[2], (&json!("update"), &json!({"kid": [first, second], "signs_with_discovery_from": instants})));
    assert_eq!(told[3], (&json!("update"), &json!({"disabled": [false, true]})));
    assert_eq!((told[4].0, &told[4].1["jwt_alg"]), (&json!("create"), &json!([null, "hs256"])));
    let stranger = api.call_as(&api.stranger, "GET", &format!("{path}/audit"), None).await;
    assert_eq!(stranger.status, 404);
}
