//! An HTTP API of API Gateway, as far as a function sees it: requests become events of payload format 2.0, and results
//! become answers.
//!
//! The path comes decoded and the query as it was sent; header names are in lower case, and repeated ones are joined by
//! a comma; cookies are apart; a body is text only if its content type says so, and base64 otherwise. What the gateway
//! answers by itself has a body of its own and none of our headers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HOST, SET_COOKIE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::environment::Outcome;
use super::routes::Match;
use crate::connection::Answer;

/// The largest event that a function is invoked with, in bytes of its JSON text.
pub const EVENT_LIMIT: usize = 6_291_456;

/// The largest body that the gateway takes: 10 MB.
pub const BODY_LIMIT: usize = 10_000_000;

/// The host of the API.
pub const DOMAIN: &str = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com";

/// The event of a request, as JSON text; `None` if it is too large for the gateway or the function, which is a 413.
///
/// # Panics
/// When a header has no text value: the gateway would not take it either.
pub fn event(request: &Request<Bytes>, matched: &Match) -> Option<Bytes> {
    if request.body().len() > BODY_LIMIT {
        return None;
    }
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy();
    let query = request.uri().query().unwrap_or_default();
    let id = Uuid::new_v4().simple().to_string();
    let (headers, cookies) = headers(request, &id);
    let user_agent = headers.get("user-agent").cloned().unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": matched.route_key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "a1b2c3d4e5",
            "domainName": DOMAIN,
            "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": request.method().as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": user_agent,
            },
            "requestId": id,
            "routeKey": matched.route_key,
            "stage": "$default",
            "time": "26/Nov/2026:01:10:22 +0000",
            "timeEpoch": 1_795_655_422_000_u64,
        },
        "isBase64Encoded": false,
    });
    let fields = event.as_object_mut().expect("an object");
    if !cookies.is_empty() {
        fields.insert("cookies".to_owned(), cookies.into());
    }
    if !query.is_empty() {
        fields.insert("queryStringParameters".to_owned(), joined_parameters(query).into());
    }
    if !matched.parameters.is_empty() {
        let parameters: Map<_, _> =
            matched.parameters.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        fields.insert("pathParameters".to_owned(), parameters.into());
    }
    if !request.body().is_empty() {
        let (body, base64) = body(request.headers(), request.body());
        fields.insert("body".to_owned(), body.into());
        fields.insert("isBase64Encoded".to_owned(), base64.into());
    }
    let text = event.to_string();
    (text.len() <= EVENT_LIMIT).then(|| text.into())
}

/// The headers as the function gets them, and the cookies.
fn headers(request: &Request<Bytes>, id: &str) -> (Map<String, Value>, Vec<String>) {
    let mut headers = Map::new();
    let mut cookies = Vec::new();
    for (name, value) in request.headers() {
        // A function cannot see how the body came.
        if [EXPECT, TRANSFER_ENCODING, HOST, CONTENT_LENGTH].contains(name) {
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        if name == COOKIE {
            cookies.extend(value.split(';').map(|cookie| cookie.trim().to_owned()));
            continue;
        }
        let joined = match headers.get(name.as_str()).and_then(Value::as_str) {
            Some(before) => format!("{before},{value}"),
            None => value.into_owned(),
        };
        headers.insert(name.as_str().to_owned(), joined.into());
    }
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or(DOMAIN);
    let own = [
        ("host", host.to_owned()),
        ("content-length", request.body().len().to_string()),
        ("x-amzn-trace-id", format!("Root=1-{}-{}", &id[..8], &id[8..])),
        ("x-forwarded-for", "192.0.2.1".to_owned()),
        ("x-forwarded-port", "443".to_owned()),
        ("x-forwarded-proto", "https".to_owned()),
    ];
    headers.extend(own.map(|(name, value)| (name.to_owned(), value.into())));
    (headers, cookies)
}

/// Parameters decoded, repeated ones joined by a comma.
fn joined_parameters(query: &str) -> Map<String, Value> {
    let mut joined = Map::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let value = match joined.get(&*name).and_then(Value::as_str) {
            Some(before) => format!("{before},{value}"),
            None => value.into_owned(),
        };
        joined.insert(name.into_owned(), value.into());
    }
    joined
}

/// The body as the event has it, and whether that is base64.
fn body(headers: &HeaderMap, body: &Bytes) -> (String, bool) {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_text = media_type.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&media_type.as_str());
    match std::str::from_utf8(body) {
        Ok(text) if is_text => (text.to_owned(), false),
        _ => (STANDARD.encode(body), true),
    }
}

