//! `/webhooks` (section 3): what each call answers.

use http::Method;
use serde_json::{Value, json};

use crate::fixture::{NOWHERE, ServiceFixture};

on_every_target!(
    a_webhook_is_created_with_200_its_record_and_its_location,
    a_record_shows_every_field_and_extensions_only_when_named,
    a_list_shows_its_default_fields_newest_first,
    lists_of_enabled_and_disabled_webhooks,
    a_change_answers_the_record_and_keeps_the_other_fields,
    a_change_that_changes_nothing_changes_nothing,
    a_deleted_webhook_is_gone,
    ids_are_never_reused,
    an_entity_tag_changes_with_what_administrators_write,
    an_entity_tag_changes_when_the_policy_is_disabled,
    if_match_guards_changes_and_deletions,
    source_is_the_first_that_is_named,
);

async fn a_webhook_is_created_with_200_its_record_and_its_location(service: ServiceFixture) {
    let input = json!({
        "event": "request.create", "uri": "https://example.com/hook?a=b", "name": "Ж 1", "description": "line\nline",
        "disabled": true, "mail_exceptions_to": "a@example.com, b@example.com", "source": "mine", "sourceID": 17,
    });
    let reply = service.post("/v1/webhooks", &input).await;
    let record = reply.json();
    assert_eq!((reply.status.as_u16(), record["id"].as_u64()), (200, Some(1)));
    assert_eq!(reply.header("location"), Some(format!("{}/webhooks/1", service.account_url()).as_str()));
    assert!(reply.header("etag").is_some_and(|tag| tag.starts_with("W/\"")));
    for (field, value) in input.as_object().expect("fields") {
        let expected = if field == "sourceID" { json!("17") } else { value.clone() };
        assert_eq!(record[field], expected, "{field}");
    }
    assert_eq!(record["created_at"], record["updated_at"]);
    assert_eq!(service.get("/v1/webhooks/1").await.json(), record);
    let chosen = service.post("/v1/webhooks?fields=name", &input).await;
    assert_eq!(chosen.json(), json!({"id": 2, "nodeID": chosen.json()["nodeID"], "name": "Ж 1"}));
}

async fn a_record_shows_every_field_and_extensions_only_when_named(service: ServiceFixture) {
    let webhook = service.webhook(json!({})).await;
    let path = format!("/v1/webhooks/{}", webhook["id"]);
    let at = webhook["created_at"].clone();
    let expected = json!({
        "id": webhook["id"], "nodeID": webhook["nodeID"], "event": "request.create", "uri": NOWHERE,
        "name": "request.create", "description": null, "disabled": false, "mail_exceptions_to": null,
        "webhook_policy": null, "source": "R-Service API", "sourceID": null, "last_error": null, "created_at": at,
        "updated_at": at,
    });
    for (field, value) in expected.as_object().expect("fields") {
        assert_eq!(webhook.get(field), Some(value), "{field}");
    }
    // The last one is a field of the original without a meaning here: it is always empty.
    let extensions = [
        "verified",
        "events",
        "content_type",
        "filter",
        "headers",
        "openid_connect_discovery",
        "trace",
        "last_delivery",
        "disabled_by",
        "disabled_reason",
        "app_offering_references",
    ];
    assert!(extensions.iter().all(|field| webhook.get(*field).is_none()), "{webhook}");
    let named = service.get(&format!("{path}?fields={}", extensions.join(","))).await.json();
    assert_eq!(
        named,
        json!({"id": webhook["id"], "nodeID": webhook["nodeID"], "verified": true, "filter": null, "headers": {},
            "events": ["request.create"], "content_type": "application/json; charset=utf-8",
            "openid_connect_discovery": false, "trace": false, "last_delivery": null, "disabled_by": null, "disabled_reason": null, "app_offering_references": []})
    );
    let listed = service.get(&format!("/v1/webhooks?fields={}", extensions.join(","))).await.json();
    assert_eq!(listed, json!([named]));
    let some = service.get(&format!("{path}?fields=name,uri")).await.json();
    assert_eq!(some.as_object().expect("fields").len(), 4, "{some}");
}

async fn a_list_shows_its_default_fields_newest_first(service: ServiceFixture) {
    service.get("/v1/webhooks").await.is(200, "[]");
    let (first, second) = (service.webhook(json!({})).await, service.webhook(json!({"disabled": true})).await);
    let shown = |webhook: &Value, disabled: bool| {
        let fields = ["id", "nodeID", "event", "uri", "name", "created_at", "updated_at"];
        let mut shown: serde_json::Map<_, _> =
            fields.iter().map(|field| ((*field).to_owned(), webhook[*field].clone())).collect();
        if disabled {
            shown.insert("disabled".to_owned(), json!(true));
        }
        Value::Object(shown)
    };
    assert_eq!(service.get("/v1/webhooks").await.json(), json!([shown(&second, true), shown(&first, false)]));
}

