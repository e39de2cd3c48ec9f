//! The rules of a webhook's fields (section 3): what is taken, and what is said of the rest.

use serde_json::{Value, json};

use crate::fixture::ServiceFixture;

on_every_target!(
    a_new_webhook_needs_an_event_and_a_uri,
    values_that_break_a_rule_are_refused_with_its_sentence,
    values_at_the_limits_are_taken,
    all_problems_are_told_at_once,
    events_and_patterns,
    forbidden_hosts_are_refused_in_any_notation,
    loose_booleans_and_numbers_as_texts,
    a_name_defaults_to_the_event,
    extra_headers,
    a_content_type_without_a_charset,
);

async fn a_new_webhook_needs_an_event_and_a_uri(service: ServiceFixture) {
    let blank = [("event", "Event can't be blank"), ("uri", "Uri can't be blank")];
    for text in ["", "{}", r#"{"event":null,"uri":null}"#, r#"{"event":"","uri":""}"#] {
        service.post("/v1/webhooks", text).await.is_invalid(&blank);
    }
    service.post("/v1/webhooks", json!({"event": "request.create"})).await.is_invalid(&blank[1..]);
    let path = service.webhook_path(json!({})).await;
    service.patch(&path, json!({"event": null, "uri": ""})).await.is_invalid(&blank);
}

async fn values_that_break_a_rule_are_refused_with_its_sentence(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    let uri = |length: usize| format!("https://example.com/{}", "x".repeat(length - 20));
    let mails = |count: usize| vec!["a@b"; count].join(",");
    let cases: &[(Value, (&str, &str))] = &[
        (json!({"event": {}}), ("event", "Event is invalid")),
        (json!({"event": true}), ("event", "Event is invalid")),
        (json!({"event": 7}), ("event", "Event is not included in the list")),
        (json!({"uri": 7}), ("uri", "Uri is invalid")),
        (json!({"uri": ["https://example.com"]}), ("uri", "Uri is invalid")),
        (json!({"uri": "example.com"}), ("uri", "Uri is invalid")),
        (json!({"uri": "ftp://example.com/"}), ("uri", "Uri is invalid")),
        (json!({"uri": "file:///etc/passwd"}), ("uri", "Uri is invalid")),
        (json!({"uri": "gopher://example.com"}), ("uri", "Uri is invalid")),
        (json!({"uri": "javascript:alert(1)"}), ("uri", "Uri is invalid")),
        (json!({"uri": "http://"}), ("uri", "Uri is invalid")),
        (json!({"uri": "https:example.com"}), ("uri", "Uri is invalid")),
        (json!({"uri": "https://example.com/#fragment"}), ("uri", "Uri is invalid")),
        (
            json!({"uri": "https://example.com/a b"}),
            ("uri", "Uri is invalid: a space at position 22 is not allowed unless it is percent-encoded"),
        ),
        (
            json!({"uri": "https://example.com/\r\nX: y"}),
            ("uri", "Uri is invalid: the control character U+000D at position 21 is not allowed"),
        ),
        (
            json!({"uri": "https://ex\u{200b}ample.com/"}),
            ("uri", "Uri is invalid: the invisible character U+200B at position 11 is not allowed"),
        ),
        (
            json!({"uri": "https://example.com/a/%2e%2E/b"}),
            ("uri", "Uri is invalid: the dot segment '%2e%2E' is not allowed"),
        ),
        (
            json!({"uri": "https://example.com/{id}"}),
            ("uri", "Uri is invalid: '{' at position 21 is not allowed unless it is percent-encoded"),
        ),
        (
            json!({"uri": "https://a..b/"}),
            ("uri", "Uri is invalid: its host has an empty label: two dots in a row, or one at its start"),
        ),
        (json!({"uri": "   "}), ("uri", "Uri can't be blank")),
        (
            json!({"uri": "https://example.com\\@evil.example/"}),
            ("uri", "Uri is invalid: '\\' at position 20 is not allowed unless it is percent-encoded"),
        ),
        (json!({"uri": "https://a@b@example.com/"}), ("uri", "Uri is invalid")),
        (json!({"uri": "https://example.com:0/"}), ("uri", "Uri is invalid")),
        (json!({"uri": "https://example.com:65536/"}), ("uri", "Uri is invalid")),
        (
            json!({"uri": "https://example.com/\u{0}"}),
            ("uri", "Uri is invalid: the control character U+0000 at position 21 is not allowed"),
        ),
        (json!({"uri": "https://ada:***@example.com/"}), ("uri", "Uri is invalid")),
        (json!({"uri": uri(2049)}), ("uri", "Uri is too long (maximum is 2048 characters)")),
        (json!({"name": "x".repeat(129)}), ("name", "Name is too long (maximum is 128 characters)")),
        (json!({"name": "a\nb"}), ("name", "Name is invalid")),
        (json!({"name": "a\u{0}b"}), ("name", "Name is invalid")),
        (json!({"name": {}}), ("name", "Name is invalid")),
        (json!({"name": true}), ("name", "Name is invalid")),
        (json!({"description": []}), ("description", "Description is invalid")),
        (json!({"description": "\u{0}"}), ("description", "Description is invalid")),
        (
            json!({"description": "Ж".repeat(32_769)}),
            ("description", "Description is too long (maximum is 65536 characters)"),
        ),
        (json!({"disabled": []}), ("disabled", "Disabled is invalid")),
        (json!({"disabled": {"true": true}}), ("disabled", "Disabled is invalid")),
        (
            json!({"openid_connect_discovery": [true]}),
            ("openid_connect_discovery", "Openid connect discovery is invalid"),
        ),
        (json!({"mail_exceptions_to": "x"}), ("mail_exceptions_to", "Mail exceptions to is invalid")),
        (json!({"mail_exceptions_to": "Ada <a@b>"}), ("mail_exceptions_to", "Mail exceptions to is invalid")),
        (json!({"mail_exceptions_to": "a@b,,c@d"}), ("mail_exceptions_to", "Mail exceptions to is invalid")),
        (json!({"mail_exceptions_to": "a@b;c@d"}), ("mail_exceptions_to", "Mail exceptions to is invalid")),
        (json!({"mail_exceptions_to": "a@b\r\nBcc: c@d"}), ("mail_exceptions_to", "Mail exceptions to is invalid")),
        (json!({"mail_exceptions_to": mails(21)}), ("mail_exceptions_to", "Mail exceptions to is invalid")),
        (json!({"mail_exceptions_to": ["a@b"]}), ("mail_exceptions_to", "Mail exceptions to is invalid")),
        (
            json!({"mail_exceptions_to": mails(300)}),
            ("mail_exceptions_to", "Mail exceptions to is too long (maximum is 1024 characters)"),
        ),
        (json!({"webhook_policy_id": 999}), ("webhook_policy", "Webhook policy must exist")),
        (json!({"webhook_policy_id": {}}), ("webhook_policy", "Webhook policy is invalid")),
        (json!({"source": "x".repeat(31)}), ("source", "Source is too long (maximum is 30 characters)")),
        (json!({"source": {}}), ("source", "Source is invalid")),
        (json!({"sourceID": "x".repeat(129)}), ("sourceID", "SourceID is too long (maximum is 128 characters)")),
        (json!({"sourceID": "\t"}), ("sourceID", "SourceID is invalid")),
    ];
    for (fields, problem) in cases {
        service.patch(&path, fields).await.is_invalid(&[*problem]);
        let mut input = json!({"event": "request.create", "uri": "https://example.com/"});
        input.as_object_mut().expect("fields").extend(fields.as_object().expect("fields").clone());
        service.post("/v1/webhooks", input).await.is_invalid(&[*problem]);
    }
    assert_eq!(service.get("/v1/webhooks").await.ids().len(), 1, "nothing was created");
}

