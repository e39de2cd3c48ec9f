//! Delivery records, and sending one again (section 10).

use std::time::Duration;

use hookline_core::settings::CoreSettings;
use serde_json::{Value, json};

use crate::fixture::{ApiFixture, eventually};

/// Publishes an event; its id.
pub(crate) async fn publish(api: &ApiFixture) -> String {
    let event = json!({"event": "request.create", "object_id": 7, "payload": {"a": 1.50}});
    api.call("POST", "/v1/events", Some(event)).await.json(202)["id"].as_str().unwrap().to_owned()
}

/// The records of a webhook, once there are so many.
pub(crate) async fn records(api: &ApiFixture, webhook: u64, count: usize) -> Vec<Value> {
    let path = format!("/v1/webhooks/{webhook}/deliveries");
    eventually("records", || async {
        let found = api.call("GET", &path, None).await.json(200).as_array().unwrap().clone();
        let over = found.iter().all(|record| record["outcome"] != "waiting");
        (over && found.len() >= count).then_some(found)
    })
    .await
}

fn again(id: &Value) -> String {
    format!("/v1/webhook_deliveries/{}/redeliver", id.as_str().unwrap())
}

#[tokio::test]
async fn a_message_is_sent_again_as_it_was() {
    let api = ApiFixture::start().await;
    let webhook = api.webhook().await;
    publish(&api).await;
    let first = records(&api, webhook, 1).await.remove(0);
    let record = api.call("POST", &again(&first["id"]), None).await.json(202);
    assert_eq!(
        (&record["outcome"], &record["redelivery_of"], &record["attempt"]),
        (&json!("waiting"), &first["id"], &json!(1))
    );
    let got = api.endpoint.wait_for(2).await;
    assert_eq!(got[0].header("webhook-id"), got[1].header("webhook-id"));
    assert_eq!(got[0].body, got[1].body);
    assert_eq!(got[1].header("x-4me-delivery"), record["id"]);
    assert_eq!(
        (got[0].header("x-4me-delivery-origin"), got[1].header("x-4me-delivery-origin")),
        ("", first["id"].as_str().unwrap())
    );
    let both = records(&api, webhook, 2).await;
    assert_eq!((&both[0]["id"], &both[0]["outcome"]), (&record["id"], &json!("succeeded")));
}

/// Section 8: a reused connection that closes before a byte of the answer is no failure. The request goes once more, at
/// once, signed anew, in the same attempt.
#[tokio::test]
async fn a_request_on_a_connection_that_the_endpoint_closed_is_sent_once_more() {
    let api = ApiFixture::start().await;
    let webhook = api.webhook().await;
    let mail_to = json!({"mail_exceptions_to": "owner@example.com"});
    api.call("PATCH", &format!("/v1/webhooks/{webhook}"), Some(mail_to)).await.json(200);
    api.endpoint.close_idle_connections();
    for (status, outcome) in [(200, "succeeded"), (410, "dropped")] {
        api.endpoint.answer(status);
        let before = api.endpoint.got().len();
        publish(&api).await;
        let got = api.endpoint.wait_for(before + 2).await;
        let [first, second] = &got[before..] else { panic!("{} requests", got.len() - before) };
        for header in ["webhook-id", "x-4me-delivery"] {
            assert_eq!(first.header(header), second.header(header));
        }
        assert_eq!(first.body, second.body);
        let count = before / 2 + 1;
        let record = records(&api, webhook, count).await.remove(0);
        assert_eq!((&record["outcome"], &record["attempt"]), (&json!(outcome), &json!(1)), "one attempt");
        let path = format!("/v1/webhook_deliveries/{}", record["id"].as_str().unwrap());
        let record = api.call("GET", &path, None).await.json(200);
        let note = record["timings"]["note"].as_str().unwrap_or_else(|| panic!("a line in the record: {record}"));
        assert!(note.contains("sent again"), "{note}");
    }
    eventually("the mail about the 410", || async { (!api.mails.sent().is_empty()).then_some(()) }).await;
    assert_eq!(api.mails.sent().len(), 1, "of the 410 alone");
}

/// Section 8: an answer that is not 2xx may end the message, or all messages of the webhook.
#[tokio::test]
async fn an_endpoint_ends_a_message_or_disables_its_webhook_with_a_header() {
    let api = ApiFixture::start().await;
    let webhook = api.webhook().await;
    let shown = format!("/v1/webhooks/{webhook}?fields=disabled,disabled_by,disabled_reason");
    api.endpoint.answer(400);
    for (count, directive, by, reason) in [
        (1, "abort-message", Value::Null, Value::Null),
        (2, "disable", json!("service"), json!("Its endpoint wants no more messages")),
    ] {
        api.endpoint.direct(directive);
        publish(&api).await;
        let record = records(&api, webhook, count).await.remove(0);
        assert_eq!((&record["outcome"], &record["attempt"]), (&json!("dropped"), &json!(1)), "{directive}");
        let state = api.call("GET", &shown, None).await.json(200);
        let disabled = json!(!by.is_null());
        assert_eq!((&state["disabled"], &state["disabled_by"]), (&disabled, &by), "{directive}");
        assert_eq!(state["disabled_reason"], reason);
    }
    let patched = json!({"disabled": true});
    api.call("PATCH", &format!("/v1/webhooks/{webhook}"), Some(patched)).await.json(200);
    assert_eq!(api.call("GET", &shown, None).await.json(200)["disabled_by"], "administrator");
}