async fn lists_of_enabled_and_disabled_webhooks(service: ServiceFixture) {
    let mut ids = Vec::new();
    for disabled in [false, true, false] {
        ids.push(service.webhook(json!({ "disabled": disabled })).await["id"].as_u64().expect("an id"));
    }
    assert_eq!(service.get("/v1/webhooks/enabled").await.ids(), [ids[2], ids[0]]);
    let disabled = service.get("/v1/webhooks/disabled").await;
    assert_eq!((disabled.ids(), disabled.header("x-pagination-total-entries")), (vec![ids[1]], Some("1")));
    assert_eq!(service.get("/v1/webhooks/enabled?disabled=true").await.ids(), Vec::<u64>::new());
    service.patch(&format!("/v1/webhooks/{}", ids[1]), json!({"disabled": false})).await;
    assert_eq!(service.get("/v1/webhooks/enabled").await.ids().len(), 3);
}

async fn a_change_answers_the_record_and_keeps_the_other_fields(service: ServiceFixture) {
    let webhook = service.webhook(json!({"description": "d", "sourceID": "s", "mail_exceptions_to": "a@b"})).await;
    let path = format!("/v1/webhooks/{}", webhook["id"]);
    let changes = [
        json!({"name": "new"}),
        json!({"description": null}),
        json!({"uri": "https://example.com/other"}),
        json!({"event": "risk.*"}),
        json!({"disabled": true}),
        json!({"mail_exceptions_to": "c@d"}),
        json!({"source": "s", "sourceID": null}),
    ];
    let mut expected = webhook;
    for change in changes {
        let reply = service.patch(&path, &change).await;
        expected.as_object_mut().expect("fields").extend(change.as_object().expect("fields").clone());
        expected["updated_at"] = reply.json()["updated_at"].clone();
        assert_eq!((reply.status.as_u16(), reply.json()), (200, expected.clone()), "{change}");
        assert_eq!(service.get(&path).await.json(), expected, "{change}");
    }
    assert_eq!(expected["name"], "new", "changing the event leaves the name");
}

async fn a_change_that_changes_nothing_changes_nothing(service: ServiceFixture) {
    let path = service.webhook_path(json!({"name": "n"})).await;
    let before = service.get(&path).await;
    for same in [json!({}), json!({"name": "n"}), json!({"name": "n", "disabled": false, "description": null})] {
        let reply = service.patch(&path, same).await;
        assert_eq!((reply.json(), reply.header("etag")), (before.json(), before.header("etag")));
    }
    let refused = service.patch(&path, json!({"name": "other", "uri": ""})).await;
    refused.is_invalid(&[("uri", "Uri can't be blank")]);
    assert_eq!(service.get(&path).await.header("etag"), before.header("etag"), "one problem refuses the whole change");
}

async fn a_deleted_webhook_is_gone(service: ServiceFixture) {
    let (path, other) = (service.webhook_path(json!({})).await, service.webhook_path(json!({})).await);
    service.delete(&path).await.is(204, "");
    for call in [
        service.get(&path),
        service.patch(&path, json!({"name": "x"})),
        service.delete(&path),
        service.post(&format!("{path}/test"), ""),
        service.get(&format!("{path}/secret")),
        service.post(&format!("{path}/secret/rotate"), ""),
    ] {
        call.await.refuses(404, "Not Found");
    }
    assert_eq!(service.get(&other).await.status, 200);
    assert_eq!(service.get("/v1/webhooks").await.header("x-pagination-total-entries"), Some("1"));
}

async fn ids_are_never_reused(service: ServiceFixture) {
    let token = service.account("other").await;
    let mut last = 0;
    for round in 0..6 {
        let body = json!({"event": "request.create", "uri": "https://example.com/"});
        let post = service.post("/v1/webhooks", body);
        let id = if round % 2 == 0 { post } else { post.by(&token) }.await.json()["id"].as_u64().expect("an id");
        assert!(id > last, "one counter for the deployment: {id} after {last}");
        last = id;
        let delete = service.delete(&format!("/v1/webhooks/{id}"));
        assert_eq!(if round % 2 == 0 { delete } else { delete.by(&token) }.await.status, 204);
    }
}

