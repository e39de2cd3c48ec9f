//! How the service looks after endpoint hosts and webhooks (sections 8 and 9), on the real store. Endpoints answer what
//! they are told; time stands still until a test moves it, but where workers work it runs.

#![expect(clippy::unwrap_used, reason = "a test ends at what it does not expect")]

mod disabling;
mod fairness;
mod fixture;
mod mails;
mod recovery;
mod runs;
mod skipping;
mod throttling;
mod working;
