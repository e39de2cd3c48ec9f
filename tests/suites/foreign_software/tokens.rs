//! JWTs of all nine algorithms, verified by software that others wrote: PyJWT with the key that the policy showed, `jose`
//! with the key set that discovery leads to, and `openssl` on the bytes. Forged copies are refused.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hookline_core::values::{Clock as _, System};
use hookline_tests::hookline::Start;
use hookline_tests::receiver::{Arrival, Receiver, Reply, next};
use hookline_tests::wait_until::until;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::curl;
use crate::foreign::Foreign;
use crate::policy::{ALGORITHMS, Policy};

/// Messages that each webhook gets.
const MESSAGES: u64 = 3;
/// Forged copies of each token.
const FORGED: u64 = 8;

async fn verified_by(foreign: Foreign) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hookline = Start::on(&folder.path().join("data")).serve().await;
    for algorithm in ALGORITHMS {
        foreign.subscribe_by_policy(&hookline, algorithm).await;
    }
    for number in 0..MESSAGES {
        let event = json!({"event": "request.create", "object_id": number, "payload": {"text": "Ж 🚀 \u{2028}"}});
        curl::publish(&hookline, event.to_string().as_bytes());
    }
    let expected = MESSAGES * ALGORITHMS.len() as u64;
    let report = until("every message is judged", Duration::from_mins(2), || async {
        let report = foreign.report().await;
        let faults = report["faults"].as_array().expect("a list").len() as u64;
        (report["verified"].as_u64().expect("a count") + faults >= expected).then_some(report)
    });
    let report = report.await;
    assert_eq!(report["faults"], json!([]));
    assert_eq!((&report["verified"], &report["refused"]), (&json!(expected), &json!(FORGED * expected)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_pyjwt_with_the_key_that_was_shown() {
    verified_by(Foreign::python()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_jose_with_the_keys_of_discovery() {
    verified_by(Foreign::javascript()).await;
}

/// The three parts of the token in a message: what was signed, and the signature; and the claims.
fn parts(arrival: &Arrival) -> (String, Vec<u8>, Value) {
    let message = arrival.json();
    assert_eq!(message.as_object().map(serde_json::Map::len), Some(1), "nothing beside the token: {message}");
    let token = message["jwt"].as_str().expect("a token");
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    let claims = signed.split_once('.').expect("a header").1;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64url");
    (signed.to_owned(), decode(signature), serde_json::from_slice(&decode(claims)).expect("claims"))
}

/// A raw ECDSA signature as `openssl` wants it: a sequence of two integers in DER.
fn in_der(raw: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let mut digits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        if digits.first().is_none_or(|first| *first >= 0x80) {
            digits.insert(0, 0);
        }
        [vec![2, u8::try_from(digits.len()).expect("a short integer")], digits].concat()
    };
    let (r, s) = raw.split_at(raw.len() / 2);
    let body = [integer(r), integer(s)].concat();
    let length = u8::try_from(body.len()).expect("a short signature");
    let head = if length < 0x80 { vec![0x30, length] } else { vec![0x30, 0x81, length] };
    [head, body].concat()
}

/// Whether `openssl` finds that this is the signature of that text.
fn openssl_verifies(folder: &Path, algorithm: &str, key: &str, text: &str, signature: &[u8]) -> bool {
    let file = |name: &str, content: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, content).expect("the folder can be written to");
        path
    };
    let text = file("text", text.as_bytes());
    let hash = format!("-sha{}", &algorithm[2..]);
    let mut openssl = Command::new("openssl");
    openssl.args(["dgst", &hash]);
    if algorithm.starts_with("hs") {
        let secret = URL_SAFE_NO_PAD.decode(key).expect("base64url");
        let hex = secret.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        openssl.args(["-mac", "HMAC", "-macopt", &format!("hexkey:{hex}"), "-binary"]).arg(text);
        let output = openssl.output().expect("openssl is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return output.stdout == signature;
    }
    let signature = if algorithm.starts_with("es") { in_der(signature) } else { signature.to_vec() };
    openssl.arg("-verify").arg(file("key.pem", key.as_bytes()));
    openssl.arg("-signature").arg(file("signature", &signature)).arg(text);
    openssl.output().expect("openssl is installed").status.success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_openssl_on_the_bytes_and_the_hmac_covers_the_token() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hookline = Start::on(&folder.path().join("data")).serve().await;
    let (receiver, mut arrivals) = Receiver::keeping().await;
    let mut secrets: Vec<Vec<u8>> = Vec::new();
    for algorithm in ALGORITHMS {
        let policy = Policy::create(&hookline, algorithm).await;
        let webhook = policy.webhook(&hookline, &receiver.uri(&format!("/{algorithm}")), false).await;
        let test = hookline.administrator().post(&format!("/v1/webhooks/{}/test", webhook.id), "").await;
        assert_eq!(test.status, 204);
        let arrival = next(&mut arrivals).await;
        let (signed, mut signature, claims) = parts(&arrival);
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!(webhook.issuer), &json!(webhook.id.to_string())));
        assert!(openssl_verifies(folder.path(), algorithm, &policy.key, &signed, &signature), "{algorithm}");
        assert!(!openssl_verifies(folder.path(), algorithm, &policy.key, &format!("{signed}A"), &signature));
        signature[0] ^= 1;
        assert!(!openssl_verifies(folder.path(), algorithm, &policy.key, &signed, &signature), "{algorithm}");

        let secret = hookline.administrator().get(&format!("/v1/webhooks/{}/secret", webhook.id)).await.json();
        let library = Webhook::new(secret["secret"].as_str().expect("a secret")).expect("in the library's form");
        let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"].into_iter();
        let headers: http::HeaderMap = headers
            .map(|name| (http::HeaderName::from_static(name), arrival.required(name).parse().expect("a value")))
            .collect();
        library.verify(&arrival.body, &headers).expect("the other signature covers these bytes too");
        if algorithm.starts_with("hs") {
            secrets.push(policy.key.clone().into_bytes());
            secrets.push(URL_SAFE_NO_PAD.decode(&policy.key).expect("base64url"));
        }
    }
    for file in std::fs::read_dir(hookline.data()).expect("the data folder") {
        let Ok(content) = std::fs::read(file.expect("a file").path()) else { continue };
        for secret in &secrets {
            assert!(!content.windows(secret.len()).any(|bytes| bytes == secret), "a secret is stored as it is");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_attempt_is_signed_when_it_is_sent() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hookline = Start::on(&folder.path().join("data")).serve().await;
    let seen = std::sync::Arc::new(Mutex::new(Vec::new()));
    let theirs = std::sync::Arc::clone(&seen);
    // Waits are scaled 1:1000: the ninth attempt comes about three and a half seconds after the first.
    let receiver = Receiver::start(move |arrival| {
        let now = System.now().as_second();
        let mut seen = theirs.lock().expect("no test panicked");
        seen.push((arrival.clone(), now));
        Reply::status(if seen.len() < 9 { 500 } else { 204 })
    });
    let receiver = receiver.await;
    let policy = Policy::create(&hookline, "es256").await;
    policy.webhook(&hookline, &receiver.uri("/"), true).await;
    curl::publish(&hookline, br#"{"event":"request.create","object_id":1}"#);
    until("nine attempts", Duration::from_mins(2), || async {
        (seen.lock().expect("no test panicked").len() == 9).then_some(())
    })
    .await;
    let seen = seen.lock().expect("no test panicked");
    let mut ids = std::collections::BTreeSet::new();
    let mut times = Vec::new();
    for (arrival, now) in seen.iter() {
        let (_, _, claims) = parts(arrival);
        let iat = claims["iat"].as_i64().expect("iat");
        assert!(now.abs_diff(iat) <= 1, "made at {iat}, came at {now}");
        assert_eq!(claims["nbf"], claims["iat"]);
        assert_eq!(claims["exp"], iat + 300);
        assert_eq!(arrival.required("Webhook-Timestamp"), iat.to_string());
        assert_eq!(arrival.required("Webhook-Id"), seen[0].0.required("Webhook-Id"));
        assert_eq!(claims["data"], parts(&seen[0].0).2["data"]);
        assert!(ids.insert(claims["jti"].to_string()), "a jti came twice");
        times.push(iat);
    }
    assert!(times[8] >= times[0] + 2, "{times:?}");
}
