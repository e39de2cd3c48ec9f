//! Inputs: JSON bodies, read loosely as section 2 says (*Input types*) into what `core` understands.

mod object;
mod policy;
mod redelivery;
mod webhook;

pub(crate) use object::Object;
pub(crate) use policy::{policy, rotation};
pub(crate) use redelivery::redelivery;
pub(crate) use webhook::webhook;
