//! Whatever is sent, the router answers: no panic, no 500, no status that the OpenAPI document does not name for the
//! operation, and always what every answer has. In process, without a way out.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::model::{ErrorClass, Failure, Timings};
use hookline_core::ports::{ConnectionUse, Exchange, OutgoingRequest, Transport};
use hookline_core::values::EndpointUri;
use hookline_egress::{Egress, EgressSettings};
use hookline_tests::target::Variation;
use hookline_tests::target::router::Router;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::fixture::ServiceFixture;

/// Judges URIs as the real way out does, and lets nothing out.
struct NoWayOut(Egress);

#[async_trait]
impl Transport for NoWayOut {
    fn permits(&self, uri: &EndpointUri) -> bool {
        self.0.permits(uri)
    }

    async fn post(&self, _: OutgoingRequest<'_>) -> PortResult<Exchange> {
        let result = Err(Failure::new(ErrorClass::Refused, "Connection refused"));
        Ok(Exchange { result, timings: Timings::default(), address: None, connection: ConnectionUse::New })
    }
}

/// Texts that broke other services.
const ODD: [&str; 44] = [
    "",
    "0",
    "-1",
    "1",
    "2",
    "007",
    "9223372036854775807",
    "9223372036854775808",
    "99999999999999999999",
    "1e999",
    "NaN",
    "\u{0}",
    "\u{7f}",
    "\r\nX: y",
    "%",
    "%00",
    "%zz",
    "../..",
    "' OR 1=1 --",
    "💥",
    "\u{202e}",
    "\u{feff}",
    "ﬀ",
    "{}",
    "null",
    "true",
    "***",
    "*",
    "request.*",
    "request.create",
    "a,b;c",
    "!",
    "\\!",
    "!!",
    "<",
    "<1>",
    ">=1<=3",
    ">a<",
    "2026-11-25T09:30:00+00:00",
    "-009999-01-01",
    "+999999-12-31T23:59:59Z",
    "https://ada:x@example.com/",
    "[::1]",
    "-id,",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(&ODD[..]).prop_map(str::to_owned),
        2 => "\\PC{0,20}",
        1 => any::<String>(),
        1 => (1..6000_usize).prop_map(|length| "x".repeat(length)),
    ]
}

fn encoded(bytes: &[u8]) -> String {
    percent_encode(bytes, NON_ALPHANUMERIC).to_string()
}

/// A part of a path or query: mostly a text, at times bytes that are none.
fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => text().prop_map(|text| encoded(text.as_bytes())),
        1 => prop::collection::vec(any::<u8>(), 0..12).prop_map(|bytes| encoded(&bytes)),
        1 => "[!$&'()*+,;=:@%/?._~a-z0-9-]{0,16}",
    ]
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(vec!["1", "2", "3", "e1", "aG9va2xpbmUvV2ViaG9vay8x", "enabled"]).prop_map(str::to_owned),
        1 => Just("00000000-0000-8000-8000-000000000000".to_owned()),
        2 => part(),
    ]
}

