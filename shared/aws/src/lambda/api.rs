//! Requests: payload 2.0 of API Gateway's HTTP APIs, answered by the same router as everywhere.

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

/// Answers requests as long as the environment lives. `mark` makes what the router wants to know of the address that a
/// request came from.
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

/// An answer of the router. `lambda_http` can turn one too, but knows every character set that there is, which makes the
/// functions much larger; ours are UTF-8, or files.
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

/// What a path may hold as it is (RFC 3986, `pchar` and `/`).
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

/// The URI with the path that API Gateway tells, which is decoded. The one that `lambda_http` makes of it has lost spaces
/// and control characters at its end, and takes what was an encoded `%` for the beginning of an escape.
fn asked_for(request: &Request) -> Option<Uri> {
    let path = utf8_percent_encode(request.raw_http_path(), PATH);
    let uri = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_string(),
    };
    uri.parse().ok()
}

/// The address that API Gateway saw. What forwarded headers say is not believed.
fn source(request: &Request) -> Option<IpAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
        _ => None,
    }
}
