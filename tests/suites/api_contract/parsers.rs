//! Whatever text they get, the parsers of the edge answer with a value, and what they take keeps its promises.

use hookline_core::ids::{AccountId, DeliveryId, EventId, MessageId};
use hookline_core::model::{EventName, Links, Subscriptions, links};
use hookline_core::rules::{event_input, extra_headers, link_header};
use hookline_core::values::{EndpointUri, MailAddress, TimeZone, node_id};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::value::RawValue;

/// URIs that are nearly right.
fn uri() -> impl Strategy<Value = String> {
    let scheme = prop_oneof!["https?", Just("HTTP".to_owned()), "[a-z]{0,5}"];
    let user_info = prop_oneof![Just(String::new()), "[a-z%:*@0-9A-F]{0,12}@", "\\PC{0,6}:\\PC{0,8}@"];
    let host = prop_oneof![
        "[a-z0-9.-]{0,20}",
        "\\[[0-9a-f:.]{0,20}\\]",
        "[0-9]{1,4}(\\.[0-9]{1,4}){0,4}",
        "0x[0-9a-f]{0,9}",
        "\\PC{0,8}"
    ];
    let rest = prop_oneof![Just(String::new()), ":[0-9]{0,6}", "(:[0-9]{1,5})?[/?#]\\PC{0,20}"];
    prop_oneof![
        4 => (scheme, user_info, host, rest).prop_map(|(scheme, user, host, rest)| format!("{scheme}://{user}{host}{rest}")),
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_uri_that_is_taken_is_stored_and_shown_without_its_password(text in uri()) {
        let Ok(given) = EndpointUri::parse(&text) else { return Ok(()) };
        let shown = given.uri.masked();
        prop_assert_eq!(EndpointUri::stored(shown), Some(given.uri.clone()), "what is shown is what is stored");
        prop_assert!(given.uri.url().username().is_empty() && given.uri.url().password().is_none());
        prop_assert!(matches!(given.uri.url().scheme(), "http" | "https") && given.uri.url().has_host());
        if let Some(password) = given.password.as_ref().map(|password| password.expose().clone()) {
            prop_assert!(given.uri.has_password());
            let user_info = shown.split_once("://").expect("a scheme").1.split_once('@').expect("user info").0;
            prop_assert!(user_info.ends_with(":***"), "{} shows {}", shown, password);
            let debug = format!("{given:?}");
            prop_assert!(!debug.contains(&password) || password.len() < 4 || text.matches(&password).count() > 1);
        }
        let authorization = given.uri.basic_authorization(given.password.as_ref());
        if let Some(value) = authorization {
            prop_assert!(http::HeaderValue::from_str(value.expose()).is_ok());
        }
        prop_assert!(!given.uri.for_mail().contains(char::is_control));
    }

    #[test]
    fn ids_and_names_come_back_as_they_were(text in any::<String>()) {
        prop_assert!(AccountId::parse(&text).is_none_or(|id| id.as_str() == text));
        prop_assert!(EventId::parse(&text).is_none_or(|id| id.as_str() == text));
        prop_assert!(EventName::own_type(&text).is_none_or(|name| name.as_str() == text));
        prop_assert!(Subscriptions::stored(&text).is_none_or(|events| events.to_string() == text));
        prop_assert!(MessageId::parse(&text).is_none_or(|id| id.as_str() == text));
        prop_assert!(DeliveryId::parse(&text).is_none_or(|id| DeliveryId::parse(&id.to_string()) == Some(id)));
        prop_assert!(node_id::parse("hookline", "Webhook", &text).is_none_or(|id| id > 0));
        prop_assert!(TimeZone::parse(&text).is_none_or(|zone| TimeZone::parse(zone.name()).is_some()));
    }

    #[test]
    fn mail_addresses_cannot_inject(text in "[a-z.@,; \\r\\n<>\"\\\\é-]{0,30}") {
        if let Some(address) = MailAddress::parse(&text) {
            prop_assert!(address.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
        }
        if let Some(list) = MailAddress::parse_list(&text, 3) {
            prop_assert!(list.len() <= 3);
        }
    }

    #[test]
    fn header_names_and_values_that_are_taken_can_be_sent(name in any::<String>(), value in any::<String>()) {
        prop_assert!(extra_headers::check_name(&name).is_err() || name.parse::<http::HeaderName>().is_ok());
        prop_assert!(extra_headers::check_value(&name, &value).is_err() || http::HeaderValue::from_str(&value).is_ok());
    }

    #[test]
    fn links_become_one_header_whatever_they_hold(canonical in "https?://[a-z]{1,5}\\PC{0,20}", related in any::<String>()) {
        let given = Links {
            canonical: links::is_acceptable(&canonical).then_some(canonical),
            resource: None,
            related: links::is_acceptable(&related).then_some(related),
        };
        let event = EventName::builtin("person.create").expect("a name");
        let header = link_header::header(&given, "https://h/a/wdc", "https://h", &event, 7);
        prop_assert!(http::HeaderValue::from_str(&header).is_ok());
        prop_assert_eq!(header.matches("rel=\"").count(), 2 + usize::from(given.related.is_some()));
        prop_assert_eq!(header.matches(';').count(), header.matches("; rel=").count());
    }

    #[test]
    fn an_event_is_taken_or_refused_with_reasons(
        id in any::<String>(), object in any::<i64>(), name in any::<String>(), payload in "\\PC{0,20}",
    ) {
        let event = serde_json::json!({"id": id, "event": "request.create", "object_id": object, "person_name": name,
            "person_id": object, "payload": {"x": payload}});
        let raw: Box<RawValue> = serde_json::value::to_raw_value(&event).expect("JSON");
        let account = AccountId::parse("wdc");
        match event_input::parse(&raw, account.as_ref(), &[], Timestamp::UNIX_EPOCH, &hookline_core::values::System) {
            Ok(event) => prop_assert!(object >= 0 && event.head.id.as_str() == id),
            Err(refused) => prop_assert!(matches!(refused.error, hookline_core::errors::UseCaseError::Invalid(_))),
        }
    }
}
