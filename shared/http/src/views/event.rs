//! The state of an event (section 4, `GET /events/:id`).

use hookline_core::ids::MessageId;
use hookline_core::model::Outcome;
use hookline_core::ports::StoredEvent;
use hookline_core::values::TimeZone;

use crate::listing::{Field, FieldType, Record, Resource, Selection};

/// The fields of an event.
pub(crate) static EVENT: Resource = Resource {
    name: "Event",
    fields: &[
        Field::new("id", FieldType::Text),
        Field::new("event", FieldType::Text),
        Field::new("accepted_at", FieldType::Time),
        Field::new("matched", FieldType::Integer).nullable(),
        Field::new("succeeded", FieldType::Integer),
        Field::new("waiting", FieldType::Integer),
        Field::new("dropped", FieldType::Integer),
        Field::new("cancelled", FieldType::Integer),
        Field::new("skipped", FieldType::Integer),
    ],
    sort: ("id", false),
};

/// The number of messages of an event by outcome.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct OutcomeCounts {
    succeeded: usize,
    waiting: usize,
    dropped: usize,
    cancelled: usize,
    skipped: usize,
}

impl OutcomeCounts {
    fn of(outcomes: &[(MessageId, Outcome)], matched: Option<usize>) -> Self {
        let mut counts = Self::default();
        for (_, outcome) in outcomes {
            match outcome {
                Outcome::Succeeded => counts.succeeded += 1,
                Outcome::Waiting | Outcome::Failed => counts.waiting += 1,
                Outcome::Dropped => counts.dropped += 1,
                Outcome::Cancelled => counts.cancelled += 1,
                Outcome::Skipped => counts.skipped += 1,
            }
        }
        // A message without a record is waiting: its first record is written after its first attempt.
        if let Some(matched) = matched {
            counts.waiting = matched.saturating_sub(counts.succeeded + counts.dropped + counts.cancelled);
        }
        counts
    }
}

/// An event as JSON. `matched` is null until its fan-out is done.
pub(crate) fn view<'a>(
    stored: &StoredEvent,
    outcomes: &[(MessageId, Outcome)],
    selection: &'a Selection,
    zone: &TimeZone,
) -> Record<'a> {
    let head = &stored.event.head;
    let matched = stored.matched.as_ref().map(Vec::len);
    let OutcomeCounts { succeeded, waiting, dropped, cancelled, skipped } = OutcomeCounts::of(outcomes, matched);
    let mut record = Record::new(selection);
    record.put("id", &head.id);
    record.put("event", &head.event);
    record.put("accepted_at", zone.format(head.accepted_at));
    record.put("matched", matched);
    record.put("succeeded", succeeded);
    record.put("waiting", waiting);
    record.put("dropped", dropped);
    record.put("cancelled", cancelled);
    record.put("skipped", skipped);
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_ended_waits() {
        let message = MessageId::parse(&format!("msg_{}", "0f".repeat(16))).unwrap();
        let outcomes = Outcome::ALL.map(|outcome| (message.clone(), outcome));
        let counts = |waiting| OutcomeCounts { succeeded: 1, waiting, dropped: 1, cancelled: 1, skipped: 1 };
        assert_eq!(OutcomeCounts::of(&outcomes, None), counts(2));
        assert_eq!(OutcomeCounts::of(&outcomes, Some(7)), counts(4));
        assert_eq!(OutcomeCounts::of(&outcomes, Some(1)), counts(0));
    }
}
