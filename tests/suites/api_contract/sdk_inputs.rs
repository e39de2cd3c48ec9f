//! Inputs and queries as SDKs of the original build them: booleans as strings, `""` for nothing, operators before the `=`, dates
//! with a space, and parameters that are empty.

use serde_json::{Value, json};

use crate::fixture::ServiceFixture;

on_every_target!(
    booleans_come_as_strings_numbers_and_words,
    actions_take_known_booleans_only,
    empty_strings_clear_optional_fields,
    an_empty_source_of_a_new_webhook_counts_as_absent,
    operators_may_stand_before_the_equals_sign,
    date_and_time_may_be_separated_by_a_space,
    empty_parameters_are_as_if_absent,
    fields_without_a_meaning_here_may_be_named,
);

async fn booleans_come_as_strings_numbers_and_words(service: ServiceFixture) {
    let webhook = service.webhook_path(json!({})).await;
    let policy = service.post("/v1/webhook_policies", json!({"jwt_alg": "es256", "disabled": "yes"})).await.json();
    assert_eq!(policy["disabled"], true);
    let policy = format!("/v1/webhook_policies/{}", policy["id"]);
    let words = [
        (
            true,
            vec![json!(true), json!("true"), json!("TRUE"), json!(1), json!("1"), json!("t"), json!("Y"), json!("On")],
        ),
        (false, vec![json!(false), json!("false"), json!(0), json!("0"), json!("off"), json!("2"), json!("nonsense")]),
        (false, vec![json!(null), json!("")]),
    ];
    for (expected, inputs) in words {
        for input in inputs {
            for (path, fields) in
                [(&webhook, &["disabled", "openid_connect_discovery", "trace"][..]), (&policy, &["disabled"])]
            {
                for field in fields {
                    service.patch(path, json!({*field: !expected})).await.json();
                    assert_eq!(service.patch(path, json!({*field: input})).await.status, 200);
                    let shown = service.get(&format!("{path}?fields={field}")).await.json();
                    assert_eq!(shown[*field], json!(expected), "{path} {field} {input}");
                }
            }
        }
    }
    for bad in [json!([]), json!({}), json!([true])] {
        for path in [&webhook, &policy] {
            let refused = service.patch(path, json!({"disabled": bad})).await;
            refused.is_invalid(&[("disabled", "Disabled is invalid")]);
        }
    }
}

async fn actions_take_known_booleans_only(service: ServiceFixture) {
    let webhook = service.webhook_path(json!({})).await;
    let policy = service.post("/v1/webhook_policies", json!({"jwt_alg": "es256"})).await.json();
    let rotate = format!("/v1/webhook_policies/{}/rotate", policy["id"]);
    for bad in [json!("maybe"), json!(2), json!([]), json!({})] {
        let job = service.post(&format!("{webhook}/redeliver"), json!({"dry_run": bad})).await;
        job.is_invalid(&[("dry_run", "Dry run is invalid")]);
        for field in ["now", "activate"] {
            let refused = service.post(&rotate, json!({field: bad})).await;
            assert_eq!(refused.status, 422, "{refused:?}");
            assert_eq!(refused.json()["errors"][0][0], field);
        }
    }
    let refused = service.post(&format!("{webhook}/test?report=maybe"), "").await;
    refused.is_invalid(&[("report", "Report is invalid")]);
    for (word, id_is_null) in
        [("1", true), ("Yes", true), ("ON", true), ("0", false), ("n", false), ("OFF", false), ("", false)]
    {
        let job = service.post(&format!("{webhook}/redeliver"), json!({"dry_run": word})).await.json();
        assert_eq!(job["id"].is_null(), id_is_null, "{word}: {job}");
    }
}

async fn empty_strings_clear_optional_fields(service: ServiceFixture) {
    let policy = service
        .post(
            "/v1/webhook_policies",
            json!({"jwt_alg": "es256", "jwt_audience": "a",
        "jwt_claim_expires_in": 5}),
        )
        .await
        .json();
    let full = json!({"webhook_policy_id": policy["id"], "description": "d", "mail_exceptions_to": "a@b.example",
        "source": "s", "sourceID": "i", "headers": {"X-A": "1"}, "name": "n", "disabled": true});
    let path = service.webhook_path(full).await;
    let empty = json!({"webhook_policy_id": "", "description": "", "mail_exceptions_to": "", "source": "", "sourceID": "",
        "headers": "", "name": "", "disabled": "", "description_attachments": "", "openid_connect_discovery": "", "trace": ""});
    let cleared = service.patch(&path, empty).await.json();
    for field in ["webhook_policy", "description", "mail_exceptions_to", "source", "sourceID"] {
        assert_eq!(cleared[field], Value::Null, "{field}: {cleared}");
    }
    assert_eq!((&cleared["name"], &cleared["disabled"]), (&json!("request.create"), &json!(false)));
    assert_eq!(service.get(&format!("{path}?fields=headers")).await.json()["headers"], json!({}));
    let policy = format!("/v1/webhook_policies/{}", policy["id"]);
    let cleared = service.patch(&policy, json!({"jwt_audience": "", "jwt_claim_expires_in": ""})).await.json();
    assert_eq!((&cleared["jwt_audience"], &cleared["jwt_claim_expires_in"]), (&Value::Null, &Value::Null));
    for (field, sentence) in [("event", "Event can't be blank"), ("uri", "Uri can't be blank")] {
        service.patch(&path, json!({field: ""})).await.is_invalid(&[(field, sentence)]);
    }
}

