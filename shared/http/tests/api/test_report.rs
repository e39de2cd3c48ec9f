//! `POST /webhooks/:id/test?report=true` (section 3).

use hookline_core::settings::{CoreSettings, VerificationMode};
use serde_json::{Value, json};

use crate::fixture::ApiFixture;

async fn create(api: &ApiFixture) -> u64 {
    let input = json!({
        "event": "problem.note-added",
        "uri": "https://ada:canary@hooks.example.com/in?a=b",
        "headers": {"X-Key": "canary2"},
        "disabled": true,
    });
    api.call("POST", "/v1/webhooks", Some(input)).await.json(200)["id"].as_u64().unwrap()
}

#[tokio::test]
async fn a_report_tells_what_came_of_the_test() {
    let api = ApiFixture::start().await;
    let id = create(&api).await;
    let path = format!("/v1/webhooks/{id}/test?report=true");
    let report = api.call("POST", &path, None).await.json(200);
    let fields: Vec<&String> = report.as_object().unwrap().keys().collect();
    let mut wanted = ["status", "error", "addresses", "address", "tls", "timings", "clock_difference", "request"];
    wanted.sort_unstable();
    assert_eq!(fields, wanted);
    assert_eq!((&report["status"], &report["error"]), (&json!(200), &Value::Null));
    assert_eq!((&report["addresses"], &report["tls"]), (&json!([]), &Value::Null));
    assert!(report["timings"]["total"].is_number());
    let request = &report["request"];
    assert_eq!(request["uri"], "https://ada:***@hooks.example.com/in?a=b");
    assert_eq!(
        (&request["headers"]["X-Key"], &request["headers"]["Authorization"]),
        (&json!("***"), &json!("Basic ***"))
    );
    assert_eq!(
        (&request["payload"]["event"], &request["payload"]["object_id"]),
        (&json!("problem.note-added"), &json!(12345))
    );
    assert!(!report.to_string().contains("canary"), "{report}");
    let got = api.endpoint.got();
    assert_eq!((got.len(), got[0].header("x-key")), (1, "canary2"));
    assert_eq!(request["payload"], got[0].body);

    let log = api.call("GET", &format!("/v1/webhooks/{id}/deliveries"), None).await.json(200);
    assert_eq!((&log[0]["test"], &log[0]["outcome"]), (&json!(true), &json!("succeeded")));
    assert_eq!(log[0]["id"], got[0].header("x-4me-delivery"));
}

#[tokio::test]
async fn a_failing_test_is_reported_and_counts_for_nothing() {
    let api = ApiFixture::start().await;
    let id = create(&api).await;
    let held = api.endpoint.held();
    let path = format!("/v1/webhooks/{id}/test?report=1");
    let (report, ()) = tokio::join!(api.call("POST", &path, None), async {
        held.arrival().await.answer(404, "canary");
    });
    let report = report.json(200);
    assert_eq!((&report["status"], &report["error"]), (&json!(404), &json!("404 Not Found")));
    assert!(!report.to_string().contains("canary"), "{report}");
    held.is_empty().await;
    assert_eq!(api.mails.sent(), []);
    let webhook = api.call("GET", &format!("/v1/webhooks/{id}"), None).await.json(200);
    assert_eq!(webhook["last_error"], Value::Null);
}

#[tokio::test]
async fn who_may_not_test_gets_no_report() {
    let settings = CoreSettings { verification: VerificationMode::Required, ..CoreSettings::default() };
    let api = ApiFixture::with(settings).await;
    let id = create(&api).await;
    let path = format!("/v1/webhooks/{id}/test?report=true");
    assert_eq!(api.call("POST", &path, None).await.problems(), ["Webhook is not verified"]);
    assert_eq!(api.call_as(&api.auditor, "POST", &path, None).await.status, 403);
    assert_eq!(api.call_as(&api.stranger, "POST", &path, None).await.status, 404);
    let plain = ApiFixture::start().await;
    let id = create(&plain).await;
    assert_eq!(plain.call("POST", &format!("/v1/webhooks/{id}/test?report=false"), None).await.status, 204);
}
