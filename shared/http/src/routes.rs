//! The table of all routes, which the router serves and the OpenAPI document describes.

use crate::request::Route;
use crate::resources;

/// All routes.
pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    [
        resources::webhooks::ROUTES,
        resources::policies::ROUTES,
        resources::audit::ROUTES,
        resources::attachments::ROUTES,
        resources::verification::ROUTES,
        resources::event_sample::ROUTES,
        resources::events::ROUTES,
        resources::event_types::ROUTES,
        resources::deliveries::ROUTES,
        resources::access_token::ROUTES,
        resources::console_links::ROUTES,
        resources::counts::ROUTES,
        resources::endpoint_hosts::ROUTES,
        resources::redeliveries::ROUTES,
        resources::service::ROUTES,
    ]
    .into_iter()
    .flatten()
}
