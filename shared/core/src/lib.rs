//! What Hookline *is*: its nouns, rules and use cases, without AWS, SQL, sockets or a web framework.
//!
//! # The way of an event
//!
//! 1. An administrator registers a [`Webhook`](model::Webhook): *when this event occurs, POST to this URI*
//!    ([`register`](use_cases::webhooks::register)). It waits for one event or for a pattern
//!    ([`Subscription`](model::Subscription)).
//! 2. Where a deployment requires it, the endpoint first confirms that it accepts messages
//!    ([`verify`](use_cases::webhooks::verify)).
//! 3. An upstream system publishes an [`Event`](model::Event) ([`publish`](use_cases::publish)). It is parsed once and put
//!    on the events queue. From then on it is accepted.
//! 4. [`fan_out`](use_cases::fan_out) claims the event, finds the webhooks that match ([`matching`](rules::matching)), and
//!    puts one [`Attempt`](model::Attempt) per [`Message`](model::Message) on the deliveries queue.
//! 5. [`deliver`](use_cases::deliver) reads the current state of the webhook
//!    ([`DeliveryTarget`](model::DeliveryTarget)), signs the message, POSTs it through the port
//!    [`Transport`](ports::Transport) and writes a [`Delivery`](model::Delivery) record.
//! 6. [`judge`](rules::retry::judge) decides what follows: nothing, another attempt after a wait, or the end of the message.
//!    The [`Verdict`](rules::Verdict) also updates the health of the webhook and of its host
//!    ([`HostHealth`](model::HostHealth)), and may be mailed ([`notify`](use_cases::notify)).
//! 7. Messages that ended without a success can be sent again: one of them ([`redeliver`](use_cases::redeliver)), all of an
//!    outage ([`redelivery_job`](use_cases::redelivery_job)), or one as a try of a disabled webhook
//!    ([`recover`](use_cases::recover)).
//!
//! A webhook may have a [`Policy`](model::Policy). Its messages are then signed JWTs
//! ([`policies`](use_cases::policies)).
//!
//! # Folders
//!
//! Each knows only those before it: [`values`] and [`errors`]; [`ids`] and [`signing`]; [`settings`]; [`model`], the nouns;
//! [`rules`], pure decisions, and [`ports`], the traits of the foreign systems; [`service`], all ports together;
//! [`use_cases`], which alone call them. Everything here runs the same on AWS and embedded. Section numbers in comments
//! are those of the contract, `docs/api.md`.

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
