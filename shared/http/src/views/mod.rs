//! Views: records as JSON. A view knows every field of its resource; the selection decides which of them are shown.

pub(crate) mod audit;
pub(crate) mod counts;
pub(crate) mod delivery;
pub(crate) mod endpoint_host;
pub(crate) mod event;
pub(crate) mod event_type;
pub(crate) mod policy;
pub(crate) mod redelivery;
mod reference;
pub(crate) mod test_report;
pub(crate) mod webhook;

pub(crate) use reference::Reference;
