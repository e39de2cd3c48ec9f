//! Deliveries (section 10) and tests of webhooks (section 3): records, lists, cursors, redelivery.

use hookline_tests::receiver::{Receiver, Reply as Answer, next};
use serde_json::{Value, json};

use crate::fixture::ServiceFixture;

on_every_target!(
    a_test_is_sent_also_when_disabled_and_never_retried,
    a_record_tells_everything_about_a_success,
    a_record_tells_everything_about_a_failure_and_its_retries,
    lists_show_their_fields_newest_first_and_can_be_filtered,
    cursors_lead_through_the_log_in_both_directions,
    everything_about_an_event_or_a_message,
    records_stay_when_the_webhook_is_deleted,
    a_redelivery_is_a_new_run_of_the_same_message,
    what_cannot_be_redelivered,
    waiting_messages_of_a_disabled_or_deleted_webhook_are_cancelled,
);

/// An endpoint that answers this, and a webhook for it.
async fn hooked(service: &ServiceFixture, status: u16, fields: Value) -> (Receiver, String) {
    let receiver = Receiver::start(move |_| Answer::status(status)).await;
    let mut input = json!({"uri": receiver.uri("/hook")});
    input.as_object_mut().expect("fields").extend(fields.as_object().expect("fields").clone());
    let path = service.webhook_path(input).await;
    (receiver, path)
}

/// The newest record of a list, once it has so many.
async fn newest(service: &ServiceFixture, list: &str, count: usize) -> Value {
    let records = service.until(list, |list| list.as_array().is_some_and(|list| list.len() >= count)).await;
    let id = records[0]["id"].as_str().expect("an id");
    service.get(&format!("/v1/webhook_deliveries/{id}")).await.json()
}

async fn a_test_is_sent_also_when_disabled_and_never_retried(service: ServiceFixture) {
    let (receiver, mut arrivals) = Receiver::keeping().await;
    let path = service.webhook_path(json!({"uri": receiver.uri("/"), "event": "project_task.update"})).await;
    service.patch(&path, json!({"disabled": true})).await;
    service.post(&format!("{path}/test"), "").await.is(204, "");
    let arrival = next(&mut arrivals).await;
    let body = arrival.json();
    assert_eq!((&body["event"], &body["object_id"]), (&json!("project_task.update"), &json!(12345)));
    assert_eq!((&body["payload"], &body["person_id"]), (&json!({}), &Value::Null));
    assert_eq!(body["account"], service.account_url());
    service.patch(&path, json!({"event": "risk.*"})).await;
    service.post(&format!("{path}/test"), "").await.is(204, "");
    assert_eq!(next(&mut arrivals).await.json()["event"], "risk.create", "the first matching name");
    service.patch(&path, json!({"event": "order.*"})).await;
    let refused = service.post(&format!("{path}/test"), "").await;
    refused.is_invalid(&[("event", "Event is not included in the list")]);

    let (_failing, path) = hooked(&service, 500, json!({"mail_exceptions_to": "a@example.com"})).await;
    service.post(&format!("{path}/test"), "").await.is(204, "");
    let record = newest(&service, &format!("{path}/deliveries"), 1).await;
    assert_eq!(
        [&record["test"], &record["outcome"], &record["next_attempt_at"]],
        [&json!(true), &json!("failed"), &Value::Null]
    );
    // A second attempt would come within milliseconds: the waits are scaled down.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(service.get(&format!("{path}/deliveries")).await.json().as_array().expect("a list").len(), 1);
    assert_eq!(service.get(&path).await.json()["last_error"], Value::Null);
    assert_eq!(service.target.mails(), Vec::<String>::new());
}

