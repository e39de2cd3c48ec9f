//! Traces for a collector of OpenTelemetry (section 12).
//!
//! [`TraceExport`] records the spans of the use cases. A thread of its own takes them from a bounded queue and sends them in
//! batches ([`CollectorClient`](collector::CollectorClient)). While the queue is full, spans are dropped: a collector that
//! is slow or down delays nothing.

mod collector;
mod export;
mod spans;

pub(crate) use self::export::TraceExport;
