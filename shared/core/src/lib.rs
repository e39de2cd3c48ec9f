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

pub mod errors;
pub mod model;
pub mod ports;
pub mod rules;
pub mod settings;
pub mod signing;
pub mod use_cases;
pub mod values;

// ---- Paths of before, until all crates have followed. ----
pub use errors as problems;
pub use model::{
    account, attachment, audit, delivery, event, event_type, host_health as throttle, links, message, policy, token,
    webhook,
};
pub(crate) use rules::redaction as scrub;
pub use rules::{extra_headers as headers, mail_texts as notice, matching, request as outgoing, retry};
pub(crate) use use_cases::send as sending;
pub(crate) use use_cases::webhooks::all as walk;
pub use use_cases::webhooks::{register, test_report, verify};
pub use use_cases::{access_token, deliver, explain, fan_out, health, notify, policies, publish, recover, redeliver};
pub use values::{
    clock, encoded_words, endpoint_uri, http_date as retry_after, listing, mail_address, node_id, patch as given,
    secret, time_zone,
};
