//! `/webhook_policies` (section 7): what each call answers.

use serde_json::{Value, json};

use crate::fixture::ServiceFixture;

on_every_target!(
    a_policy_is_created_with_201_and_its_key_is_shown_once,
    a_list_shows_its_default_fields_oldest_first,
    lists_are_filtered_and_sorted_by_a_few_fields,
    an_input_is_refused_with_all_its_problems,
    a_change_answers_the_record_and_what_changes_nothing_changes_nothing,
    if_match_guards_changes_and_deletions_of_policies,
    a_policy_is_deleted_when_no_webhook_uses_it,
    a_webhook_takes_a_policy_that_exists_and_is_not_disabled,
    a_rotation_answers_like_a_creation,
    auditors_read_policies_and_others_do_not_see_them,
);

async fn policy(service: &ServiceFixture, fields: Value) -> Value {
    let mut body = json!({"jwt_alg": "hs256"});
    body.as_object_mut().expect("fields").extend(fields.as_object().expect("fields").clone());
    let reply = service.post("/v1/webhook_policies", body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

async fn policy_path(service: &ServiceFixture, fields: Value) -> String {
    format!("/v1/webhook_policies/{}", policy(service, fields).await["id"])
}

fn without_key(policy: &Value) -> Value {
    let mut record = policy.clone();
    assert!(record.as_object_mut().expect("fields").remove("public_key_pem").is_some());
    record
}

async fn a_policy_is_created_with_201_and_its_key_is_shown_once(service: ServiceFixture) {
    let input =
        json!({"jwt_alg": "es256", "jwt_audience": "me", "jwt_claim_expires_in": "2:05", "name": "mine", "id": 9});
    let reply = service.post("/v1/webhook_policies", &input).await;
    let made = reply.json();
    assert_eq!((reply.status.as_u16(), &made["id"]), (201, &json!(1)));
    assert_eq!(reply.header("location"), Some(format!("{}/webhook_policies/1", service.account_url()).as_str()));
    let name = made["name"].as_str().expect("a name");
    assert!(name.len() == 56 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{name}");
    let pem = made["public_key_pem"].as_str().expect("a key");
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n") && pem.ends_with("\n-----END PUBLIC KEY-----\n"), "{pem}");
    let record = without_key(&made);
    let expected = json!({"id": 1, "nodeID": record["nodeID"], "name": name, "disabled": false, "jwt_alg": "es256",
        "jwt_audience": "me", "jwt_claim_expires_in": 125, "created_at": record["created_at"],
        "updated_at": record["created_at"]});
    assert_eq!(record, expected);

    let node = made["nodeID"].as_str().expect("a node id");
    for path in ["/v1/webhook_policies/1".to_owned(), format!("/v1/webhook_policies/{node}.json")] {
        let shown = service.get(&path).await;
        assert_eq!((shown.json(), shown.header("etag")), (record.clone(), reply.header("etag")));
    }
    let unknown = service.get("/v1/webhook_policies/1?fields=public_key_pem").await;
    unknown.refuses(400, "Unknown fields: public_key_pem");
    let chosen = service.post("/v1/webhook_policies?fields=jwt_alg", json!({"jwt_alg": "hs256"})).await.json();
    let fields: Vec<&String> = chosen.as_object().expect("fields").keys().collect();
    assert_eq!(fields, ["id", "jwt_alg", "nodeID", "public_key_pem"], "there is no other time to see the key");
}

async fn a_list_shows_its_default_fields_oldest_first(service: ServiceFixture) {
    service.get("/v1/webhook_policies").await.is(200, "[]");
    let (first, second) = (policy(&service, json!({})).await, policy(&service, json!({"disabled": true})).await);
    let shown = |policy: &Value| {
        let fields = ["id", "nodeID", "name", "created_at", "updated_at"].iter();
        Value::Object(fields.map(|field| ((*field).to_owned(), policy[*field].clone())).collect())
    };
    let list = service.get("/v1/webhook_policies").await;
    assert_eq!(list.json(), json!([shown(&first), shown(&second)]));
    assert_eq!(list.header("x-pagination-total-entries"), Some("2"));
    assert_eq!(service.get("/v1/webhook_policies/enabled").await.ids(), [1]);
    assert_eq!(service.get("/v1/webhook_policies/disabled/").await.ids(), [2]);
    let named = service.get("/v1/webhook_policies?fields=jwt_alg,disabled&disabled=true").await.json();
    assert_eq!(named, json!([{"id": 2, "nodeID": second["nodeID"], "jwt_alg": "hs256", "disabled": true}]));
}

async fn lists_are_filtered_and_sorted_by_a_few_fields(service: ServiceFixture) {
    let mut names = Vec::new();
    for _ in 0..3 {
        names.push(policy(&service, json!({})).await["name"].as_str().expect("a name").to_owned());
    }
    let ids = async |query: &str| service.get(&format!("/v1/webhook_policies?{query}")).await.ids();
    assert_eq!(ids(&format!("name={}", names[1].to_uppercase())).await, [2]);
    assert_eq!(ids(&format!("name=!{}", names[1].to_uppercase())).await, [1, 3]);
    assert_eq!(ids("ids=1,3").await, [1, 3]);
    assert_eq!(ids("id=>1&disabled=no").await, [2, 3]);
    assert_eq!(ids("created_at=<2001-01-01").await, [0_u64; 0]);
    assert_eq!(ids("sort=-created_at").await, [3, 2, 1]);
    assert_eq!(ids("sort=updated_at").await, [1, 2, 3]);
    let first = service.get("/v1/webhook_policies?per_page=2").await;
    let next = first.header("link").expect("a link").split(['<', '>']).nth(1).expect("a URL").to_owned();
    let next = next.strip_prefix(&service.target.public_url()).expect("our own").to_owned();
    assert_eq!((first.ids(), service.get(&next).await.ids()), (vec![1, 2], vec![3]));
    let refused = service.get("/v1/webhook_policies?jwt_alg=hs256").await;
    refused.refuses(400, "Filtering not allowed on fields: jwt_alg");
    for field in ["id", "name", "disabled"] {
        let refused = service.get(&format!("/v1/webhook_policies?sort={field}")).await;
        refused.refuses(400, &format!("Sorting not allowed on fields: {field}"));
    }
}

async fn an_input_is_refused_with_all_its_problems(service: ServiceFixture) {
    let blank = ("jwt_alg", "Jwt alg can't be blank");
    let unlisted = ("jwt_alg", "Jwt alg is not included in the list");
    let expiry = ("jwt_claim_expires_in", "Jwt claim expires in is invalid");
    let long = ("jwt_audience", "Jwt audience is too long (maximum is 2048 characters)");
    for (input, problems) in [
        (json!({}), vec![blank]),
        (json!({"jwt_alg": null}), vec![blank]),
        (json!({"jwt_alg": ""}), vec![blank]),
        (json!({"jwt_alg": {}}), vec![("jwt_alg", "Jwt alg is invalid")]),
        (json!({"jwt_alg": "none"}), vec![unlisted]),
        (json!({"jwt_alg": "HS256"}), vec![unlisted]),
        (
            json!({"jwt_alg": "ps256", "jwt_audience": "a".repeat(2049), "jwt_claim_expires_in": 0}),
            vec![unlisted, long, expiry],
        ),
        (json!({"jwt_alg": "hs256", "jwt_claim_expires_in": "1:60"}), vec![expiry]),
        (json!({"jwt_alg": "hs256", "jwt_claim_expires_in": -5}), vec![expiry]),
        (json!({"jwt_alg": "hs256", "jwt_claim_expires_in": 4_294_967_296_u64}), vec![expiry]),
        (json!({"jwt_alg": "hs256", "jwt_audience": []}), vec![("jwt_audience", "Jwt audience is invalid")]),
    ] {
        service.post("/v1/webhook_policies", &input).await.is_invalid(&problems);
    }
    service.post("/v1/webhook_policies", "{").await.refuses(400, "Invalid JSON string posted");
    assert_eq!(service.get("/v1/webhook_policies").await.ids(), [0_u64; 0]);
    let path = policy_path(&service, json!({"jwt_audience": "Ж".repeat(1024)})).await;
    let changed = ("jwt_alg", "Jwt alg can't be changed");
    for (input, problems) in [
        (json!({"jwt_alg": "hs384"}), vec![changed]),
        (json!({"jwt_alg": null, "jwt_claim_expires_in": true}), vec![changed, expiry]),
    ] {
        service.patch(&path, &input).await.is_invalid(&problems);
    }
}

async fn a_change_answers_the_record_and_what_changes_nothing_changes_nothing(service: ServiceFixture) {
    let made = policy(&service, json!({"jwt_audience": "a", "jwt_claim_expires_in": 7})).await;
    let path = format!("/v1/webhook_policies/{}", made["id"]);
    let tag = service.get(&path).await.header("etag").expect("a tag").to_owned();
    let same =
        json!({"jwt_alg": "hs256", "jwt_audience": "a", "disabled": "no", "name": "x", "jwt_claim_expires_in": "0:07"});
    let unchanged = service.patch(&path, same).await;
    assert_eq!((unchanged.json(), unchanged.header("etag")), (without_key(&made), Some(&*tag)));
    let known = service.get(&path).with("if-none-match", &tag).await;
    assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));

    let changed = service.call(http::Method::PUT, &path).json(json!({"disabled": "TRUE", "jwt_audience": null})).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let record = changed.json();
    assert_eq!(
        (&record["disabled"], &record["jwt_audience"], &record["jwt_claim_expires_in"]),
        (&json!(true), &Value::Null, &json!(7))
    );
    assert_ne!(changed.header("etag"), Some(&*tag));
    assert_eq!(service.get(&path).await.json(), record);
    service.patch("/v1/webhook_policies/99", json!({})).await.refuses(404, "Not Found");
}

async fn if_match_guards_changes_and_deletions_of_policies(service: ServiceFixture) {
    let path = policy_path(&service, json!({})).await;
    let old = service.get(&path).await.header("etag").expect("a tag").to_owned();
    let change = |audience: &str| service.patch(&path, json!({ "jwt_audience": audience }));
    assert_eq!(change("a").with("if-match", &old).await.status, 200);
    change("b").with("if-match", &old).await.refuses(412, "Precondition Failed");
    service.delete(&path).with("if-match", &old).await.refuses(412, "Precondition Failed");
    let new = service.get(&path).await.header("etag").expect("a tag").trim_start_matches("W/").to_owned();
    assert_eq!(change("c").with("if-match", &new).await.status, 200);
    assert_eq!(service.delete(&path).with("if-match", "*").await.status, 204);
}

async fn a_policy_is_deleted_when_no_webhook_uses_it(service: ServiceFixture) {
    let made = policy(&service, json!({})).await;
    let path = format!("/v1/webhook_policies/{}", made["id"]);
    let webhook = service.webhook_path(json!({"webhook_policy_id": made["id"]})).await;
    service.delete(&path).await.is_invalid(&[("base", "Webhook policy is used by a webhook")]);
    assert_eq!(service.delete(&webhook).await.status, 204);
    let deleted = service.delete(&path).await;
    assert_eq!((deleted.status.as_u16(), deleted.body.len()), (204, 0));
    service.delete(&path).await.refuses(404, "Not Found");
    service.get(&path).await.refuses(404, "Not Found");
    assert_eq!(service.get(&format!("{path}/audit?fields=action")).await.json()[0]["action"], "destroy");
    assert_eq!(policy(&service, json!({})).await["id"], 2, "ids are never reused");
}

async fn a_webhook_takes_a_policy_that_exists_and_is_not_disabled(service: ServiceFixture) {
    let [good, disabled] = [policy(&service, json!({})).await, policy(&service, json!({"disabled": true})).await];
    let stranger = service.account("other").await;
    let foreign = service.post("/v1/webhook_policies", json!({"jwt_alg": "hs256"})).by(&stranger).await.json();
    let webhook = service.webhook(json!({"webhook_policy_id": good["nodeID"]})).await;
    let path = format!("/v1/webhooks/{}", webhook["id"]);
    let mut reference = json!({"id": good["id"], "name": good["name"], "nodeID": good["nodeID"]});
    assert_eq!(webhook["webhook_policy"], reference);

    let missing = [("webhook_policy", "Webhook policy must exist")];
    for id in [&json!(99), &disabled["id"], &disabled["nodeID"], &foreign["id"]] {
        let input = json!({"event": "request.create", "uri": "https://example.com/", "webhook_policy_id": id});
        service.post("/v1/webhooks", input).await.is_invalid(&missing);
        service.patch(&path, json!({ "webhook_policy_id": id })).await.is_invalid(&missing);
    }
    let wrong = service.patch(&path, json!({"webhook_policy_id": "x", "uri": ""})).await;
    wrong.is_invalid(&[("uri", "Uri can't be blank"), ("webhook_policy", "Webhook policy is invalid")]);

    let policy_path = format!("/v1/webhook_policies/{}", good["id"]);
    assert_eq!(service.patch(&policy_path, json!({"disabled": true})).await.status, 200);
    reference["disabled"] = json!(true);
    let kept = service.patch(&path, json!({"webhook_policy_id": good["id"], "name": "n"})).await.json();
    assert_eq!((&kept["webhook_policy"], &kept["name"]), (&reference, &json!("n")));
    let listed = service.get("/v1/webhooks?fields=webhook_policy").await.json();
    assert_eq!(listed[0]["webhook_policy"], reference);
    let unlinked = service.patch(&path, json!({"webhook_policy_id": null})).await.json();
    assert_eq!(unlinked["webhook_policy"], Value::Null);
    service.patch(&path, json!({"webhook_policy_id": good["id"]})).await.is_invalid(&missing);
}

async fn a_rotation_answers_like_a_creation(service: ServiceFixture) {
    let made = policy(&service, json!({"jwt_alg": "es384"})).await;
    let path = format!("/v1/webhook_policies/{}/rotate", made["id"]);
    let rotated = service.post(&path, "").await;
    assert_eq!(rotated.status, 201, "{rotated:?}");
    let fresh = rotated.json();
    assert_ne!(fresh["public_key_pem"], made["public_key_pem"]);
    let mut expected = made.clone();
    for field in ["public_key_pem", "updated_at"] {
        expected[field] = fresh[field].clone();
    }
    assert_eq!(fresh, expected);
    let activated = service.post(&path, json!({"activate": true})).await;
    assert_eq!((activated.status.as_u16(), activated.json().get("public_key_pem")), (200, None));
    service.post("/v1/webhook_policies/99/rotate", "").await.refuses(404, "Not Found");
    for _ in 2..20 {
        assert_eq!(service.post(&path, json!({"now": 1})).await.status, 201);
    }
    service.post(&path, "{}").await.is_invalid(&[("keys", "Keys has reached its limit of 20")]);
}

async fn auditors_read_policies_and_others_do_not_see_them(service: ServiceFixture) {
    let path = policy_path(&service, json!({})).await;
    let (auditor, publisher) = (service.role("auditor").await.secret, service.role("publisher").await.secret);
    let stranger = service.account("other").await;
    for read in ["/v1/webhook_policies", "/v1/webhook_policies/disabled", &path, &format!("{path}/audit")] {
        assert_eq!(service.get(read).by(&auditor).await.status, 200, "{read}");
        service.get(read).by(&publisher).await.refuses(403, "Forbidden");
        service.get(read).by_nobody().await.refuses(401, "Unauthorized");
    }
    let changes = [
        service.post("/v1/webhook_policies", json!({"jwt_alg": "hs256"})),
        service.patch(&path, json!({"disabled": true})),
        service.post(&format!("{path}/rotate"), "{}"),
        service.delete(&path),
    ];
    for change in changes {
        change.clone().by(&auditor).await.refuses(403, "Forbidden");
        change.by(&publisher).await.refuses(403, "Forbidden");
    }
    assert_eq!(service.get("/v1/webhook_policies").by(&stranger).await.ids(), [0_u64; 0]);
    service.get(&path).by(&stranger).await.refuses(404, "Not Found");
    service.patch(&path, json!({"disabled": true})).by(&stranger).await.refuses(404, "Not Found");
    service.post(&format!("{path}/rotate"), "{}").by(&stranger).await.refuses(404, "Not Found");
    service.delete(&path).by(&stranger).await.refuses(404, "Not Found");
}
