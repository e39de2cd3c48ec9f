//! `GET /metrics` on a listener of its own, without a token.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use hookline_embedded::Store;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use super::instruments::Instruments;
use super::service_collector::ServiceCollector;
use crate::server::{self, ServerLimits};

/// How many scrapers may be connected.
const CONNECTIONS: usize = 16;
/// The type of OpenMetrics, which a scraper asks for.
const OPEN_METRICS: &str = "application/openmetrics-text";

/// Shows the metrics until `stop` ends.
pub(crate) async fn serve(
    listener: TcpListener,
    instruments: Instruments,
    store: Store,
    data: PathBuf,
    stop: impl Future<Output = ()>,
) {
    let mut registry = Registry::default();
    instruments.register(&mut registry);
    registry.register_collector(Box::new(ServiceCollector::new(store, data)));
    let registry = Arc::new(registry);
    let show = move |headers: HeaderMap| {
        let registry = Arc::clone(&registry);
        async move { page(&registry, &headers) }
    };
    let router = Router::new().route("/metrics", get(show));
    let limits = ServerLimits { connections: CONNECTIONS, ..ServerLimits::default() };
    server::serve(listener, router, Vec::new(), limits, stop, Duration::ZERO).await;
}

/// In the format that the scraper asks for.
fn page(registry: &Registry, headers: &HeaderMap) -> Response {
    let open =
        headers.get_all(ACCEPT).iter().any(|accept| accept.to_str().is_ok_and(|text| text.contains(OPEN_METRICS)));
    let mut page = String::new();
    let (written, kind) = if open {
        (text::encode(&mut page, registry), "application/openmetrics-text; version=1.0.0; charset=utf-8")
    } else {
        (prometheus_text::encode(&mut page, registry), prometheus_text::CONTENT_TYPE)
    };
    match written {
        Ok(()) => ([(CONTENT_TYPE, kind)], page).into_response(),
        Err(error) => {
            let action = "report this fault with the lines before it";
            tracing::error!(%error, action, "writing the metrics failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
