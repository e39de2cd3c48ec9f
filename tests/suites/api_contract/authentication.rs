//! Who calls, and what they may do (section 2, *Authentication*).

use http::Method;
use serde_json::json;

use crate::call::Call;
use crate::fixture::ServiceFixture;

on_every_target!(
    no_or_a_bad_token_is_unauthorized,
    a_revoked_token_stops_working_on_the_very_next_call,
    a_token_of_a_disabled_account_does_not_work,
    account_headers_must_name_the_tokens_account,
    each_role_may_do_its_own_and_no_more,
);

async fn no_or_a_bad_token_is_unauthorized(service: ServiceFixture) {
    let plain = "Bearer realm=\"hookline\"";
    assert_eq!(challenge(service.get("/v1/webhooks").by_nobody()).await, plain);
    let raw = |value: &str| service.get("/v1/webhooks").without("authorization").with("authorization", value);
    for other in ["Basic aGw6aGw=", "Bearer ", &format!("Token {}", service.token)] {
        assert_eq!(challenge(raw(other)).await, plain, "{other}");
    }
    let bad = format!("{plain}, error=\"invalid_token\"");
    let longer = format!("{}A", service.token);
    let shorter = &service.token[..service.token.len() - 1];
    let other_case = service.token.to_ascii_uppercase();
    for token in ["x", "hl_", &longer, shorter, &other_case, "hl_\u{e9}", "' OR 1=1 --"] {
        assert_eq!(challenge(service.get("/v1/webhooks").by(token)).await, bad, "{token}");
    }
    let twice = service.get("/v1/webhooks").with("authorization", &format!("Bearer {}", service.token));
    assert_eq!(challenge(twice).await, bad, "two tokens are none");
    assert_eq!(raw(&format!("bEaReR {}", service.token)).await.status, 200, "the scheme's case does not count");
    let in_query = service.get(&format!("/v1/webhooks?access_token={}", service.token)).by_nobody();
    assert_eq!(challenge(in_query).await, plain, "a token is never read from a query");
    // A body of any size or kind changes nothing.
    let post = Call::new(&*service.target, Method::POST, "/v1/events").body("x".repeat(300 * 1024));
    assert_eq!(challenge(post).await, plain);
}

async fn a_revoked_token_stops_working_on_the_very_next_call(service: ServiceFixture) {
    for role in ["administrator", "auditor", "publisher"] {
        let token = service.role(role).await;
        let call = || service.get("/v1/events/none").by(&token.secret);
        assert_eq!(call().await.status, 404);
        service.target.revoke_token(token.id).await;
        call().await.refuses(401, "Unauthorized");
    }
    assert_eq!(service.get("/v1/webhooks").await.status, 200, "others go on working");
}

async fn a_token_of_a_disabled_account_does_not_work(service: ServiceFixture) {
    let token = service.account("other").await;
    assert_eq!(service.get("/v1/webhooks").by(&token).await.status, 200);
    service.target.disable_account("other").await;
    service.get("/v1/webhooks").by(&token).await.refuses(401, "Unauthorized");
    assert_eq!(service.get("/v1/webhooks").await.status, 200);
}

async fn account_headers_must_name_the_tokens_account(service: ServiceFixture) {
    service.account("other").await;
    for name in ["x-4me-account", "x-xurrent-account"] {
        assert_eq!(service.get("/v1/webhooks").with(name, "wdc").await.status, 200);
        for other in ["other", "WDC", "", "wdc,wdc"] {
            service.get("/v1/webhooks").with(name, other).await.refuses(403, "Forbidden");
        }
        service.get("/v1/webhooks").with(name, "wdc").with(name, "other").await.refuses(403, "Forbidden");
    }
    let both = service.get("/v1/webhooks").with("x-4me-account", "wdc").with("x-xurrent-account", "other");
    both.await.refuses(403, "Forbidden");
}

/// The challenge in the answer to a call without a valid token.
async fn challenge(call: Call<'_>) -> String {
    let reply = call.await;
    reply.refuses(401, "Unauthorized");
    reply.header("www-authenticate").expect("a challenge").to_owned()
}

/// What a role may do: the status that each call gets.
async fn each_role_may_do_its_own_and_no_more(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    let event = json!({"event": "request.create", "object_id": 1});
    let published = service.post("/v1/events", &event).await.json()["id"].as_str().expect("an id").to_owned();
    let webhook = json!({"event": "request.create", "uri": "https://example.com/"});
    let tokens = [service.role("administrator").await, service.role("auditor").await, service.role("publisher").await];
    let none = "/v1/webhook_deliveries/00000000-0000-8000-8000-000000000000";
    let calls = [
        (service.get("/v1/webhooks"), [200, 200, 403]),
        (service.get("/v1/webhooks/enabled"), [200, 200, 403]),
        (service.get("/v1/webhooks/disabled"), [200, 200, 403]),
        (service.get(&path), [200, 200, 403]),
        (service.post("/v1/webhooks", &webhook), [200, 403, 403]),
        (service.patch(&path, "{}"), [200, 403, 403]),
        (service.call(Method::PUT, &path).json("{}"), [200, 403, 403]),
        (service.get(&format!("{path}/secret")), [200, 403, 403]),
        (service.post(&format!("{path}/secret/rotate"), ""), [200, 403, 403]),
        (service.post(&format!("{path}/test"), ""), [204, 403, 403]),
        (service.get(&format!("{path}/deliveries")), [200, 200, 403]),
        (service.get("/v1/webhook_deliveries"), [200, 200, 403]),
        (service.get(none), [404, 404, 403]),
        (service.post(&format!("{none}/redeliver"), ""), [404, 403, 403]),
        (service.post("/v1/events", &event), [202, 403, 202]),
        (service.get(&format!("/v1/events/{published}")), [200, 200, 200]),
        (service.delete(&path), [204, 403, 403]),
    ];
    for (call, expected) in calls {
        // From the least role to the greatest, so that no call finds the record deleted.
        for (token, status) in tokens.iter().zip(expected).rev() {
            let reply = call.clone().by(&token.secret).await;
            assert_eq!(reply.status, status, "{reply:?}");
            if status == 403 {
                reply.refuses(403, "Forbidden");
            }
            assert!(reply.headers.contains_key("x-ratelimit-limit"), "{reply:?}");
        }
    }
}