async fn a_record_tells_everything_about_a_success(service: ServiceFixture) {
    let (receiver, path) = hooked(&service, 201, json!({"name": "mine"})).await;
    let webhook = service.get(&path).await.json();
    let event = json!({"id": "e1", "event": "request.create", "object_id": 5, "person_id": 6, "person_name": "Ada",
        "payload": {"b": 1, "a": 1.50}});
    service.publish(event).await;
    let record = newest(&service, &format!("{path}/deliveries"), 1).await;
    let id = record["id"].as_str().and_then(|id| uuid::Uuid::parse_str(id).ok()).expect("a UUID");
    assert_eq!(id.get_version_num(), 8);
    let expected = json!({
        "webhook": {"id": webhook["id"], "name": "mine", "nodeID": webhook["nodeID"]}, "event": "request.create",
        "event_id": "e1", "attempt": 1, "test": false, "outcome": "succeeded", "error": null, "error_class": null,
        "fault": null, "retry_of": null, "redelivery_of": null, "next_attempt_at": null,
    });
    for (field, value) in expected.as_object().expect("fields") {
        assert_eq!(record.get(field), Some(value), "{field}");
    }
    let request = &record["request"];
    assert_eq!(request["uri"], receiver.uri("/hook"));
    assert_eq!(request["payload"]["payload"], json!({"b": 1, "a": 1.50}));
    assert_eq!(request["payload"]["person_name"], "Ada");
    let headers = &request["headers"];
    assert_eq!(headers["X-4me-Delivery"], record["id"]);
    assert_eq!(headers["Webhook-Id"], record["message_id"]);
    assert_eq!((&record["response"]["status"], &record["response"]["body"]), (&json!(201), &Value::Null));
    let timings = record["timings"].as_object().expect("timings");
    assert_eq!(timings.keys().collect::<Vec<_>>(), ["connect", "dns", "first_byte", "tls", "total"]);
    let total = timings["total"].as_f64().expect("a number");
    assert!((record["completed_in"].as_f64().expect("seconds") * 1000.0 - total).abs() < 1.0);
    assert!(record["address"].as_str().is_some_and(|address| receiver.uri("").ends_with(address)), "{record}");
    let event = service.get("/v1/events/e1").await.json();
    let expected = json!({"id": "e1", "event": "request.create", "accepted_at": event["accepted_at"], "matched": 1,
        "succeeded": 1, "waiting": 0, "dropped": 0, "cancelled": 0, "skipped": 0});
    assert_eq!(event, expected);
    let shown = service.get(&format!("{path}?fields=last_delivery")).await.json();
    assert_eq!(shown["last_delivery"]["id"], record["id"]);
}

async fn a_record_tells_everything_about_a_failure_and_its_retries(service: ServiceFixture) {
    let (_receiver, path) = hooked(&service, 404, json!({"name": "mine"})).await;
    let before = service.get(&path).await;
    service.publish(json!({"id": "e1", "event": "request.create", "object_id": 5})).await;
    service.until("/v1/events/e1", |event| event["dropped"] == 1).await;
    let list = service.get(&format!("{path}/deliveries?per_page=100")).await.json();
    let records = list.as_array().expect("a list");
    assert_eq!(records.len(), 10);
    let mut newer: Option<Value> = None;
    for (number, listed) in (1..=10).rev().zip(records) {
        let record =
            service.get(&format!("/v1/webhook_deliveries/{}", listed["id"].as_str().expect("an id"))).await.json();
        assert_eq!(record["attempt"], number);
        assert_eq!(record["outcome"], if number == 10 { "dropped" } else { "failed" });
        assert_eq!(
            [&record["error"], &record["error_class"], &record["fault"]],
            ["404 Not Found", "http-status", "endpoint"]
        );
        assert_eq!(record["next_attempt_at"].is_null(), number == 10);
        assert_eq!(record["response"]["body"], "");
        if let Some(newer) = newer {
            assert_eq!(newer["retry_of"], record["id"]);
        }
        newer = Some(record);
    }
    assert_eq!(newer.expect("records")["retry_of"], Value::Null);
    let after = service.get(&path).await;
    assert_eq!(after.json()["last_error"], "404 Not Found");
    assert_eq!(after.json()["updated_at"], before.json()["updated_at"]);
    assert_ne!(after.header("etag"), before.header("etag"), "the tag changes with last_error");
    assert_eq!(service.get("/v1/webhooks").await.json()[0]["last_error"], "404 Not Found");
}