/// What the caller gets.
pub fn answer(head: bool, outcome: &Outcome) -> Answer {
    match outcome {
        Outcome::Answered(result) => of_result(head, result).unwrap_or_else(internal_server_error),
        Outcome::Failed(_) | Outcome::Died => internal_server_error(),
        Outcome::TimedOut => own_answer(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
    }
}

/// The answer to a request that is too large.
pub fn too_large() -> Answer {
    own_answer(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
}

fn internal_server_error() -> Answer {
    own_answer(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

/// An answer that the gateway makes by itself.
fn own_answer(status: StatusCode, message: &str) -> Answer {
    let headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (HeaderName::from_static("apigw-requestid"), HeaderValue::from_static("a1b2c3=")),
    ]);
    Answer { status, headers, body: json!({"message": message}).to_string().into() }
}

/// A result of a function in payload format 2.0. `multiValueHeaders` is not part of it.
fn of_result(head: bool, result: &[u8]) -> Option<Answer> {
    let result: Value = serde_json::from_slice(result).ok()?;
    let status = u16::try_from(result["statusCode"].as_u64()?).ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in result["headers"].as_object().into_iter().flatten() {
        let name: HeaderName = name.parse().ok()?;
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        headers.append(name, HeaderValue::from_str(&value).ok()?);
    }
    for cookie in result["cookies"].as_array().into_iter().flatten() {
        headers.append(SET_COOKIE, HeaderValue::from_str(cookie.as_str()?).ok()?);
    }
    let text = result["body"].as_str().unwrap_or_default();
    let body = match result["isBase64Encoded"].as_bool() {
        Some(true) => STANDARD.decode(text).ok()?,
        _ => text.as_bytes().to_vec(),
    };
    let status = StatusCode::from_u16(status).ok()?;
    if status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED {
        headers.insert(CONTENT_LENGTH, body.len().into());
    }
    headers.insert(HeaderName::from_static("apigw-requestid"), HeaderValue::from_static("a1b2c3="));
    Some(Answer { status, headers, body: if head { Bytes::new() } else { body.into() } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(request: http::request::Builder, body: &'static [u8]) -> Value {
        let request = request.body(Bytes::from_static(body)).unwrap();
        let matched =
            Match { function: "webhooks-api".to_owned(), route_key: "$default".to_owned(), parameters: Vec::new() };
        serde_json::from_slice(&event(&request, &matched).unwrap()).unwrap()
    }

    #[test]
    fn a_request_becomes_an_event() {
        let request = Request::get("/v1/a%20b/%C3%A9?x=1%2C2&x=3&y")
            .header("X-One", "1")
            .header("x-one", "2")
            .header("Cookie", "a=1; b=2")
            .header("User-Agent", "me");
        let event = made(request, b"");
        assert_eq!(event["rawPath"], "/v1/a b/é");
        assert_eq!(event["rawQueryString"], "x=1%2C2&x=3&y");
        assert_eq!(event["queryStringParameters"], json!({"x": "1,2,3", "y": ""}));
        assert_eq!((&event["headers"]["x-one"], &event["headers"]["cookie"]), (&json!("1,2"), &Value::Null));
        assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
        assert_eq!(event["requestContext"]["http"]["userAgent"], "me");
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&Value::Null, &json!(false)));
    }

    #[test]
    fn only_a_text_type_makes_a_text_body() {
        for (media_type, base64) in [
            ("application/json; charset=utf-8", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", true),
            ("application/octet-stream", true),
            ("", true),
        ] {
            let event = made(Request::post("/").header("content-type", media_type), b"{}");
            assert_eq!(event["isBase64Encoded"], base64, "{media_type}");
            assert_eq!(event["body"], if base64 { "e30=" } else { "{}" });
        }
        let event = made(Request::post("/").header("content-type", "application/json"), b"\xff");
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("/w=="), &json!(true)));
    }

    #[test]
    fn what_counts_is_the_event_after_escaping() {
        let matched =
            Match { function: "events-api".to_owned(), route_key: "$default".to_owned(), parameters: Vec::new() };
        let of = |text: &str, count: usize| {
            let request = Request::post("/").header("content-type", "application/json");
            event(&request.body(Bytes::from(text.repeat(count))).unwrap(), &matched)
        };
        assert!(of("a", EVENT_LIMIT - 2000).is_some());
        assert!(of("a", EVENT_LIMIT).is_none());
        assert!(of("\"", EVENT_LIMIT / 2).is_none(), "a quote is two bytes in JSON");
        assert!(of("\"", EVENT_LIMIT / 2 - 1000).is_some());
    }

    #[test]
    fn a_result_becomes_an_answer() {
        let result = json!({
            "statusCode": 200, "headers": {"content-type": "text/plain"}, "multiValueHeaders": {"x": ["1"]},
            "cookies": ["a=1"], "body": "aGk=", "isBase64Encoded": true,
        });
        let outcome = Outcome::Answered(result.to_string().into());
        let made = answer(false, &outcome);
        assert_eq!((made.status.as_u16(), &*made.body), (200, &b"hi"[..]));
        assert_eq!((made.headers.get("x"), &made.headers["set-cookie"]), (None, &HeaderValue::from_static("a=1")));
        let made = answer(true, &outcome);
        assert_eq!((&made.headers["content-length"], made.body.len()), (&HeaderValue::from_static("2"), 0));
        for (outcome, status) in
            [(Outcome::Died, 500), (Outcome::TimedOut, 503), (Outcome::Answered(Bytes::from_static(b"{}")), 500)]
        {
            assert_eq!(answer(false, &outcome).status.as_u16(), status, "{outcome:?}");
        }
    }
}
