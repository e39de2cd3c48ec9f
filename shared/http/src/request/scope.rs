//! What the token of a console link may reach (section 13). This is the only place that decides it, for every route.

use hookline_core::errors::PortResult;
use hookline_core::ids::{DeliveryId, WebhookId};
use hookline_core::model::{Caller, TokenScope};
use hookline_core::service::Service;
use hookline_core::values::node_id;
use uuid::Uuid;

use super::route::Route;
use crate::response::ApiError;

/// The route that makes console links.
pub(crate) const CONSOLE_LINKS: &str = "/console_links";

/// Refuses a request that the scope of its token does not cover. `id` is the one in the path.
pub(crate) async fn check_scope(service: &Service, route: &Route, id: &str, caller: &Caller) -> Result<(), ApiError> {
    match caller.token.scope {
        TokenScope::Console if route.path == CONSOLE_LINKS => Err(ApiError::Forbidden),
        TokenScope::Account | TokenScope::Console => Ok(()),
        TokenScope::Webhook(own) if is_about(service, route, id, caller).await? == Some(own) => Ok(()),
        TokenScope::Webhook(_) => Err(ApiError::NotFound),
    }
}

/// The webhook that a request is about. `None` if it is about none or several.
async fn is_about(service: &Service, route: &Route, id: &str, caller: &Caller) -> PortResult<Option<WebhookId>> {
    let is_below =
        |path: &str| route.path == path || route.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    if is_below("/webhooks/{id}") {
        return Ok(node_id::parse(&service.settings.domain, "Webhook", id).map(WebhookId));
    }
    if is_below("/webhook_deliveries/{id}") {
        return Ok(DeliveryId::parse(id).map(DeliveryId::webhook));
    }
    if is_below("/redeliveries/{id}") {
        let Ok(job) = Uuid::try_parse(id) else { return Ok(None) };
        return Ok(service.redeliveries.redelivery(&caller.account.id, job).await?.map(|job| job.webhook));
    }
    Ok(None)
}