fn query() -> impl Strategy<Value = String> {
    let names = vec![
        "fields",
        "page",
        "per_page",
        "search_after",
        "search_before",
        "sort",
        "id",
        "ids",
        "name",
        "event",
        "uri",
        "disabled",
        "source",
        "sourceID",
        "created_at",
        "updated_at",
        "outcome",
        "event_id",
        "message_id",
        "report",
        "code",
        "expires_at",
    ];
    let name = prop_oneof![6 => select(names).prop_map(str::to_owned), 1 => part()];
    let value = prop_oneof![
        3 => part(),
        1 => Just("WzAsWzFdLDFd".to_owned()),
        1 => prop::collection::vec(any::<u8>(), 0..30).prop_map(|bytes| {
            use base64::Engine as _;
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
        }),
    ];
    prop::collection::vec((name, value), 0..4).prop_map(|pairs| {
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    })
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..4).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// An object of fields that the API knows, with whatever values.
fn record() -> impl Strategy<Value = Value> {
    let names = vec![
        "event",
        "uri",
        "name",
        "description",
        "disabled",
        "mail_exceptions_to",
        "webhook_policy_id",
        "source",
        "sourceID",
        "openid_connect_discovery",
        "headers",
        "id",
        "account_id",
        "object_id",
        "object_type",
        "person_id",
        "person_name",
        "payload",
        "links",
        "webhook",
        "jwt_alg",
        "jwt_audience",
        "jwt_claim_expires_in",
        "now",
        "activate",
        "since",
        "until",
        "outcome",
        "dry_run",
        "grant_type",
        "client_id",
        "client_secret",
        "description_attachments",
    ];
    let odd = prop::collection::vec((select(names), json_value()), 0..6);
    (any::<bool>(), odd).prop_map(|(good, odd)| {
        let mut record = Map::new();
        if good {
            let base =
                json!({"event": "request.create", "uri": "https://example.com/", "object_id": 1, "jwt_alg": "hs256"});
            record.extend(base.as_object().expect("fields").clone());
        }
        record.extend(odd.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Value::Object(record)
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        2 => Just(Vec::new()),
        4 => record().prop_map(|record| record.to_string().into_bytes()),
        2 => prop::collection::vec(record(), 0..4).prop_map(|records| Value::from(records).to_string().into_bytes()),
        2 => json_value().prop_map(|value| value.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => (record(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(record, at, byte)| {
            let mut bytes = record.to_string().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes
        }),
        1 => (1..3000_usize).prop_map(|depth| "[".repeat(depth * 100).into_bytes()),
        1 => (1..3000_usize).prop_map(|depth| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)).into_bytes()),
    ]
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let names = vec![
        "accept",
        "content-type",
        "content-length",
        "authorization",
        "if-match",
        "if-none-match",
        "x-4me-account",
        "x-xurrent-account",
        "x-4me-source",
        "user-agent",
        "host",
        "forwarded",
        "x-forwarded-for",
        "x-request-id",
        "x-4me-delivery",
        "origin",
        "expect",
        "range",
        "content-encoding",
    ];
    let values =
        vec!["application/json", "text/html", "*", "W/\"x\"", "wdc", "other", "gzip", "0", "99999999999999999999"];
    let value = prop_oneof![
        select(values).prop_map(|value| value.as_bytes().to_vec()),
        prop::collection::vec(prop_oneof![Just(b'\t'), 0x20..0x7f_u8, 0x80..=0xff_u8], 0..30),
    ];
    prop::collection::vec((select(names), value), 0..3)
}

/// A request to an operation of the document, or to anything.
#[derive(Debug, Clone)]
pub(crate) struct Arbitrary {
    /// The operation, if it is one.
    pub(crate) template: Option<String>,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) token: bool,
}

fn requests(operations: Vec<(String, String)>) -> impl Strategy<Value = Arbitrary> {
    let base = select(vec!["", "/v1", "/a/wdc", "/a/wdc/v1", "/a/other"]);
    let documented = (select(operations), base, id()).prop_map(|((template, method), base, id)| {
        let path = template.replace("{id}", &id).replace("{name}", &id);
        // Some ids make it another path.
        let kept = !matches!(id.as_str(), "" | "enabled")
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_%".contains(&byte));
        ((kept && base != "/a/other").then_some(template), method, format!("{base}{path}"))
    });
    let methods = vec!["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "X-ODD"];
    let anything = (select(methods), prop::collection::vec(part(), 0..4))
        .prop_map(|(method, parts)| (None, method.to_owned(), format!("/{}", parts.join("/"))));
    let target = prop_oneof![5 => documented, 1 => anything];
    (target, query(), headers(), body(), prop::bool::weighted(0.9)).prop_map(
        |((template, method, path), query, headers, body, token)| Arbitrary {
            template,
            method,
            path,
            query,
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body,
            token,
        },
    )
}

async fn send(
    service: &ServiceFixture,
    statuses: &BTreeMap<(String, String), Vec<String>>,
    one: Arbitrary,
) -> Result<(), TestCaseError> {
    let path = if one.query.is_empty() { one.path.clone() } else { format!("{}?{}", one.path, one.query) };
    if path.parse::<http::Uri>().is_err() {
        return Err(TestCaseError::reject("no server gets such a URI"));
    }
    let method: Method = one.method.parse().expect("a method");
    let mut call = Call::new(&*service.target, method, &path).body(one.body);
    if one.token {
        call = call.by(&service.token);
    }
    for (name, value) in one.headers {
        call = call.with_bytes(&name, &value);
    }
    let reply = call.await;
    prop_assert!(reply.status != 500, "{:?}", reply);
    prop_assert!(!reply.status.is_server_error() || reply.status == 508, "{:?}", reply);
    if let Some(template) = one.template {
        let known = &statuses[&(template, one.method)];
        prop_assert!(known.contains(&reply.status.as_str().to_owned()), "not among {:?}: {:?}", known, reply);
    }
    Ok(())
}

/// A service with some records, and what the document says of every operation.
pub(crate) struct Stage {
    runtime: tokio::runtime::Runtime,
    service: ServiceFixture,
    statuses: BTreeMap<(String, String), Vec<String>>,
}

impl Stage {
    pub(crate) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let service = runtime.block_on(async {
            let transport = Arc::new(NoWayOut(Egress::new(EgressSettings::default()).expect("a way out")));
            let variation = Variation { rate_limit: u32::MAX, ..Variation::default() };
            let service = ServiceFixture::of(Router::start_with(variation, transport).await).await;
            service.account("other").await;
            service.webhook(json!({"uri": "https://example.com/"})).await;
            service.post("/v1/events", json!({"id": "e1", "event": "request.create", "object_id": 1})).await;
            service
        });
        let document: Value = serde_json::from_str(&hookline_http::openapi()).expect("JSON");
        let mut statuses = BTreeMap::new();
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("operations") {
                let known: Vec<String> =
                    operation["responses"].as_object().expect("responses").keys().cloned().collect();
                statuses.insert((path.clone(), method.to_uppercase()), known);
            }
        }
        Self { runtime, service, statuses }
    }

    /// Sends a request, and checks what must hold for its answer.
    pub(crate) fn send(&self, one: Arbitrary) -> Result<(), TestCaseError> {
        self.runtime.block_on(send(&self.service, &self.statuses, one))
    }

    /// The cursor of a list that has another page.
    pub(crate) fn cursor(&self) -> String {
        self.runtime.block_on(async {
            self.service.webhook(json!({"uri": "https://example.com/2"})).await;
            let list = self.service.get("/v1/webhooks?per_page=1").await;
            let links = list.header("link").expect("links");
            let (_, rest) = links.split_once("search_after=").expect("a list of two has a next page");
            rest.split(['&', '>']).next().expect("a cursor").to_owned()
        })
    }
}

#[test]
fn whatever_is_sent_is_answered() {
    let stage = Stage::start();
    let config = Config { cases: 2500, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let outcome =
        TestRunner::new(config).run(&requests(stage.statuses.keys().cloned().collect()), |one| stage.send(one));
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