async fn an_empty_source_of_a_new_webhook_counts_as_absent(service: ServiceFixture) {
    let input = |source: Value| json!({"event": "request.create", "uri": "https://example.com/", "source": source});
    for empty in [json!(null), json!("")] {
        let named = service.post("/v1/webhooks", input(empty.clone())).with("x-4me-source", "SDK").await.json();
        assert_eq!(named["source"], "SDK", "{empty}");
        let unnamed = service.post("/v1/webhooks", input(empty.clone())).await.json();
        assert_eq!(unnamed["source"], "R-Service API", "{empty}");
        let path = format!("/v1/webhooks/{}", named["id"]);
        assert_eq!(service.patch(&path, json!({"source": empty})).await.json()["source"], Value::Null);
    }
}

async fn operators_may_stand_before_the_equals_sign(service: ServiceFixture) {
    for name in ["a", "b", "c"] {
        service.webhook(json!({"name": name})).await;
    }
    for (query, ids) in [
        ("id!=2", &[3, 1][..]),
        ("id%21=2,3", &[1]),
        ("name!=b", &[3, 1]),
        ("name!=", &[3, 2, 1]),
        ("id<=2", &[2, 1]),
        ("id>=2", &[3, 2]),
        ("id>=2&id!=3", &[2]),
        ("created_at>=2020-01-01", &[3, 2, 1]),
    ] {
        assert_eq!(service.get(&format!("/v1/webhooks?{query}")).await.ids(), ids, "{query}");
    }
    let first = service.get("/v1/webhooks?id!=2&per_page=1").await;
    assert_eq!(service.get(&first.links()["next"]).await.ids(), [1], "links repeat the filter");
    let refused = service.get("/v1/webhooks?name<=b").await;
    refused.refuses(400, "Field 'name' does not support the '=<=' operator");
}

async fn date_and_time_may_be_separated_by_a_space(service: ServiceFixture) {
    service.webhook(json!({})).await;
    for (query, count) in [
        ("created_at=>2020-11-28%2000:00:00", 1),
        ("created_at=>2020-11-28+00:00:00", 1),
        ("created_at=>2020-11-28%2000:00:00%2B01:00", 1),
        ("created_at=>2020-11-28+00:00:00+01:00", 1),
        ("created_at=>2020-11-28T00:00:00+01:00", 1),
        ("created_at=<2020-11-28%2000:00:00", 0),
        ("created_at=>2020-11-28%2000:00<2100-01-01%2000:00", 1),
    ] {
        assert_eq!(service.get(&format!("/v1/webhooks?{query}")).await.ids().len(), count, "{query}");
    }
}

async fn empty_parameters_are_as_if_absent(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    let plain = service.get("/v1/webhooks").await;
    let empty = service.get("/v1/webhooks?search_after=&search_before=&page=&per_page=&sort=&fields=").await;
    assert_eq!((empty.status.as_u16(), empty.json()), (200, plain.json()));
    assert_eq!(empty.header("x-pagination-current-page"), Some("1"));
    for list in [format!("{path}/deliveries"), "/v1/webhook_deliveries".to_owned(), format!("{path}/audit")] {
        let reply = service.get(&format!("{list}?search_after=&search_before=&page=&per_page=&sort=&fields=")).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    assert_eq!(service.get("/v1/webhooks?name=").await.ids(), [0_u64; 0], "an empty filter is a filter");
}

async fn fields_without_a_meaning_here_may_be_named(service: ServiceFixture) {
    let webhook = service.webhook(json!({})).await;
    let path = format!("/v1/webhooks/{}", webhook["id"]);
    assert!(webhook.get("app_offering_references").is_none());
    for route in [path.clone(), "/v1/webhooks".to_owned()] {
        let shown = service.get(&format!("{route}?fields=app_offering_references")).await.json();
        let record = if shown.is_array() { &shown[0] } else { &shown };
        assert_eq!(record["app_offering_references"], json!([]));
    }
    let entry = service.get(&format!("{path}/audit?fields=user,action")).await.json()[0].clone();
    assert_eq!((&entry["action"], entry.get("user")), (&json!("create"), Some(&Value::Null)));
}
