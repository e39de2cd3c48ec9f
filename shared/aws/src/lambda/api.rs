//! Requests: payload 2.0 of API Gateway's HTTP APIs, answered by the same router as everywhere.

use std::net::IpAddr;

use http::Uri;
use lambda_http::request::RequestContext;
use lambda_http::{Error, IntoResponse, Request, RequestExt as _, Service};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tower::ServiceExt as _;

/// Answers requests as long as the environment lives. `mark` makes what the router wants to know of the address that a
/// request came from.
pub async fn serve_api<S, R, E, M>(router: S, mark: fn(IpAddr) -> M) -> Result<(), Error>
where
    S: Service<Request, Response = R, Error = E>,
    S::Future: Send,
    R: IntoResponse,
    E: std::fmt::Debug + Into<lambda_runtime::Diagnostic>,
    M: Clone + Send + Sync + 'static,
{
    let marked = router.map_request(move |mut request: Request| {
        if let Some(uri) = asked_for(&request) {
            *request.uri_mut() = uri;
        }
        if let Some(address) = source(&request) {
            request.extensions_mut().insert(mark(address));
        }
        request
    });
    lambda_http::run(marked).await
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
