//! Several events of one webhook (section 14, `events`): what is taken, what is refused, and who gets what.

use serde_json::{Value, json};

use crate::fixture::ServiceFixture;

on_every_target!(
    events_are_written_shown_and_replaced,
    events_that_cannot_stand_together_are_refused,
    a_webhook_gets_an_event_once_however_many_of_its_events_match,
    lists_are_filtered_by_any_event,
);

async fn events_are_written_shown_and_replaced(service: ServiceFixture) {
    service.post("/v1/event_types", json!({"name": "order.paid"})).await.json();
    let events = json!(["request.*", "order.paid", "risk.create"]);
    let uri = json!("https://example.com/");
    let reply = service.post("/v1/webhooks?fields=event,events,name", json!({"events": events, "uri": uri})).await;
    let webhook = reply.json();
    assert_eq!((&webhook["event"], &webhook["events"], &webhook["name"]), (&events[0], &events, &events[0]));
    let path = format!("/v1/webhooks/{}", webhook["id"]);
    assert!(service.get(&path).await.json().get("events").is_none(), "an extension field");
    let shown = format!("{path}?fields=event,events");
    let patch = async |fields: Value| {
        let record = service.patch(&shown, fields).await.json();
        assert_eq!(record["event"], record["events"][0]);
        record["events"].clone()
    };
    assert_eq!(patch(json!({"name": "n"})).await, events, "they stay");
    assert_eq!(patch(json!({"event": "risk.*"})).await, json!(["risk.*"]), "`event` replaces them");
    let both = json!({"event": "risk.create", "events": ["risk.create", "*"]});
    assert_eq!(patch(both).await, json!(["risk.create", "*"]));
    assert_eq!(patch(json!({"events": ["*", "risk.create"]})).await, json!(["*", "risk.create"]), "their order counts");
    assert_eq!(patch(json!({"events": null})).await, json!(["*"]), "the first is left");
    assert_eq!(patch(json!({"event": "ci.*", "events": ""})).await, json!(["ci.*"]));
    assert_eq!(patch(json!({"events": ["ci.*"]})).await, json!(["ci.*"]));
    let trail = service.get(&format!("{path}/audit")).await.json();
    let changes: Vec<&Value> = trail.as_array().expect("a list").iter().map(|entry| &entry["changes"]).collect();
    assert_eq!(changes[0], &json!({"event": ["*", "ci.*"]}));
    assert_eq!(changes[1], &json!({"events": [["*", "risk.create"], null]}));
    let reordered = json!({"event": ["risk.create", "*"], "events": [["risk.create", "*"], ["*", "risk.create"]]});
    assert_eq!(changes[2], &reordered);
    let created = changes.last().expect("its creation");
    assert_eq!((&created["event"], &created["events"]), (&json!([null, "request.*"]), &json!([null, events])));
}

async fn events_that_cannot_stand_together_are_refused(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    let names = &hookline_core::model::event::EVENT_NAMES[1..42];
    let long = "x".repeat(100);
    let unknown = format!("Events is not included in the list: '{}'", &long[..64]);
    for (fields, sentence) in [
        (json!({"events": []}), "Events can't be blank"),
        (json!({"events": "risk.create"}), "Events is invalid"),
        (json!({"events": {}}), "Events is invalid"),
        (json!({"events": ["risk.create", null]}), "Events is invalid"),
        (json!({"events": [["risk.create"]]}), "Events is invalid"),
        (json!({"events": names}), "Events has reached its limit of 40"),
        (json!({"events": ["risk.create", "<b>\n"]}), r"Events is not included in the list: '<b>\n'"),
        (json!({"events": [long]}), unknown.as_str()),
        (json!({"events": ["risk.create", ""]}), "Events is not included in the list: ''"),
        (json!({"events": ["risk.create", "*", "risk.create"]}), "Events is invalid: 'risk.create' is repeated"),
        (
            json!({"events": ["risk.create", "automation_rule"]}),
            "Events is invalid: 'automation_rule' is not allowed together with others",
        ),
        (
            json!({"event": "risk.create", "events": ["*", "risk.create"]}),
            "Events is invalid: the first one must be the event",
        ),
    ] {
        service.patch(&path, fields).await.is_invalid(&[("events", sentence)]);
    }
    let both = json!({"event": "nope", "events": ["nope"]});
    let event = ("event", "Event is not included in the list");
    service.patch(&path, both).await.is_invalid(&[event, ("events", "Events is not included in the list: 'nope'")]);
    for fields in [json!({"events": null, "uri": "https://example.com/"}), json!({"uri": "https://example.com/"})] {
        service.post("/v1/webhooks", fields).await.is_invalid(&[("event", "Event can't be blank")]);
    }
    assert_eq!(service.patch(&path, json!({"events": names[..40]})).await.status, 200);
    assert_eq!(service.patch(&path, json!({"events": ["automation_rule"]})).await.status, 200);
}

async fn a_webhook_gets_an_event_once_however_many_of_its_events_match(service: ServiceFixture) {
    let events = json!(["request.create", "problem.create", "request.*", "*"]);
    let webhook = service.webhook(json!({"event": "request.create", "events": events})).await;
    let other = service.webhook(json!({"event": "problem.create", "events": ["problem.create", "risk.*"]})).await;
    for (event, matched) in [("request.create", 1), ("problem.create", 2), ("risk.update", 2), ("ci.update", 1)] {
        let id = service.publish(json!({"event": event, "object_id": 1})).await;
        assert_eq!(service.get(&format!("/v1/events/{id}")).await.json()["matched"], matched, "{event}");
    }
    let lines = service.post("/v1/events/explain", json!({"event": "risk.create", "object_id": 1})).await.json();
    assert_eq!(lines[0]["why"], "matches");
    assert_eq!(service.patch(&format!("/v1/webhooks/{}", other["id"]), json!({"event": "ci.*"})).await.status, 200);
    let lines = service.post("/v1/events/explain", json!({"event": "risk.create", "object_id": 1})).await.json();
    let why: Vec<_> =
        lines.as_array().expect("a list").iter().map(|line| (&line["webhook"]["id"], &line["why"])).collect();
    assert_eq!(why, [(&webhook["id"], &json!("matches")), (&other["id"], &json!("other event"))]);
}

async fn lists_are_filtered_by_any_event(service: ServiceFixture) {
    let several = service.webhook(json!({"event": "risk.create", "events": ["risk.create", "request.*"]})).await;
    let one = service.webhook(json!({"event": "request.*"})).await;
    let ids = async |query: &str| service.get(&format!("/v1/webhooks?sort=id&{query}")).await.ids();
    let [several, one] = [several, one].map(|webhook| webhook["id"].as_u64().expect("an id"));
    assert_eq!(ids("event=request.*").await, [several, one]);
    assert_eq!(ids("event=risk.create").await, [several]);
    assert_eq!(ids("event=!risk.create").await, [one]);
    assert_eq!(ids("event=risk.create,ci.create").await, [several]);
    service.get("/v1/webhooks?events=risk.create").await.refuses(400, "Filtering not allowed on fields: events");
}
