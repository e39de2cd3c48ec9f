//! Requests in the shapes that clients of the original send: trailing slashes, all fields by name, a hundred a page,
//! nothing but what changed, and links that are followed as they are.

use serde_json::{Value, json};

use crate::fixture::ServiceFixture;

on_every_target!(pages_of_a_hundred_with_every_field_by_name, only_changed_fields_are_sent_back);

fn names(record: &Value) -> Vec<&String> {
    record.as_object().expect("a record").keys().collect()
}

async fn pages_of_a_hundred_with_every_field_by_name(service: ServiceFixture) {
    let policy = service.post("/v1/webhook_policies/", json!({"jwt_alg": "hs256"})).await.json();
    let made = service.webhook(json!({"webhook_policy_id": policy["id"], "name": "the first"})).await;
    for _ in 1..103 {
        service.webhook(json!({})).await;
    }
    let record = service.get(&format!("/v1/webhooks/{}/", made["id"])).await.json();
    let fields = names(&record).into_iter().map(String::as_str).collect::<Vec<_>>().join(",");
    let first = service.get(&format!("/v1/webhooks/?per_page=100&fields={fields}&sort=id")).await;
    let listed = first.json();
    assert_eq!(first.ids().len(), 100);
    assert_eq!(listed[0], record, "a list with every field shows what the record shows");
    assert_eq!(listed[0]["webhook_policy"]["id"], policy["id"]);
    let second = service.get(&first.links()["next"]).await;
    assert_eq!(second.ids().len(), 3, "the last page");
    assert_eq!(names(&second.json()[0]), names(&record), "the link has the fields");
    assert!(!second.links().contains_key("next"));
}

async fn only_changed_fields_are_sent_back(service: ServiceFixture) {
    let policy = service.post("/v1/webhook_policies", json!({"jwt_alg": "hs256"})).await.json();
    let made = service.webhook(json!({"webhook_policy_id": policy["id"], "name": "before"})).await;
    let path = format!("/v1/webhooks/{}/", made["id"]);
    let renamed = service.patch(&path, json!({"name": "after"})).await.json();
    assert_eq!((&renamed["name"], &renamed["webhook_policy"]["id"]), (&json!("after"), &policy["id"]));
    let unlinked = service.patch(&path, json!({"webhook_policy_id": null})).await.json();
    assert_eq!((&unlinked["name"], &unlinked["webhook_policy"]), (&json!("after"), &Value::Null));
    let linked = service.patch(&path, json!({"webhook_policy_id": policy["id"].to_string()})).await.json();
    assert_eq!(linked["webhook_policy"]["id"], policy["id"], "an id may come as text");
}
