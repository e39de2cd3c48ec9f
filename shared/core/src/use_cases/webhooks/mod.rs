//! What administrators do to webhooks (section 3).

pub(crate) mod all;
pub mod draft;
pub(crate) mod edit;
pub mod register;
pub mod secret;
pub mod test;
pub mod test_report;
pub mod verify;
