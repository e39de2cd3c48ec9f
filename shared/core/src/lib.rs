//! The heart of Hookline: what the service *is*, free of AWS, SQL, sockets and web frameworks.
//!
//! An administrator registers a [`webhook::Webhook`]: *when this event occurs, POST to this URI* ([`register`]). An
//! upstream system publishes an [`event::Event`] ([`publish`]). Fan-out finds the webhooks that match and puts one
//! message for each on the deliveries queue ([`fan_out`]). A delivery reads the webhook's current state, signs the
//! message, POSTs it, writes a [`delivery::Delivery`] record and decides what comes next ([`deliver`]): nothing,
//! another attempt after a wait, or the end. An administrator may send a message again ([`redeliver`]). A webhook may
//! have a [`policy::Policy`]: then its messages go as signed JWTs ([`policies`]). Where a deployment requires it, an
//! endpoint first proves that it wants messages ([`verify`]).
//!
//! The foreign systems behind these steps are the traits in [`ports`]. Everything here runs the same on AWS and
//! embedded. Section numbers in the docs are those of the service's contract.

pub mod errors;
pub mod ids;
pub mod model;
pub mod ports;
pub mod rules;
pub mod service;
pub mod settings;
pub mod signing;
pub mod use_cases;
pub mod values;
