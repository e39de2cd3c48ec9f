//! The console (section 13) beside the routes. Its files are no operations of the API: they take no token, are not limited,
//! and are not in the OpenAPI document.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hookline_core::settings::{CoreSettings, FrameAncestor};

/// Answers a request for a file of the console. `path` is below the account URL or the public URL. `None` if the console is
/// off or has no such file.
pub(crate) fn respond(settings: &CoreSettings, path: &str, request: &Request) -> Option<Response> {
    let frame_ancestors = FrameAncestor::directive(&settings.console_frame_ancestors);
    let answer = settings
        .console
        .then(|| hookline_console::respond(request.method(), path, request.headers(), &frame_ancestors));
    Some(answer??.map(Body::from))
}
