//! Receivers and clients that others wrote: `curl` publishes, and the Standard Webhooks libraries of Python, JavaScript
//! and Rust verify what arrives on the raw bytes, and refuse every changed copy. PyJWT, `jose` and `openssl` verify the
//! JWTs of policies. A collector of OpenTelemetry takes the traces. What was published arrives byte for byte. An SDK, clients that generators make, and `schemathesis` use
//! the API. Receivers are generated from the document.
//!
//! `cargo build --workspace` with the same profile and `tests/foreign/receivers/install.sh` and
//! `tests/foreign/clients/install.sh` come first.

mod bytes_kept;
mod clients;
mod curl;
mod foreign;
mod generated_receivers;
mod policy;
mod schemas;
mod tokens;
mod traces;
mod verified;
