//! HTTP requests: payload 2.0 of API Gateway's HTTP APIs, handled by the same router as in the other runtime.

use std::future::ready;
use std::net::IpAddr;
use std::pin::Pin;

use bytes::Bytes;
use http::{Response, Uri};
use http_body_util::BodyExt as _;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Error, IntoResponse, Request, RequestExt as _, Service, service_fn};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tower::ServiceExt as _;

/// Handles requests until Lambda ends the execution environment. `mark` wraps the client's address in the type that the
/// router reads it from.
pub async fn serve_api<S, B, M>(router: S, mark: fn(IpAddr) -> M) -> Result<(), Error>
where
    S: Service<Request, Response = Response<B>> + Clone + Send + Sync,
    S::Future: Send,
    S::Error: Into<Error>,
    B: http_body::Body<Data = Bytes, Error: Into<Error>> + Send,
    M: Clone + Send + Sync + 'static,
{
    lambda_http::run(service_fn(async |mut request: Request| {
        if let Some(uri) = asked_for(&request) {
            *request.uri_mut() = uri;
        }
        if let Some(address) = source(&request) {
            request.extensions_mut().insert(mark(address));
        }
        let (head, body) = router.clone().oneshot(request).await.map_err(Into::into)?.into_parts();
        let body = body.collect().await.map_err(Into::into)?.to_bytes();
        Ok::<_, Error>(LambdaResponse(Response::from_parts(head, body)))
    }))
    .await
}

/// A response of the router. `lambda_http` has its own conversion, but it includes the tables of every character set,
/// which makes the functions much larger. Our responses are UTF-8 or binary files.
struct LambdaResponse(Response<Bytes>);

impl IntoResponse for LambdaResponse {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        let body = |bytes: Bytes| match String::from_utf8(bytes.into()) {
            Ok(text) if text.is_empty() => Body::Empty,
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

/// The URI with the path from API Gateway, which is decoded and therefore encoded again here. The URI that
/// `lambda_http` derives from it drops trailing spaces and control characters, and reads an encoded `%` as the start of
/// an escape.
fn asked_for(request: &Request) -> Option<Uri> {
    let path = utf8_percent_encode(request.raw_http_path(), PATH);
    let uri = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_string(),
    };
    uri.parse().ok()
}

/// The client's address as API Gateway saw it. Forwarded headers are not trusted.
fn source(request: &Request) -> Option<IpAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
        _ => None,
    }
}
