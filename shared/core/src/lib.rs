//! The heart of Hookline: what the service *is*, free of AWS, SQL, sockets and web frameworks.
//!
//! An administrator registers a [`webhook::Webhook`]: *when this event occurs, POST to this URI* ([`register`]).
//! An upstream system publishes an [`event::Event`] ([`publish`]). Fan-out finds the webhooks that match and puts
//! one message for each on the deliveries queue ([`fan_out`]). A delivery reads the webhook's current state, signs
//! the message, POSTs it, writes a [`delivery::Delivery`] record and decides what comes next ([`deliver`]): nothing,
//! another attempt after a wait, or the end. An administrator may send a message again ([`redeliver`]). A webhook may have
//! a [`policy::Policy`]: then its messages go as signed JWTs ([`policies`]). Where a deployment requires it, an endpoint
//! first proves that it wants messages ([`verify`]).
//!
//! The foreign systems behind these steps are the traits in [`ports`]. Everything here runs the same on AWS and
//! embedded. Section numbers in the docs are those of the service's contract.

pub mod access_token;
pub mod account;
pub mod attachment;
pub mod audit;
pub mod clock;
pub mod deliver;
pub mod delivery;
pub mod encoded_words;
pub mod endpoint_uri;
pub mod event;
pub mod event_type;
pub mod explain;
pub mod fan_out;
pub mod given;
pub mod headers;
pub mod health;
pub mod links;
pub mod listing;
pub mod mail_address;
pub mod matching;
pub mod message;
pub mod node_id;
pub mod notice;
pub mod notify;
pub mod outgoing;
pub mod policies;
pub mod policy;
pub mod ports;
pub mod problems;
pub mod publish;
pub mod recover;
pub mod redeliver;
pub mod register;
pub mod retry;
pub mod retry_after;
mod scrub;
pub mod secret;
mod sending;
pub mod settings;
pub mod signing;
pub mod test_report;
pub mod throttle;
pub mod time_zone;
pub mod token;
pub mod verify;
mod walk;
pub mod webhook;
