//! `hookline export` and `hookline apply` (section 14, *Configuration as code*): the webhooks, policies and event types of
//! an account as one YAML file, over the REST API.
//!
//! A webhook is known by its `source` and `sourceID`, an event type by its name. A policy has a name that is local to the
//! file; which policy of the account it is follows from the webhooks that use it. The file holds no secrets: a password or
//! header value is `***`, which keeps the stored one.

mod account;
mod apply;
mod export;
mod file;
mod plan;
mod secrets;

pub(super) use self::apply::run as apply;
pub(super) use self::export::run as export;
