//! Nothing of account B is visible or changeable with a token of account A (section 2: 404, never 403). The routes are
//! those of the OpenAPI document, so a new one cannot be forgotten.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};

use crate::call::Call;
use crate::fixture::ServiceFixture;

on_every_target!(every_route_with_every_id_of_another_account_is_not_found, lists_show_only_the_accounts_own,);

/// What an account has, as ids in paths, by the first part of the path.
struct Belongings {
    token: String,
    webhook: Value,
    policy: Value,
    event_type: Value,
    redelivery: String,
    event: String,
    host: &'static str,
    delivery: String,
}

impl Belongings {
    /// An account of that name, with one of everything.
    async fn of(service: &ServiceFixture, name: &str) -> Self {
        // Nothing listens there, and each account has a host of its own.
        let host = if name == "account-a" { "127.0.0.1:1" } else { "127.0.0.1:2" };
        let token = service.account(name).await;
        let policy = service.post("/v1/webhook_policies", json!({"jwt_alg": "hs256"})).by(&token).await.json();
        let own = json!({"name": format!("{}.own", name.replace('-', "_"))});
        let event_type = service.post("/v1/event_types", own).by(&token).await.json();
        let body = json!({"event": "request.create", "uri": format!("http://{host}/"), "name": name});
        let webhook = service.post("/v1/webhooks", body).by(&token).await.json();
        let redeliver = format!("/v1/webhooks/{}/redeliver", webhook["id"]);
        let redelivery =
            service.post(&redeliver, "{}").by(&token).await.json()["id"].as_str().expect("an id").to_owned();
        let event = json!({"id": format!("event-of-{name}"), "event": "request.create", "object_id": 1});
        let event = service.post("/v1/events", event).by(&token).await.json()["id"].as_str().expect("an id").to_owned();
        let list = format!("/v1/webhooks/{}/deliveries", webhook["id"]);
        let limit = std::time::Duration::from_mins(2);
        let delivery = hookline_tests::wait_until::until("a delivery is recorded", limit, || async {
            service.get(&list).by(&token).await.json()[0]["id"].as_str().map(str::to_owned)
        });
        let delivery = delivery.await;
        let job = format!("/v1/redeliveries/{redelivery}");
        let done = hookline_tests::wait_until::until("the job is done", limit, || async {
            (service.get(&job).by(&token).await.json()["state"] == "done").then_some(())
        });
        done.await;
        Self { token, webhook, policy, event_type, redelivery, event, host, delivery }
    }

    /// The ids that a path of the document may be asked with.
    fn ids(&self, path: &str) -> Vec<String> {
        let both =
            |record: &Value| vec![record["id"].to_string(), record["nodeID"].as_str().expect("a node id").to_owned()];
        match path.split('/').nth(1) {
            Some("webhooks") => both(&self.webhook),
            Some("webhook_policies") => both(&self.policy),
            Some("event_types") => {
                vec![self.event_type["id"].to_string(), self.event_type["name"].as_str().expect("a name").to_owned()]
            }
            Some("endpoint_hosts") => vec![URL_SAFE_NO_PAD.encode(format!("http://{}", self.host))],
            Some("redeliveries") => vec![self.redelivery.clone()],
            Some("webhook_deliveries") => vec![self.delivery.clone()],
            // The last part of a key, which is no secret: what counts is the signature.
            Some("attachments") => vec!["0192f7c4-7b1e-4a57-9f0e-6d3c0f3b8a11".to_owned()],
            Some("events") => vec![self.event.clone()],
            other => panic!("no id is known for {other:?}: add one of what account B has"),
        }
    }