async fn lists_show_their_fields_newest_first_and_can_be_filtered(service: ServiceFixture) {
    let (_receiver, good) = hooked(&service, 200, json!({"event": "*"})).await;
    let (_other, bad) = hooked(&service, 500, json!({"event": "risk.create"})).await;
    for event in ["request.create", "risk.create"] {
        service.publish(json!({"id": event, "event": event, "object_id": 1})).await;
    }
    service.until("/v1/events/risk.create", |event| event["dropped"] == 1 && event["succeeded"] == 1).await;
    service.until("/v1/events/request.create", |event| event["succeeded"] == 1).await;
    let list = service.get(&format!("{good}/deliveries")).await;
    let records = list.json();
    assert_eq!([&records[0]["event"], &records[1]["event"]], ["risk.create", "request.create"]);
    let fields = [
        "attempt",
        "completed_in",
        "created_at",
        "error",
        "error_class",
        "event",
        "id",
        "next_attempt_at",
        "outcome",
        "test",
        "webhook",
    ];
    assert_eq!(records[0].as_object().expect("fields").keys().collect::<Vec<_>>(), fields);
    assert_eq!(list.header("x-pagination-per-page"), Some("20"));
    for name in ["x-pagination-total-entries", "x-pagination-total-pages", "x-pagination-current-page", "link"] {
        assert_eq!(list.header(name), None, "cursors only, no totals");
    }
    let count = async |path: &str| service.get(path).await.json().as_array().expect("a list").len();
    assert_eq!(count(&format!("{good}/deliveries?event=risk.create")).await, 1);
    assert_eq!(count(&format!("{good}/deliveries?event=!risk.create")).await, 1);
    assert_eq!(count(&format!("{good}/deliveries?event=risk.create,request.create")).await, 2);
    assert_eq!(count(&format!("{good}/deliveries?outcome=failed")).await, 0);
    assert_eq!(count(&format!("{bad}/deliveries?outcome=failed,dropped")).await, 10);
    assert_eq!(count(&format!("{bad}/deliveries?outcome=!failed")).await, 1);
    assert_eq!(count(&format!("{bad}/deliveries?outcome=nonsense")).await, 0);
    assert_eq!(count(&format!("{bad}/deliveries?created_at=>2020-01-01T00:00:00+01:00")).await, 10);
    assert_eq!(count(&format!("{bad}/deliveries?created_at=<2020-01-01")).await, 0);
    for (first, last) in [("0000-01-01", "9999-12-31"), ("0000-01-01T00:00:00%2B14:00", "9999-12-30T22:00:00Z")] {
        assert_eq!(count(&format!("{bad}/deliveries?created_at=>={first}<={last}")).await, 10);
        assert_eq!(count(&format!("{bad}/deliveries?created_at=<{first}")).await, 0);
        assert_eq!(count(&format!("{bad}/deliveries?created_at=>{last}")).await, 0);
    }
    assert_eq!(count("/v1/webhook_deliveries").await, 10, "only what did not succeed");
    assert_eq!(count("/v1/webhook_deliveries?outcome=dropped").await, 1);
    assert_eq!(count("/v1/webhook_deliveries?outcome=succeeded").await, 0);
    let chosen = service.get(&format!("{good}/deliveries?fields=outcome&per_page=1")).await.json();
    assert_eq!(chosen, json!([{"id": records[0]["id"], "outcome": "succeeded"}]));
    service.get("/v1/webhooks/999/deliveries").await.refuses(404, "Not Found");
    for id in ["x", "1", "2f6cbe1e-0000-4000-8000-000000000000", "00000000-0000-8000-8000-000000000000"] {
        service.get(&format!("/v1/webhook_deliveries/{id}")).await.refuses(404, "Not Found");
    }
}

