//! Inputs: parses JSON bodies into the inputs of the use cases, as leniently as section 2 says (*Input types*).

mod event_type;
mod object;
mod policy;
mod redelivery;
mod webhook;

pub(crate) use event_type::event_type;
pub(crate) use object::JsonObject;
pub(crate) use policy::{policy, rotation};
pub(crate) use redelivery::redelivery;
pub(crate) use webhook::webhook;