async fn values_at_the_limits_are_taken(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    for fields in [
        json!({"name": "Ж".repeat(128)}),
        json!({"description": "Ж".repeat(32_768)}),
        json!({"description": "tab\there\r\n🚀 \u{2028}"}),
        json!({"uri": format!("https://example.com/{}", "x".repeat(2028))}),
        json!({"uri": "HTTP://Example.COM:8081?x='y'&z=;%7b%7D"}),
        json!({"uri": "https://example.com//a/%2e%2ehidden/.../b;c=1//?../.."}),
        json!({"uri": "https://bücher.example/%C3%BC"}),
        json!({"uri": "https://8.8.8.8:65535/"}),
        json!({"uri": "https://ada@example.com/"}),
        json!({"mail_exceptions_to": vec!["a@b"; 20].join(", ")}),
        json!({"source": "x".repeat(30), "sourceID": "Ж".repeat(128)}),
    ] {
        let reply = service.patch(&path, &fields).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        for (field, value) in fields.as_object().expect("fields") {
            assert_eq!(service.get(&path).await.json()[field], *value);
        }
    }
    for (fields, field) in [
        (json!({"description": null}), "description"),
        (json!({"mail_exceptions_to": ""}), "mail_exceptions_to"),
        (json!({"sourceID": null}), "sourceID"),
    ] {
        assert_eq!(service.patch(&path, fields).await.json()[field], Value::Null);
    }
}

