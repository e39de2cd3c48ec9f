//! What is secret about a webhook (sections 3 and 7): the password of its URI, its header values, its signing secret.
//! What is stored shows in what an endpoint gets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hookline_tests::receiver::{Arrival, Receiver, next};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::fixture::ServiceFixture;

on_every_target!(
    a_password_is_shown_as_stars_and_sent_as_basic,
    stars_keep_the_stored_password_of_the_same_login,
    a_password_does_not_follow_to_another_host,
    header_values_are_kept_by_stars_and_do_not_follow_to_another_host,
    a_signing_secret_is_shown_only_when_asked_for,
    a_rotated_secret_signs_along_for_a_day,
    what_an_endpoint_echoes_is_masked_in_the_record,
);

/// An endpoint and a webhook for it.
struct Hooked {
    service: ServiceFixture,
    receiver: Receiver,
    arrivals: UnboundedReceiver<Arrival>,
    path: String,
}

impl Hooked {
    /// With user info in the URI, if it is not empty.
    async fn new(service: ServiceFixture, user_info: &str, fields: Value) -> Self {
        let (receiver, arrivals) = Receiver::keeping().await;
        let mut hooked = Self { service, receiver, arrivals, path: String::new() };
        let mut input = json!({"uri": hooked.uri(user_info, "/hook")});
        input.as_object_mut().expect("fields").extend(fields.as_object().expect("fields").clone());
        hooked.path = hooked.service.webhook_path(input).await;
        hooked
    }

    fn uri(&self, user_info: &str, path: &str) -> String {
        let at = if user_info.is_empty() { "" } else { "@" };
        self.receiver.uri(path).replace("http://", &format!("http://{user_info}{at}"))
    }

    /// What arrives when the webhook is tested.
    async fn arrival(&mut self) -> Arrival {
        self.service.post(&format!("{}/test", self.path), "").await.is(204, "");
        next(&mut self.arrivals).await
    }

    async fn authorization(&mut self) -> Option<String> {
        self.arrival().await.header("authorization").map(str::to_owned)
    }

    /// Changes the webhook and gives the status.
    async fn patch(&self, fields: Value) -> u16 {
        self.service.patch(&self.path, fields).await.status.as_u16()
    }
}

fn basic(login: &str) -> String {
    format!("Basic {}", STANDARD.encode(login))
}

async fn a_password_is_shown_as_stars_and_sent_as_basic(service: ServiceFixture) {
    let mut hooked = Hooked::new(service, "ada%40x:s%C3%A9cret%3A%25", json!({})).await;
    let shown = hooked.uri("ada%40x:***", "/hook");
    let service = &hooked.service;
    assert_eq!(service.get(&hooked.path).await.json()["uri"], shown);
    assert_eq!(service.get("/v1/webhooks").await.json()[0]["uri"], shown);
    assert_eq!(service.patch(&hooked.path, json!({"name": "x"})).await.json()["uri"], shown);
    assert_eq!(hooked.authorization().await, Some(basic("ada@x:sécret:%")));
    assert_eq!(hooked.patch(json!({"uri": hooked.uri("ada", "/hook")})).await, 200);
    assert_eq!(hooked.authorization().await, Some(basic("ada:")), "a URI without a password has none");
    assert_eq!(hooked.patch(json!({"uri": hooked.uri("", "/hook")})).await, 200);
    assert_eq!(hooked.authorization().await, None);
    assert_eq!(hooked.patch(json!({"uri": hooked.uri(":only", "/hook")})).await, 200);
    assert_eq!(hooked.authorization().await, Some(basic(":only")));
}

async fn stars_keep_the_stored_password_of_the_same_login(service: ServiceFixture) {
    let mut hooked = Hooked::new(service, "ada:secret", json!({})).await;
    assert_eq!(hooked.patch(json!({"uri": hooked.uri("ada:***", "/other?x=y")})).await, 200);
    assert_eq!(hooked.authorization().await, Some(basic("ada:secret")));
    assert_eq!(hooked.patch(json!({"name": "other"})).await, 200);
    assert_eq!(hooked.authorization().await, Some(basic("ada:secret")));
    for other in [
        hooked.uri("bob:***", "/hook"),
        hooked.uri(":***", "/hook"),
        hooked.uri("ada:***", "/hook").replace("127.0.0.1", "127.0.0.2"),
        hooked.uri("ada:***", "/hook").replace("http:", "https:"),
        "http://ada:***@127.0.0.1:1/".to_owned(),
        "http://ada:***@example.com/".to_owned(),
    ] {
        let reply = hooked.service.patch(&hooked.path, json!({ "uri": other })).await;
        reply.is_invalid(&[("uri", "Uri is invalid")]);
    }
    assert_eq!(hooked.authorization().await, Some(basic("ada:secret")), "a refused change changes nothing");
    assert_eq!(hooked.patch(json!({"uri": hooked.uri("ada:new", "/hook")})).await, 200);
    assert_eq!(hooked.authorization().await, Some(basic("ada:new")));
}

async fn a_password_does_not_follow_to_another_host(service: ServiceFixture) {
    let mut hooked = Hooked::new(service, "ada:secret", json!({})).await;
    assert_eq!(hooked.patch(json!({"uri": "http://ada@127.0.0.1:1/"})).await, 200);
    let back = hooked.uri("ada:***", "/hook");
    assert_eq!(hooked.patch(json!({ "uri": back })).await, 422, "it was dropped when the webhook moved");
    assert_eq!(hooked.patch(json!({"uri": hooked.uri("ada", "/hook")})).await, 200);
    assert_eq!(hooked.authorization().await, Some(basic("ada:")));
}