async fn cursors_lead_through_the_log_in_both_directions(service: ServiceFixture) {
    let (_receiver, path) = hooked(&service, 200, json!({})).await;
    for number in 0..7 {
        let id = service.publish(json!({"event": "request.create", "object_id": number})).await;
        service.until(&format!("/v1/events/{id}"), |event| event["succeeded"] == 1).await;
    }
    let ids = |reply: &crate::call::Reply| {
        let list = reply.json();
        list.as_array().expect("a list").iter().map(|record| record["id"].clone()).collect::<Vec<_>>()
    };
    let all = ids(&service.get(&format!("{path}/deliveries")).await);
    assert_eq!(all.len(), 7);
    let first = format!("{path}/deliveries?per_page=3&outcome=succeeded");
    let mut page = service.get(&first).await;
    let mut seen = vec![ids(&page)];
    assert_eq!(page.links().keys().collect::<Vec<_>>(), ["next"]);
    while let Some(next) = page.links().get("next") {
        page = service.get(next).await;
        assert_eq!(page.links()["first"], first);
        seen.push(ids(&page));
    }
    assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
    assert_eq!(seen.concat(), all);
    let mut back = vec![ids(&page)];
    while let Some(prev) = page.links().get("prev") {
        page = service.get(prev).await;
        back.push(ids(&page));
    }
    back.reverse();
    assert_eq!(back, seen);
    assert_eq!(page.links().keys().collect::<Vec<_>>(), ["next"]);
}