async fn all_problems_are_told_at_once(service: ServiceFixture) {
    let input = json!({"event": "nope", "uri": "x", "name": {}, "disabled": ["x"], "mail_exceptions_to": "x",
        "webhook_policy_id": 9, "source": {}, "sourceID": {}, "headers": []});
    let reply = service.post("/v1/webhooks", input).await;
    reply.is_invalid(&[
        ("event", "Event is not included in the list"),
        ("uri", "Uri is invalid"),
        ("headers", "Headers is invalid"),
        ("name", "Name is invalid"),
        ("disabled", "Disabled is invalid"),
        ("mail_exceptions_to", "Mail exceptions to is invalid"),
        ("webhook_policy", "Webhook policy must exist"),
        ("source", "Source is invalid"),
        ("sourceID", "SourceID is invalid"),
    ]);
}

async fn events_and_patterns(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    for event in hookline_core::model::event::EVENT_NAMES.iter().chain(&["*", "request.*", "order.*"]) {
        assert_eq!(service.patch(&path, json!({ "event": event })).await.json()["event"], *event);
    }
    for event in [
        "Request.create",
        "request.create ",
        "request",
        "request.",
        "request.**",
        "*.create",
        "req*",
        "automation_rule.*",
        "webhook.verify",
        "order.paid",
    ] {
        let reply = service.patch(&path, json!({ "event": event })).await;
        reply.is_invalid(&[("event", "Event is not included in the list")]);
    }
}

async fn forbidden_hosts_are_refused_in_any_notation(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    let own = format!("{}/elsewhere", service.target.public_url());
    for uri in [
        "http://10.0.0.1/",
        "http://10.0.0.1:8080/x",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0xa9.254.169.254/",
        "http://0251.0376.0251.0376/",
        "http://10.1/",
        "http://0.0.0.0/",
        "http://0/",
        "http://100.64.0.1/",
        "http://192.0.2.1/",
        "http://198.18.0.1/",
        "http://224.0.0.1/",
        "http://240.0.0.1/",
        "http://255.255.255.255/",
        "http://[::]/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[::10.0.0.1]/",
        "http://[fd00::1]/",
        "http://[fe80::1]/",
        "http://[2002:a00:1::]/",
        "http://[64:ff9b::a00:1]/",
        "http://[2001:db8::1]/",
        "http://[ff02::1]/",
        "http://user:pass@10.0.0.1/",
        "http://①⓪.0.0.1/",
        &own,
    ] {
        service.patch(&path, json!({ "uri": uri })).await.is_invalid(&[("uri", "Uri is not allowed")]);
    }
    // What the deployment allows all the same.
    assert_eq!(service.patch(&path, json!({"uri": "http://127.0.0.1:9/"})).await.status, 200);
}