async fn header_values_are_kept_by_stars_and_do_not_follow_to_another_host(service: ServiceFixture) {
    let mut hooked = Hooked::new(service, "", json!({"headers": {"X-Key": "one", "X-Other": "two"}})).await;
    let sent = |arrival: &Arrival| ["x-key", "x-other", "x-new"].map(|name| arrival.header(name).map(str::to_owned));
    let values = |values: [&str; 3]| values.map(|value| (!value.is_empty()).then(|| value.to_owned()));
    assert_eq!(sent(&hooked.arrival().await), values(["one", "two", ""]));
    assert_eq!(hooked.patch(json!({"headers": {"X-New": "three", "x-KEY": "***"}})).await, 200);
    assert_eq!(sent(&hooked.arrival().await), values(["one", "", "three"]), "written as a whole");
    assert_eq!(hooked.patch(json!({"uri": hooked.uri("", "/elsewhere")})).await, 200);
    assert_eq!(sent(&hooked.arrival().await), values(["one", "", "three"]));

    let moved = json!({"uri": "http://127.0.0.1:1/", "headers": {"x-key": "***"}});
    let sentence = "Headers is invalid: 'x-key' has no stored value to keep";
    hooked.service.patch(&hooked.path, moved).await.is_invalid(&[("headers", sentence)]);
    assert_eq!(hooked.patch(json!({"uri": "http://127.0.0.1:1/"})).await, 200);
    let shown = hooked.service.get(&format!("{}?fields=headers", hooked.path)).await.json();
    assert_eq!(shown["headers"], json!({}), "values that were not sent with the change are dropped");
    assert_eq!(hooked.patch(json!({"uri": hooked.uri("", "/hook"), "headers": {"X-Key": "new"}})).await, 200);
    assert_eq!(sent(&hooked.arrival().await), values(["new", "", ""]));
}

async fn a_signing_secret_is_shown_only_when_asked_for(service: ServiceFixture) {
    let (one, two) = (service.webhook_path(json!({})).await, service.webhook_path(json!({})).await);
    let secret = async |path: &str| {
        let reply = service.get(&format!("{path}/secret")).await;
        assert_eq!(reply.json().as_object().expect("fields").len(), 1);
        reply.json()["secret"].as_str().expect("a secret").to_owned()
    };
    let (first, second) = (secret(&one).await, secret(&two).await);
    let key = STANDARD.decode(first.strip_prefix("whsec_").expect("the prefix")).expect("base64");
    assert_eq!(key.len(), 32);
    assert_ne!(first, second);
    assert_eq!(secret(&one).await, first, "it is shown again");
    let rotated = service.post(&format!("{one}/secret/rotate"), "").await;
    assert_eq!(rotated.status, 200);
    assert_eq!(rotated.json()["secret"], secret(&one).await);
    assert_ne!(secret(&one).await, first);
    assert_eq!(secret(&two).await, second);
}

async fn a_rotated_secret_signs_along_for_a_day(service: ServiceFixture) {
    let mut hooked = Hooked::new(service, "", json!({})).await;
    let mut secrets = Vec::new();
    for rotations in 0..3 {
        let shown = if rotations == 0 {
            hooked.service.get(&format!("{}/secret", hooked.path)).await
        } else {
            hooked.service.post(&format!("{}/secret/rotate", hooked.path), "").await
        };
        secrets.push(shown.json()["secret"].as_str().expect("a secret").to_owned());
        let arrival = hooked.arrival().await;
        assert_eq!(arrival.required("webhook-signature").split(' ').count(), secrets.len());
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers: http::HeaderMap = names
            .iter()
            .map(|name| {
                let value = arrival.required(name).parse::<http::HeaderValue>().expect("a value");
                (name.parse::<http::HeaderName>().expect("a name"), value)
            })
            .collect();
        for secret in &secrets {
            let library = standardwebhooks::Webhook::new(secret).expect("a secret of the library's form");
            library.verify(&arrival.body, &headers).expect("every secret of the last day verifies");
        }
    }
}

async fn what_an_endpoint_echoes_is_masked_in_the_record(service: ServiceFixture) {
    // An endpoint that answers with everything that it received, as debugging ones do.
    let echo = axum::Router::new().fallback(|headers: http::HeaderMap| async move {
        let authorization = headers.get("authorization").cloned();
        let text = format!("{headers:?}");
        let mut answer = axum::response::IntoResponse::into_response((http::StatusCode::BAD_REQUEST, text));
        answer.headers_mut().extend(authorization.map(|value| (http::HeaderName::from_static("x-echo"), value)));
        answer
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move { axum::serve(listener, echo).await });
    let input = json!({"uri": format!("http://ada:pass-canary@{address}/"), "headers": {"X-Key": "header-canary"}});
    let path = service.webhook_path(input).await;
    service.post(&format!("{path}/test"), "").await.is(204, "");
    let listed =
        service.until(&format!("{path}/deliveries"), |list| list.as_array().is_some_and(|l| l.len() == 1)).await;
    let id = listed[0]["id"].as_str().expect("an id");
    let record = service.get(&format!("/v1/webhook_deliveries/{id}")).await;
    let record_text = record.text();
    assert_eq!(record.json()["response"]["status"], 400);
    assert!(record.json()["response"]["body"].as_str().expect("a body").contains("x-key"), "{record_text}");
    for secret in ["pass-canary", "header-canary", &STANDARD.encode("ada:pass-canary")] {
        assert!(!record_text.contains(secret), "{record_text}");
    }
    server.abort();
}
