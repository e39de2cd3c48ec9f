//! How the service looks after endpoint hosts and webhooks (sections 8 and 9), on the real store: time stands still until
//! a test moves it, and endpoints answer what they are told.

#![expect(clippy::unwrap_used, reason = "a test ends at what it does not expect")]

mod disabling;
mod mails;
mod throttling;
mod world;
