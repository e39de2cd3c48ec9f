//! Where an HTTP API leads a request in an unusual form is not documented, and people saw different things:
//!
//! - No route key ends in a slash (<https://github.com/storacha/w3infra/pull/166>). `/events/` was seen to reach the route
//!   `/events/{proxy+}` (there), the route `/events` (<https://github.com/aws-powertools/powertools-lambda-python/issues/1552>),
//!   and `$default`; the function gets the slash (<https://github.com/floci-io/floci/issues/2136>).
//! - Routes are matched before the path is decoded, and the function gets it decoded, cut off at a `?`
//!   (<https://github.com/honojs/hono/issues/2156>, <https://github.com/hotsock/voker/pull/8>): `/a%2Fevents` has the route
//!   `$default` and comes as `/a/events`; `/webhooks/3%3F/deliveries` has the route of the deliveries and comes as `/webhooks/3`.
//!
//! So each form gets the same answer from every function that it may reach, and a path that a function gets by mistake is
//! one that it does not have.

use bytes::Bytes;
use hookline_tests::target::functions::Functions;
use hookline_tests::target::{Target as _, Variation};
use http::Request;
use serde_json::{Value, json};

/// A function with a call that it owns: method, path, body, and the status of the answer.
const OWNED: [(&str, &str, &str, Option<&str>, u16); 10] = [
    ("events-api", "POST", "/events", Some(r#"{"event":"request.create","object_id":1}"#), 202),
    ("events-api", "POST", "/events/explain", Some(r#"{"event":"request.create","object_id":1}"#), 200),
    ("events-api", "GET", "/events/none", None, 404),
    ("events-api", "GET", "/events", None, 200),
    ("events-api", "POST", "/webhooks/filter_preview", Some(r#"{"filter":{"object_id":[1]}}"#), 200),
    ("deliveries-api", "GET", "/webhook_deliveries", None, 200),
    ("deliveries-api", "GET", "/webhooks/7/deliveries", None, 404),
    ("deliveries-api", "GET", "/redeliveries/none", None, 404),
    ("policies-api", "GET", "/webhook_policies", None, 200),
    ("policies-api", "POST", "/webhook_policies", Some(r#"{"jwt_alg":"es256"}"#), 201),
];

/// What the gateway's decoding may lead to a function that does not have it.
const MISLED: [(&str, &str, &str); 8] = [
    ("deliveries-api", "GET", "/webhooks/3"),
    ("deliveries-api", "DELETE", "/webhooks/3"),
    ("deliveries-api", "POST", "/webhooks/3/verify"),
    ("events-api", "GET", "/attachments/storage"),
    ("events-api", "POST", "/webhooks"),
    ("policies-api", "POST", "/webhooks/3/secret/rotate"),
    ("policies-api", "DELETE", "/endpoint_hosts/aGk/throttle"),
    ("events-api", "POST", "/webhook_policies"),
];

fn request(token: &str, method: &str, path: &str, body: Option<&str>) -> Request<Bytes> {
    let request = Request::builder().method(method).uri(path).header("Authorization", format!("Bearer {token}"));
    let request = request.header("Content-Type", "application/json");
    request.body(Bytes::from(body.unwrap_or_default().to_owned())).expect("a request")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_of_a_path_is_answered_right_by_every_function_that_it_may_reach() {
    let functions = Functions::start(Variation::default()).await;
    functions.create_account("wdc", "UTC").await;
    let token = functions.create_token("wdc", "administrator", None).await.secret;
    for (owner, method, path, body, status) in OWNED {
        for prefix in ["", "/v1", "/a/wdc/v1"] {
            for ending in ["", "/", ".json", ".json/"] {
                for function in [owner, "webhooks-api"] {
                    let form = format!("{prefix}{path}{ending}?fields=id&fields=id");
                    let answer = functions.send_to(function, &request(&token, method, &form, body)).await;
                    let text = String::from_utf8_lossy(&answer.body);
                    assert_eq!(answer.status.as_u16(), status, "{function}: {method} {form}: {text}");
                }
            }
        }
    }
    for (function, method, path) in MISLED {
        let answer = functions.send_to(function, &request(&token, method, path, None)).await;
        assert_eq!(answer.status.as_u16(), 404, "{function}: {method} {path}");
        let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert!(body["message"].is_string(), "our own answer: {body}");
    }
    let root = functions.send_to("webhooks-api", &request(&token, "GET", "/", None)).await;
    assert_eq!((root.status.as_u16(), serde_json::from_slice::<Value>(&root.body).expect("JSON")), (200, json!({})));
}