#[tokio::test]
async fn what_cannot_be_sent_again_says_why() {
    let kept = CoreSettings { deliveries_kept: Duration::from_hours(33 * 24), ..CoreSettings::default() };
    let api = ApiFixture::with(kept).await;
    let webhook = api.webhook().await;
    publish(&api).await;
    let first = records(&api, webhook, 1).await.remove(0);
    let path = format!("/v1/webhooks/{webhook}");
    api.call("PATCH", &path, Some(json!({"disabled": true}))).await.json(200);
    assert_eq!(api.call("POST", &again(&first["id"]), None).await.problems(), ["Webhook is disabled"]);
    api.call("PATCH", &path, Some(json!({"disabled": false}))).await.json(200);

    api.clock.forward(Duration::from_hours(30 * 24) - Duration::from_mins(1));
    api.call("POST", &again(&first["id"]), None).await.json(202);
    api.clock.forward(Duration::from_mins(2));
    let refused = api.call("POST", &again(&first["id"]), None).await;
    assert_eq!(refused.problems(), ["Event is too old to be redelivered"]);

    api.call("POST", &format!("{path}/test"), None).await;
    let test = records(&api, webhook, 3).await.remove(0);
    assert_eq!(test["test"], true);
    assert_eq!(api.call("POST", &again(&test["id"]), None).await.problems(), ["Delivery is a test"]);
    assert_eq!(api.call("DELETE", &path, None).await.status, 204);
    assert_eq!(
        api.call("POST", &again(&first["id"]), None).await.problems(),
        ["Webhook must exist", "Event is too old to be redelivered"]
    );
    let auditor = api.call_as(&api.auditor, "POST", &again(&first["id"]), None).await;
    let stranger = api.call_as(&api.stranger, "POST", &again(&first["id"]), None).await;
    assert_eq!((auditor.status.as_u16(), stranger.status.as_u16()), (403, 404));
}

#[tokio::test]
async fn the_log_is_filtered_and_walked_by_cursors() {
    let api = ApiFixture::start().await;
    let webhook = api.webhook().await;
    for count in 1..=3 {
        publish(&api).await;
        records(&api, webhook, count).await;
    }
    api.endpoint.answer(500);
    let failed = publish(&api).await;
    records(&api, webhook, 4).await;
    let list = async |query: &str| {
        let found = api.call("GET", &format!("/v1/webhooks/{webhook}/deliveries?{query}"), None).await;
        found.json(200).as_array().unwrap().len()
    };
    for (query, count) in [
        ("outcome=succeeded", 3),
        ("outcome=!succeeded", 1),
        ("outcome=failed,succeeded", 4),
        ("outcome=skipped", 0),
        ("event=request.create", 4),
        ("event=problem.create", 0),
        ("created_at=%3E2020-01-01T00:00:00Z%3C2021-01-01T00:00:00Z", 0),
        ("created_at=%3E2020-01-01", 4),
    ] {
        assert_eq!(list(query).await, count, "{query}");
    }
    let (mut path, mut seen) = (format!("/v1/webhooks/{webhook}/deliveries?per_page=1"), Vec::new());
    loop {
        let reply = api.call("GET", &path, None).await;
        assert_eq!(reply.header("x-pagination-total-entries"), None);
        seen.push(reply.json(200)[0]["id"].as_str().unwrap().to_owned());
        let links = reply.header("link").unwrap_or_default();
        let Some(next) = links.split(", ").find_map(|link| link.strip_suffix("; rel=\"next\"")) else { break };
        path = next.trim_matches(['<', '>']).strip_prefix("http://127.0.0.1:8080").unwrap().to_owned();
    }
    assert!(seen.len() == 4 && seen.is_sorted_by(|newer, older| newer > older), "{seen:?}");
    let unsuccessful = api.call("GET", "/v1/webhook_deliveries", None).await.json(200);
    assert_eq!((unsuccessful.as_array().unwrap().len(), &unsuccessful[0]["id"]), (1, &json!(seen[0])));
    let of_event = api.call("GET", &format!("/v1/webhook_deliveries?event_id={failed}"), None).await.json(200);
    assert_eq!(of_event, unsuccessful);
}

#[tokio::test]
async fn the_record_shows_the_content_type_that_was_sent() {
    let api = ApiFixture::start().await;
    let webhook = api.webhook().await;
    let path = format!("/v1/webhooks/{webhook}");
    for (given, sent) in [("application/json", "application/json"), ("", "application/json; charset=utf-8")] {
        let fields = json!({"content_type": given, "headers": {"X-Key": "k3y"}});
        api.call("PATCH", &path, Some(fields)).await.json(200);
        let before = api.endpoint.got().len();
        publish(&api).await;
        let got = api.endpoint.wait_for(before + 1).await;
        assert_eq!((got[before].header("content-type"), got[before].header("x-key")), (sent, "k3y"));
        let record = records(&api, webhook, before + 1).await.remove(0);
        let record = format!("/v1/webhook_deliveries/{}", record["id"].as_str().unwrap());
        let headers = api.call("GET", &record, None).await.json(200)["request"]["headers"].clone();
        assert_eq!((&headers["Content-Type"], &headers["X-Key"]), (&json!(sent), &json!("***")), "{headers}");
    }
}
