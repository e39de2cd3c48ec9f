//! What administrators do to webhooks.

pub(crate) mod all;
pub(crate) mod draft;
pub mod register;
pub mod test_report;
pub mod verify;