async fn loose_booleans_and_numbers_as_texts(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    let shown = format!("{path}?fields=openid_connect_discovery");
    for (value, expected) in [
        (json!("1"), true),
        (json!("No"), false),
        (json!("tRuE"), true),
        (json!(0), false),
        (json!(1), true),
        (json!("y"), true),
        (json!("on"), true),
    ] {
        service.patch(&path, json!({ "openid_connect_discovery": value })).await;
        assert_eq!(service.get(&shown).await.json()["openid_connect_discovery"], expected, "{value}");
    }
    for (value, text) in [("17", "17"), ("1.50", "1.50"), ("-0", "-0"), ("1e400", "1e400")] {
        let reply =
            service.patch(&path, format!(r#"{{"name":{value},"description":{value},"sourceID":{value}}}"#)).await;
        let record = reply.json();
        assert_eq!([&record["name"], &record["description"], &record["sourceID"]], [text; 3]);
    }
}

async fn a_name_defaults_to_the_event(service: ServiceFixture) {
    for name in [json!(null), json!(""), json!("  ")] {
        let webhook = service.webhook(json!({"event": "risk.*", "name": name})).await;
        assert_eq!(webhook["name"], "risk.*");
    }
    let path = service.webhook_path(json!({})).await;
    let moved = service.patch(&path, json!({"event": "risk.create"})).await.json();
    assert_eq!(moved["name"], "request.create", "changing the event leaves the name");
    let emptied = service.patch(&path, json!({"name": ""})).await.json();
    assert_eq!(emptied["name"], "risk.create");
}

async fn extra_headers(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    let shown = async |headers: Value| {
        let reply = service.patch(&format!("{path}?fields=headers"), json!({ "headers": headers })).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.text().split_once("\"headers\":").expect("headers").1.trim_end_matches('}').to_owned()
    };
    let most: serde_json::Map<_, _> = (0..20).map(|n| (format!("X-{n}"), json!("v"))).collect();
    assert_eq!(shown(json!({"X-B": "1", "X-A": 2, "authorization": "Bearer x"})).await.matches("***").count(), 3);
    assert_eq!(shown(json!(most)).await.matches("***").count(), 20);
    assert_eq!(shown(json!({"X-Long": "x".repeat(2048)})).await, r#"{"X-Long":"***""#);
    assert_eq!(shown(json!({})).await, "{");
    assert_eq!(shown(json!(null)).await, "{");

    let too_many: serde_json::Map<_, _> = (0..21).map(|n| (format!("X-{n}"), json!("v"))).collect();
    let too_large: serde_json::Map<_, _> = (0..5).map(|n| (format!("X-{n}"), json!("x".repeat(2000)))).collect();
    let mut bad = vec![
        json!(too_many),
        json!(too_large),
        json!({"X": "x".repeat(2049)}),
        json!({"X": "a\r\nb"}),
        json!({"X": "é"}),
        json!({"X": " a"}),
        json!({"X": null}),
        json!({"X": {}}),
        json!({"X": "***"}),
        json!({"": "x"}),
        json!({"a b": "x"}),
        json!({"a:b": "x"}),
        json!({"X-É": "x"}),
        json!({"X": "1", "x": "2"}),
        json!([]),
        json!("x"),
    ];
    for name in [
        "Host",
        "host",
        "Content-Type",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "Keep-Alive",
        "TE",
        "Trailer",
        "Upgrade",
        "Proxy-Authorization",
        "Forwarded",
        "X-Forwarded-For",
        "Expect",
        "Webhook-Id",
        "webhook-signature",
        "X-4me-Delivery",
        "X-Xurrent-Anything",
    ] {
        bad.push(json!({ name: "x" }));
    }
    for headers in bad {
        let reply = service.patch(&path, json!({ "headers": headers })).await;
        assert_eq!(reply.status, 422, "{headers}: {reply:?}");
        let errors = reply.json()["errors"].clone();
        let sentence = errors[0][1].as_str().expect("a sentence");
        assert!(errors[0][0] == "headers" && sentence.starts_with("Headers "), "{headers}: {errors}");
        // A header that is wrong by itself is named, its value is not.
        let only = headers.as_object().filter(|headers| headers.len() == 1).and_then(|headers| headers.iter().next());
        if let Some((name, Value::String(value))) = only {
            let name: String = name.chars().flat_map(char::escape_default).collect();
            assert!(sentence.contains(&format!("'{name}'")), "{headers}: {sentence}");
            assert!(value.len() < 4 || !sentence.contains(value.as_str()), "{headers}: {sentence}");
        }
    }
    let twice = r#"{"headers":{"X":"1","X":"2"}}"#;
    service.patch(&path, twice).await.is_invalid(&[("headers", "Headers is invalid: 'X' is repeated")]);
    let both = json!({"uri": "https://ada:secret@example.com/", "headers": {"Authorization": "x"}});
    let sentence = "Headers is invalid: 'Authorization' is not allowed together with a user name in the URI";
    service.patch(&path, both).await.is_invalid(&[("headers", sentence)]);
}

async fn a_content_type_without_a_charset(service: ServiceFixture) {
    const DEFAULT: &str = "application/json; charset=utf-8";
    const PLAIN: &str = "application/json";
    let path = service.webhook_path(json!({})).await;
    let shown = format!("{path}?fields=content_type");
    for (given, expected) in [
        (json!(PLAIN), PLAIN),
        (json!(DEFAULT), DEFAULT),
        (json!(PLAIN), PLAIN),
        (json!(""), DEFAULT),
        (json!(PLAIN), PLAIN),
        (json!(null), DEFAULT),
    ] {
        let record = service.patch(&shown, json!({"content_type": given})).await.json();
        assert_eq!(record["content_type"], expected, "{given}");
    }
    let sentence = "Content type is not included in the list";
    for bad in [json!("text/plain"), json!("application/json;charset=utf-8"), json!("Application/JSON"), json!(7)] {
        service.patch(&path, json!({"content_type": bad})).await.is_invalid(&[("content_type", sentence)]);
    }
    service.patch(&path, json!({"content_type": []})).await.is_invalid(&[("content_type", "Content type is invalid")]);
    let trail = service.get(&format!("{path}/audit")).await.json();
    assert_eq!(trail[0]["changes"], json!({"content_type": [PLAIN, null]}));
}