    /// All that the account sees of itself.
    async fn seen(&self, service: &ServiceFixture) -> Vec<Value> {
        let mut seen = Vec::new();
        for path in [
            "/v1/webhooks?fields=name,event,uri,disabled,headers,description".to_owned(),
            format!("/v1/webhooks/{}/secret", self.webhook["id"]),
            format!("/v1/webhooks/{}/audit", self.webhook["id"]),
            format!("/v1/webhook_policies/{}", self.policy["id"]),
            "/v1/event_types".to_owned(),
            format!("/v1/redeliveries/{}", self.redelivery),
            format!("/v1/webhook_policies/{}/audit", self.policy["id"]),
            format!("/v1/webhook_deliveries/{}", self.delivery),
            format!("/v1/events/{}?fields=event,matched", self.event),
        ] {
            let mut record = service.get(&path).by(&self.token).await.json();
            if let Some(entries) = record.as_array_mut() {
                // That we looked at the secret ourselves is audited as well.
                entries.retain(|entry| entry["action"] != "read");
            }
            seen.push(record);
        }
        seen
    }
}

async fn every_route_with_every_id_of_another_account_is_not_found(service: ServiceFixture) {
    let (a, b) = (Belongings::of(&service, "account-a").await, Belongings::of(&service, "account-b").await);
    let before = b.seen(&service).await;
    let document = Call::new(&*service.target, Method::GET, "/openapi.json").await.json();
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        if !path.contains("{id}") {
            continue;
        }
        for (method, operation) in methods.as_object().expect("operations") {
            // An open route knows no caller: below the account's own URL it answers everybody alike.
            let is_open = operation["security"] == json!([]);
            let method: Method = method.to_uppercase().parse().expect("a method");
            for id in b.ids(path) {
                for base in ["/v1", "/a/account-a", "/a/account-b"] {
                    if is_open && base == "/a/account-b" {
                        continue;
                    }
                    let path = format!("{base}{}", path.replace("{id}", &id));
                    let call = Call::new(&*service.target, method.clone(), &path).json("{}").by(&a.token);
                    call.await.refuses(404, "Not Found");
                    asked += 1;
                }
            }
        }
    }
    assert!(asked >= 60, "{asked} calls");
    assert_eq!(b.seen(&service).await, before);
}

async fn lists_show_only_the_accounts_own(service: ServiceFixture) {
    let (a, b) = (Belongings::of(&service, "account-a").await, Belongings::of(&service, "account-b").await);
    let foreign = b.webhook["id"].as_u64().expect("an id");
    for query in ["", &format!("?id={foreign}"), "?id=!", "?name=account-b", "?sort=id&per_page=100"] {
        assert!(!service.get(&format!("/v1/webhooks{query}")).by(&a.token).await.ids().contains(&foreign));
    }
    let mine = service.get("/v1/webhooks").by(&a.token).await;
    assert_eq!(mine.header("x-pagination-total-entries"), Some("1"));
    for query in [format!("?event_id={}", b.event), format!("?fields=event_id&event_id={}", b.event)] {
        service.get(&format!("/v1/webhook_deliveries{query}")).by(&a.token).await.is(200, "[]");
    }
    let message = service.get(&format!("/v1/webhook_deliveries/{}", b.delivery)).by(&b.token).await.json();
    let message = message["message_id"].as_str().expect("an id").to_owned();
    service.get(&format!("/v1/webhook_deliveries?message_id={message}")).by(&a.token).await.is(200, "[]");
    let all = service.get("/v1/webhook_deliveries?fields=event_id&per_page=100").by(&a.token).await;
    assert!(!all.text().contains("account-b"), "{}", all.text());
    // A cursor of another account leads to nothing of it.
    let list = format!("/v1/webhooks/{foreign}/deliveries?per_page=1");
    let limit = std::time::Duration::from_mins(2);
    let next = hookline_tests::wait_until::until("a second attempt is recorded", limit, || async {
        service.get(&list).by(&b.token).await.links().get("next").cloned()
    });
    let next = next.await;
    service.get(&next).by(&a.token).await.refuses(404, "Not Found");
    let cursor = next.split("search_after=").nth(1).expect("a cursor");
    let reply =
        service.get(&format!("/v1/webhook_deliveries?search_after={cursor}&fields=event_id")).by(&a.token).await;
    assert!(!reply.text().contains("account-b"));
}