async fn an_entity_tag_changes_with_what_administrators_write(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    let tag = |reply: crate::call::Reply| reply.header("etag").expect("a tag").to_owned();
    let first = tag(service.get(&path).await);
    assert_eq!(tag(service.get(&path).await), first);
    let same = service.get(&path).with("if-none-match", &first).await;
    same.is(304, "");
    assert_eq!(same.header("etag"), Some(first.as_str()));
    service.get(&path).with("if-none-match", &format!("\"x\", {first}")).await.is(304, "");
    service.get(&path).with("if-none-match", "*").await.is(304, "");
    let second = tag(service.patch(&path, json!({"name": "other"})).await);
    assert_ne!(first, second);
    assert_eq!(service.get(&path).with("if-none-match", &first).await.status, 200);
    assert_eq!(tag(service.get(&path).await), second);
}

async fn an_entity_tag_changes_when_the_policy_is_disabled(service: ServiceFixture) {
    let policy = service.post("/v1/webhook_policies", r#"{"jwt_alg":"hs256"}"#).await.json()["id"].clone();
    let path = service.webhook_path(json!({"webhook_policy_id": policy})).await;
    let before = service.get(&path).await.header("etag").expect("a tag").to_owned();
    let policy = format!("/v1/webhook_policies/{policy}");
    assert_eq!(service.patch(&policy, json!({"disabled": true})).await.status, 200);
    let shown = service.get(&path).with("if-none-match", &before).await;
    assert_eq!(shown.status, 200, "the record shows that the policy is disabled");
    assert_eq!(shown.json()["webhook_policy"]["disabled"], true);
    let after = shown.header("etag").expect("a tag").to_owned();
    assert_ne!(before, after);
    service.get(&path).with("if-none-match", &after).await.is(304, "");
    let named = service.patch(&path, json!({"name": "one"})).with("if-match", &before).await;
    assert_eq!(named.status, 200, "the webhook is still what the caller saw");
    service.patch(&path, json!({"name": "two"})).with("if-match", &before).await.refuses(412, "Precondition Failed");
    assert_eq!(service.patch(&policy, json!({"disabled": false})).await.status, 200);
    assert!(service.get(&path).await.json()["webhook_policy"].get("disabled").is_none());
}

async fn if_match_guards_changes_and_deletions(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    let first = service.get(&path).await.header("etag").expect("a tag").to_owned();
    let patch = |tag: &str, name: &str| service.patch(&path, json!({ "name": name })).with("if-match", tag);
    let reply = patch(&first, "two").await;
    assert_eq!(reply.status, 200);
    let second = reply.header("etag").expect("a tag").to_owned();
    patch(&first, "three").await.refuses(412, "Precondition Failed");
    service.call(Method::PUT, &path).json("{}").with("if-match", &first).await.refuses(412, "Precondition Failed");
    service.delete(&path).with("if-match", &first).await.refuses(412, "Precondition Failed");
    assert_eq!(service.get(&path).await.json()["name"], "two");
    assert_eq!(patch(second.trim_start_matches("W/"), "four").await.status, 200, "compared without the W/");
    assert_eq!(patch("*", "five").await.status, 200);
    service.delete(&path).with("if-match", "*").await.is(204, "");
    service.delete(&path).with("if-match", "*").await.refuses(404, "Not Found");
}

async fn source_is_the_first_that_is_named(service: ServiceFixture) {
    let body = |source: Value| json!({"event": "request.create", "uri": "https://example.com/", "source": source});
    let long = "x".repeat(40);
    for (source, headers, expected) in [
        (json!("field"), vec![("x-4me-source", "a"), ("user-agent", "b")], "field"),
        (json!(""), vec![("x-4me-source", "a"), ("user-agent", "b")], "a"),
        (json!(""), vec![("x-xurrent-source", "a"), ("user-agent", "b")], "a"),
        (json!(""), vec![("x-4me-source", ""), ("user-agent", "agent/1.0")], "agent/1.0"),
        (json!(""), vec![("x-4me-source", &*long)], &long[..30]),
        (json!(""), vec![("user-agent", "")], "R-Service API"),
        (json!(""), vec![], "R-Service API"),
    ] {
        let post = service.post("/v1/webhooks", body(source.clone()));
        let reply = headers.iter().fold(post, |call, (name, value)| call.with(name, value)).await;
        assert_eq!(reply.json()["source"], expected, "{source} {headers:?}");
    }
    service
        .post("/v1/webhooks", body(json!(long)))
        .await
        .is_invalid(&[("source", "Source is too long (maximum is 30 characters)")]);
}
