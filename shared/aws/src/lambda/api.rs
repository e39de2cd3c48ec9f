//! HTTP requests: payload 2.0 of API Gateway's HTTP APIs, handled by the same router as in the other runtime.
//!
//! API Gateway decodes the path, twice where `%25` began an escape: `/a%2Fb` and `/a%252Fb` arrive as `/a/b`, `/a%253Fb`
//! as `/a?b`. It cuts the path off at a decoded `?`. The query arrives as it was sent, with characters that a URI cannot
//! hold. Both are encoded before `lambda_http` makes a URI of them.

use std::future::ready;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{Response, Uri};
use http_body_util::BodyExt as _;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Adapter, Body, Error, IntoResponse, LambdaEvent, Request, RequestExt as _, Service, service_fn};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tower::ServiceExt as _;

use super::metrics::EmfMetrics;

/// Handles requests until Lambda ends the execution environment, and writes what each measured. `mark` wraps the client's
/// address in the type that the router reads it from.
pub async fn serve_api<S, B, M>(router: S, mark: fn(IpAddr) -> M, metrics: Arc<EmfMetrics>) -> Result<(), Error>
where
    S: Service<Request, Response = Response<B>> + Clone + Send + Sync,
    S::Future: Send,
    S::Error: Into<Error>,
    B: http_body::Body<Data = Bytes, Error: Into<Error>> + Send,
    M: Clone + Send + Sync + 'static,
{
    let answers = Adapter::from(service_fn(async |mut request: Request| {
        if let Some(uri) = asked_for(&request) {
            *request.uri_mut() = uri;
        }
        if let Some(address) = source(&request) {
            request.extensions_mut().insert(mark(address));
        }
        let (head, body) = router.clone().oneshot(request).await.map_err(Into::into)?.into_parts();
        let body = body.collect().await.map_err(Into::into)?.to_bytes();
        metrics.emit();
        Ok::<_, Error>(LambdaResponse(Response::from_parts(head, body)))
    }));
    lambda_runtime::run(answers.map_request(escaped)).await
}

/// A response of the router. `lambda_http` has its own conversion, but it includes the tables of every character set,
/// which makes the functions much larger. Our responses are UTF-8, binary files or compressed.
struct LambdaResponse(Response<Bytes>);

impl IntoResponse for LambdaResponse {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        let is_compressed = self.0.headers().contains_key(CONTENT_ENCODING);
        let body = |bytes: Bytes| match String::from_utf8(bytes.into()) {
            Ok(text) if text.is_empty() => Body::Empty,
            Ok(text) if is_compressed => Body::Binary(text.into_bytes()),
            Ok(text) => Body::Text(text),
            Err(other) => Body::Binary(other.into_bytes()),
        };
        Box::pin(ready(self.0.map(body)))
    }
}

/// The characters that stay unescaped in a path (RFC 3986, `pchar` and `/`).
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// What a query may hold as it is: what a path may, a question mark, and the escapes in it.
const QUERY: &AsciiSet = &PATH.remove(b'?').remove(b'%');

/// The event with a path and a query that a URI can hold.
fn escaped(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event.payload {
        let path = request.raw_path.as_deref().filter(|path| path.starts_with('/')).unwrap_or("/");
        request.raw_path = Some(utf8_percent_encode(path, PATH).to_string());
        let query = request.raw_query_string.as_deref().unwrap_or_default();
        request.raw_query_string = Some(utf8_percent_encode(query, QUERY).to_string());
    }
    event
}

/// The URI with the path of the event. The URI that `lambda_http` derives from it has no `.` and `..`.
fn asked_for(request: &Request) -> Option<Uri> {
    let path = request.raw_http_path();
    match request.uri().query() {
        Some(query) => format!("{path}?{query}").parse().ok(),
        None => path.parse().ok(),
    }
}

/// The client's address as API Gateway saw it. Forwarded headers are not trusted.
fn source(request: &Request) -> Option<IpAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The URI that the router gets for a path and a query of an event.
    fn uri(path: &str, query: &str) -> String {
        let event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
            "headers": {"host": "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com", "x-forwarded-proto": "https"},
            "requestContext": {
                "stage": "$default", "http": {"method": "GET", "path": path, "sourceIp": "192.0.2.1"}, "timeEpoch": 0,
            },
            "isBase64Encoded": false,
        });
        let event: LambdaRequest = serde_json::from_value(event).unwrap();
        let request = escaped(LambdaEvent::new(event, lambda_runtime::Context::default())).payload.into();
        asked_for(&request).expect("a URI").to_string()
    }

    /// Paths as an HTTP API gave them for what was sent (captured on AWS on 10 July 2026, published with
    /// `hotsock/voker`, `vokerhttp/testdata/ingress-paths.json`), and forms that it may give.
    #[test]
    fn every_path_of_an_event_becomes_the_path_of_a_uri() {
        for (given, expected) in [
            ("/capture/space value", "/capture/space%20value"),
            ("/capture/question", "/capture/question"),
            ("/capture/hash#value", "/capture/hash%23value"),
            ("/capture/slash/value", "/capture/slash/value"),
            ("/capture/unicode-λ-世界", "/capture/unicode-%CE%BB-%E4%B8%96%E7%95%8C"),
            ("/capture/literal?value", "/capture/literal%3Fvalue"),
            ("/capture/literal%value", "/capture/literal%25value"),
            ("/events/", "/events/"),
            ("/v1/events.json/", "/v1/events.json/"),
            ("//events", "//events"),
            ("/a/../b/./c", "/a/../b/./c"),
            ("/a<b>c\"\\|{}^`", "/a%3Cb%3Ec%22%5C%7C%7B%7D%5E%60"),
            ("/line\nbreak ", "/line%0Abreak%20"),
            ("/", "/"),
            ("", "/"),
        ] {
            assert_eq!(uri(given, ""), expected, "{given}");
            assert_eq!(uri(given, "a=1&a=2"), format!("{expected}?a=1&a=2"), "{given}");
        }
    }

    /// An HTTP API leaves the query as it was sent (the same captures); whether it lets characters through that a URI
    /// cannot hold is not documented.
    #[test]
    fn every_query_of_an_event_becomes_the_query_of_a_uri() {
        for (given, expected) in [
            ("repeat=one&repeat=two", "repeat=one&repeat=two"),
            (
                "to=https%3A%2F%2Fexample.com%2Fa%2Fb&plus=a+b&plus=a%2Bb&empty=",
                "to=https%3A%2F%2Fexample.com%2Fa%2Fb&plus=a+b&plus=a%2Bb&empty=",
            ),
            ("created_at=>2026-01-01&created_at=<2027-01-01", "created_at=%3E2026-01-01&created_at=%3C2027-01-01"),
            ("a b=\"c\"&d={e}|f#g", "a%20b=%22c%22&d=%7Be%7D%7Cf%23g"),
            ("ü=\u{7f}\n", "%C3%BC=%7F%0A"),
            ("100%", "100%"),
            ("?", "?"),
        ] {
            assert_eq!(uri("/events", given), format!("/events?{expected}"), "{given}");
        }
    }
}
