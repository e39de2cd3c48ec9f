//! Health of endpoint hosts and webhooks (sections 8 and 9), on the real store. Tests set the answers of the endpoints
//! and move the clock; with workers the clock runs.

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
