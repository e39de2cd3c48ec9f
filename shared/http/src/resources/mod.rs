//! The handlers, one module per resource. Each opens with its routes.

pub(crate) mod access_token;
pub(crate) mod attachments;
pub(crate) mod audit;
pub(crate) mod deliveries;
pub(crate) mod endpoint_hosts;
pub(crate) mod event_types;
pub(crate) mod events;
pub(crate) mod policies;
pub(crate) mod redeliveries;
pub(crate) mod service;
pub(crate) mod verification;
pub(crate) mod webhooks;

use hookline_core::settings::Settings;
use hookline_core::token::Caller;

use crate::call::Call;

/// The URL below which a request reached the API: the account's if the request named it, else the public one.
fn base_url(settings: &Settings, call: &Call) -> String {
    let Caller { account, .. } = &call.caller;
    match call.place.account {
        Some(_) => settings.account_url(&account.id),
        None => settings.public_url.trim_end_matches('/').to_owned(),
    }
}