async fn everything_about_an_event_or_a_message(service: ServiceFixture) {
    let (_one, _) = hooked(&service, 200, json!({})).await;
    let (_two, bad) = hooked(&service, 500, json!({})).await;
    service.publish(json!({"id": "a,b;c", "event": "request.create", "object_id": 1})).await;
    service.publish(json!({"id": "other", "event": "request.create", "object_id": 1})).await;
    service.until("/v1/events/a%2Cb%3Bc", |event| event["dropped"] == 1 && event["succeeded"] == 1).await;
    service.until("/v1/events/other", |event| event["dropped"] == 1 && event["succeeded"] == 1).await;
    let of_event = service.get("/v1/webhook_deliveries?event_id=a,b;c&per_page=100").await.json();
    assert_eq!(of_event.as_array().expect("a list").len(), 11);
    let record = newest(&service, &format!("{bad}/deliveries"), 10).await;
    let message = record["message_id"].as_str().expect("an id");
    let of_message = service.get(&format!("/v1/webhook_deliveries?message_id={message}&fields=attempt")).await.json();
    let attempts: Vec<u64> =
        of_message.as_array().expect("a list").iter().filter_map(|record| record["attempt"].as_u64()).collect();
    assert_eq!(attempts, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    let failed = service.get(&format!("/v1/webhook_deliveries?message_id={message}&outcome=dropped")).await.json();
    assert_eq!(failed.as_array().expect("a list").len(), 1);
    service.get("/v1/webhook_deliveries?event_id=none").await.is(200, "[]");
}

async fn records_stay_when_the_webhook_is_deleted(service: ServiceFixture) {
    let (_receiver, path) = hooked(&service, 200, json!({"name": "gone"})).await;
    service.publish(json!({"id": "e", "event": "request.create", "object_id": 1})).await;
    service.until("/v1/events/e", |event| event["succeeded"] == 1).await;
    service.delete(&path).await.is(204, "");
    let list = service.get(&format!("{path}/deliveries")).await.json();
    assert_eq!(list[0]["webhook"]["name"], "gone");
    let record = service.get(&format!("/v1/webhook_deliveries/{}", list[0]["id"].as_str().expect("an id"))).await;
    assert_eq!(record.json()["request"]["payload"]["object_id"], 1);
    let again =
        service.post(&format!("/v1/webhook_deliveries/{}/redeliver", list[0]["id"].as_str().expect("an id")), "");
    again.await.is_invalid(&[("webhook", "Webhook must exist")]);
}

async fn a_redelivery_is_a_new_run_of_the_same_message(service: ServiceFixture) {
    let (receiver, mut arrivals) = Receiver::keeping().await;
    let path = service.webhook_path(json!({"uri": receiver.uri("/one"), "name": "first"})).await;
    service.publish(json!({"id": "e", "event": "request.create", "object_id": 1, "payload": {"x": [1.0]}})).await;
    let first = next(&mut arrivals).await;
    let original = newest(&service, &format!("{path}/deliveries"), 1).await;
    service.patch(&path, json!({"uri": receiver.uri("/two"), "name": "second", "headers": {"X-Key": "v"}})).await;
    let id = original["id"].as_str().expect("an id");
    let reply = service.post(&format!("/v1/webhook_deliveries/{id}/redeliver"), "").await;
    let waiting = reply.json();
    assert_eq!(
        (reply.status.as_u16(), &waiting["outcome"], &waiting["redelivery_of"]),
        (202, &json!("waiting"), &original["id"])
    );
    let second = next(&mut arrivals).await;
    assert_eq!((second.path.as_str(), second.header("x-key")), ("/two", Some("v")), "the current URI and headers");
    assert_eq!(second.body, first.body, "the same data");
    assert_eq!(second.header("webhook-id"), first.header("webhook-id"));
    assert_eq!(second.header("x-4me-delivery"), waiting["id"].as_str());
    for name in ["x-4me-delivery-origin", "x-xurrent-delivery-origin"] {
        assert_eq!((first.header(name), second.header(name)), (None, Some(id)));
    }
    let waiting_path = format!("/v1/webhook_deliveries/{}", waiting["id"].as_str().expect("an id"));
    let done = service.until(&waiting_path, |record| record["outcome"] == "succeeded").await;
    assert_eq!((&done["attempt"], &done["redelivery_of"]), (&json!(1), &original["id"]));
}

async fn what_cannot_be_redelivered(service: ServiceFixture) {
    let (_receiver, path) = hooked(&service, 200, json!({})).await;
    service.post(&format!("{path}/test"), "").await.is(204, "");
    let test = newest(&service, &format!("{path}/deliveries"), 1).await;
    let redeliver = |record: &Value| {
        service.post(&format!("/v1/webhook_deliveries/{}/redeliver", record["id"].as_str().expect("an id")), "")
    };
    redeliver(&test).await.is_invalid(&[("base", "Delivery is a test")]);
    service.publish(json!({"id": "e", "event": "request.create", "object_id": 1})).await;
    let record = newest(&service, &format!("{path}/deliveries"), 2).await;
    service.patch(&path, json!({"disabled": true})).await;
    redeliver(&record).await.is_invalid(&[("base", "Webhook is disabled")]);
    let none = "/v1/webhook_deliveries/00000000-0000-8000-8000-000000000000/redeliver";
    service.post(none, "").await.refuses(404, "Not Found");
}

async fn waiting_messages_of_a_disabled_or_deleted_webhook_are_cancelled(service: ServiceFixture) {
    // Answers late enough for the change to come before the next attempt.
    let slow = || Receiver::start(|_| Answer { status: 500, delay: std::time::Duration::from_millis(1500) });
    let (one, two) = (slow().await, slow().await);
    let disabled = service.webhook_path(json!({"uri": one.uri("/")})).await;
    let deleted = service.webhook_path(json!({"uri": two.uri("/")})).await;
    service.publish(json!({"id": "e", "event": "request.create", "object_id": 1})).await;
    service.patch(&disabled, json!({"disabled": true})).await;
    service.delete(&deleted).await.is(204, "");
    let event = service.until("/v1/events/e", |event| event["cancelled"] == 2).await;
    assert_eq!([&event["matched"], &event["waiting"], &event["dropped"]], [2, 0, 0]);
    for (path, error) in [(disabled, "Webhook disabled"), (deleted, "Webhook deleted")] {
        let record = newest(&service, &format!("{path}/deliveries"), 1).await;
        let shown = [&record["outcome"], &record["error"], &record["error_class"], &record["fault"]];
        assert_eq!(shown, ["cancelled", error, "cancelled", "publisher"]);
        assert_eq!([&record["request"], &record["response"], &record["completed_in"]], [&Value::Null; 3]);
    }
}
