//! `/events` (section 4): what may be published, and what is answered.

use serde_json::{Value, json};

use crate::fixture::ServiceFixture;

on_every_target!(
    an_accepted_event_is_answered_with_its_id,
    all_problems_of_an_event_are_told_at_once,
    several_events_are_answered_one_by_one,
    the_first_content_of_an_id_counts,
    an_event_id_belongs_to_its_account,
    an_event_of_another_account_is_forbidden,
    a_webhook_cannot_feed_itself,
    what_became_of_an_event,
    an_automation_rule_goes_to_the_webhook_that_it_names,
    events_match_exactly_or_by_pattern,
);

async fn an_accepted_event_is_answered_with_its_id(service: ServiceFixture) {
    let event = json!({"id": "2f6c!~", "event": "problem.note-added", "object_id": 332});
    service.post("/v1/events", &event).await.is(202, r#"{"id":"2f6c!~"}"#);
    let knows_repeats = service.target.knows_repeats();
    let repeated = if knows_repeats { r#"{"id":"2f6c!~","repeated":true}"# } else { r#"{"id":"2f6c!~"}"# };
    service.post("/v1/events", &event).await.is(202, repeated);
    service.post("/v1/events", json!([event])).await.is(202, &format!("[{repeated}]"));
    let with_all = json!({"id": 17, "account_id": "wdc", "event": "risk.create", "object_id": 0, "object_type": "Risk",
        "person_id": 6, "person_name": "Ada Иванова", "payload": {"a": 1}, "nonsense": {"x": []},
        "links": {"canonical": "https://example.com/a", "resource": null, "related": "http://example.com/b"}});
    service.post("/v1/events", &with_all).await.is(202, r#"{"id":"17"}"#);
    let reply = service.post("/v1/events", json!({"event": "request.create", "object_id": 1})).await;
    let id = reply.json()["id"].as_str().and_then(|id| uuid::Uuid::parse_str(id).ok()).expect("a UUID");
    assert_eq!(id.get_version_num(), 7, "without an id the service makes a UUID v7");
}

async fn all_problems_of_an_event_are_told_at_once(service: ServiceFixture) {
    let long = "x".repeat(129);
    for (event, problems) in [
        (json!({}), &[("object_id", "Object id can't be blank"), ("event", "Event can't be blank")][..]),
        (json!({"event": "Request.create", "object_id": 1}), &[("event", "Event is not included in the list")]),
        (json!({"event": "webhook.verify", "object_id": 1}), &[("event", "Event is not included in the list")]),
        (json!({"event": "request.*", "object_id": 1}), &[("event", "Event is not included in the list")]),
        (
            json!({"event": 7, "object_id": -1}),
            &[("object_id", "Object id is invalid"), ("event", "Event is not included in the list")],
        ),
        (json!({"event": "request.create", "object_id": "1"}), &[("object_id", "Object id is invalid")]),
        (json!({"event": "request.create", "object_id": 1.0}), &[("object_id", "Object id is invalid")]),
        (json!({"id": "a b", "event": "request.create", "object_id": 1}), &[("id", "Id is invalid")]),
        (json!({"id": "", "event": "request.create", "object_id": 1}), &[("id", "Id is invalid")]),
        (json!({"id": long, "event": "request.create", "object_id": 1}), &[("id", "Id is invalid")]),
        (json!({"event": "request.create", "object_id": 1, "payload": []}), &[("payload", "Payload is invalid")]),
        (json!({"event": "request.create", "object_id": 1, "payload": "{}"}), &[("payload", "Payload is invalid")]),
        (json!({"event": "request.create", "object_id": 1, "webhook": "x"}), &[("webhook", "Webhook is not allowed")]),
        (json!({"event": "automation_rule", "object_id": 1}), &[("webhook", "Webhook can't be blank")]),
        (
            json!({"event": "request.create", "object_id": 1, "links": {"canonical": "/x"}}),
            &[("links", "Links is invalid")],
        ),
        (
            json!({"event": "request.create", "object_id": 1, "object_type": "a/b"}),
            &[("object_type", "Object type is invalid")],
        ),
        (
            json!({"event": "request.create", "object_id": 1, "person_name": "x".repeat(256)}),
            &[("person_name", "Person name is too long (maximum is 255 characters)")],
        ),
    ] {
        service.post("/v1/events", &event).await.is_invalid(problems);
    }
    for text in ["1", "null", "\"x\"", "true", r#"{"event":"ci.create","event":"ci.create","object_id":1}"#] {
        let reply = service.post("/v1/events", text).await;
        reply.is_invalid(&[("base", "Event must be an object that names each field once")]);
    }
}

async fn several_events_are_answered_one_by_one(service: ServiceFixture) {
    let good = |id: &str| json!({"id": id, "event": "request.create", "object_id": 1});
    let bad = json!({"id": "bad", "event": "nope", "object_id": 1});
    let reply = service.post("/v1/events", json!([good("a"), bad, {}, good("b")])).await;
    let errors = json!([["event", "Event is not included in the list"]]);
    let blank = json!([["object_id", "Object id can't be blank"], ["event", "Event can't be blank"]]);
    let expected = json!([{"id": "a"}, {"id": "bad", "message": "Validation Failed", "errors": errors},
        {"message": "Validation Failed", "errors": blank}, {"id": "b"}]);
    assert_eq!((reply.status.as_u16(), reply.json()), (202, expected));
    let none = service.post("/v1/events", json!([bad])).await;
    assert_eq!(none.status, 422);
    assert_eq!(none.json(), json!([{"id": "bad", "message": "Validation Failed", "errors": errors}]));

    let hundred: Vec<Value> = (0..100).map(|n| good(&format!("n{n}"))).collect();
    assert_eq!(service.post("/v1/events", json!(hundred)).await.json().as_array().expect("a list").len(), 100);
    let more: Vec<Value> = (0..101).map(|n| good(&format!("m{n}"))).collect();
    service.post("/v1/events", json!(more)).await.is_invalid(&[("events", "Events has reached its limit of 100")]);
    service.get("/v1/events/m0").await.refuses(404, "Not Found");
    let large = json!({"id": "l", "event": "request.create", "object_id": 1, "payload": {"x": "x".repeat(256 * 1024)}});
    let mixed = service.post("/v1/events", json!([large, good("c")])).await;
    assert_eq!((mixed.status.as_u16(), mixed.json()), (202, json!([{"message": "Content Too Large"}, {"id": "c"}])));
}

async fn the_first_content_of_an_id_counts(service: ServiceFixture) {
    service.webhook(json!({"event": "request.create"})).await;
    service.publish(json!({"id": "x", "event": "request.create", "object_id": 1})).await;
    let knows_repeats = service.target.knows_repeats();
    for other in [
        json!({"id": "x", "event": "risk.create", "object_id": 1}),
        json!({"id": "x", "event": "request.create", "object_id": 2}),
        json!({"id": "x", "event": "request.create", "object_id": 1, "object_type": "Other"}),
    ] {
        let reply = service.post("/v1/events", &other).await;
        if knows_repeats {
            reply.refuses(409, "Conflict");
            let line = json!([{"id": "x", "message": "Conflict"}, {"id": "y"}]);
            let good = json!({"id": "y", "event": "request.create", "object_id": 1});
            let batch = service.post("/v1/events", json!([other, good])).await.json();
            assert_eq!((&batch[0], &batch[1]["id"]), (&line[0], &line[1]["id"]));
        } else {
            reply.is(202, r#"{"id":"x"}"#);
        }
    }
    service.publish(json!({"id": "x", "event": "request.create", "object_id": 1, "payload": {"other": true}})).await;
    let event = service.get("/v1/events/x").await.json();
    assert_eq!((&event["event"], &event["matched"]), (&json!("request.create"), &json!(1)));
}

async fn an_event_id_belongs_to_its_account(service: ServiceFixture) {
    let token = service.account("other").await;
    let event = |object: u64| json!({"id": "same", "event": "request.create", "object_id": object});
    service.publish(event(1)).await;
    service.get("/v1/events/same").by(&token).await.refuses(404, "Not Found");
    service.post("/v1/events", event(2)).by(&token).await.is(202, r#"{"id":"same"}"#);
    let limit = std::time::Duration::from_mins(2);
    hookline_tests::wait_until::until("the event is there", limit, || async {
        let status = service.get("/v1/events/same").by(&token).await.status;
        (status == 200).then_some(())
    })
    .await;
}

async fn an_event_of_another_account_is_forbidden(service: ServiceFixture) {
    service.account("other").await;
    for account in ["other", "nobody"] {
        let event = json!({"id": "x", "account_id": account, "event": "request.create", "object_id": 1});
        service.post("/v1/events", &event).await.refuses(403, "Forbidden");
        let several = service.post("/v1/events", json!([event])).await;
        assert_eq!((several.status.as_u16(), several.json()), (422, json!([{"id": "x", "message": "Forbidden"}])));
    }
    service.get("/v1/events/x").await.refuses(404, "Not Found");
}

async fn a_webhook_cannot_feed_itself(service: ServiceFixture) {
    for name in ["x-4me-delivery", "x-xurrent-delivery"] {
        let event = json!({"id": name, "event": "request.create", "object_id": 1});
        service.post("/v1/events", event).with(name, "x").await.refuses(508, "Loop Detected");
        service.get(&format!("/v1/events/{name}")).await.refuses(404, "Not Found");
    }
}

async fn what_became_of_an_event(service: ServiceFixture) {
    service.get("/v1/events/none").await.refuses(404, "Not Found");
    service.get("/v1/events/%20").await.refuses(404, "Not Found");
    // API Gateway takes an encoded `/` for a `/`, so no such id can be asked for there.
    let id = service.publish(json!({"id": "a:b?c#d%", "event": "request.create", "object_id": 1})).await;
    assert_eq!(id, "a:b?c#d%");
}

async fn an_automation_rule_goes_to_the_webhook_that_it_names(service: ServiceFixture) {
    service.webhook(json!({"event": "*"})).await;
    let rule = |name: &str, disabled: bool| json!({"event": "automation_rule", "name": name, "disabled": disabled});
    let first = service.webhook(rule("twin", true)).await;
    let second = service.webhook(rule("twin", false)).await;
    service.webhook(rule("twin", false)).await;
    let mut number = 0;
    for (name, matches) in [
        (json!("twin"), true),
        (second["id"].clone(), true),
        (second["nodeID"].clone(), true),
        (json!("TWIN"), false),
        (first["id"].clone(), false),
        (json!(1), false),
        (json!(999), false),
    ] {
        number += 1;
        let event = json!({"id": format!("r{number}"), "event": "automation_rule", "object_id": 1, "webhook": name});
        let id = service.publish(event).await;
        let became = service.get(&format!("/v1/events/{id}")).await.json();
        assert_eq!(became["matched"], u64::from(matches), "{name}");
    }
}

async fn events_match_exactly_or_by_pattern(service: ServiceFixture) {
    for event in ["request.create", "request.create", "request.*", "risk.*", "*"] {
        service.webhook(json!({ "event": event })).await;
    }
    let disabled = service.webhook_path(json!({"disabled": true})).await;
    let matched = async |event: &str| {
        let id = service.publish(json!({"event": event, "object_id": 1})).await;
        service.get(&format!("/v1/events/{id}")).await.json()["matched"].as_u64().expect("a number")
    };
    assert_eq!(matched("request.create").await, 4);
    assert_eq!(matched("request.update").await, 2);
    assert_eq!(matched("risk.create").await, 2);
    assert_eq!(matched("person.create").await, 1);
    service.patch(&disabled, json!({"disabled": false})).await;
    assert_eq!(matched("request.create").await, 5, "what counts is the state when the event is fanned out");
}
