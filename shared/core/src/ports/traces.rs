//! The traces that work belongs to (section 12): a span for each event that is published, its fan-out, and each attempt.

use crate::model::{Attempt, Delivery, EventHead};
use crate::values::TraceParent;

/// What a span is about. Its parent is the trace context of the event.
#[derive(Debug, Clone, Copy)]
pub enum SpanSubject<'a> {
    /// `publish`: an event is put on the queue. Its context becomes the event's.
    Publish(&'a EventHead),
    /// `process`: an event becomes messages.
    FanOut(&'a EventHead),
    /// `send`: an attempt is made. It has a link to the span that published the event.
    Attempt(&'a Attempt),
}

/// Records spans. While nothing is traced, none is begun, and that costs next to nothing.
pub trait Traces: Send + Sync {
    /// Begins a span, if anything is traced.
    fn begin(&self, subject: SpanSubject<'_>) -> Option<Box<dyn TraceSpan>>;
}

/// A span. One that is dropped before its end failed by our own fault.
pub trait TraceSpan: Send + Sync {
    /// The context of the work that belongs to it.
    fn context(&self) -> TraceParent;
    /// Ends it; an attempt has a record.
    fn end(self: Box<Self>, record: Option<&Delivery>);
}

/// Traces nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoTraces;

impl Traces for NoTraces {
    fn begin(&self, _subject: SpanSubject<'_>) -> Option<Box<dyn TraceSpan>> {
        None
    }
}
