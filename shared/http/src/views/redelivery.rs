//! Redelivery jobs (section 10).

use hookline_core::model::{EventName, JobProgress, RedeliveryFilter, RedeliveryJob};
use hookline_core::settings::CoreSettings;
use hookline_core::values::TimeZone;

use super::reference::Reference;
use crate::listing::{Field, FieldType, Record, Resource, Selection};

/// The states, for the OpenAPI document.
const STATES: &[&str] = &["running", "done", "stopped"];

/// The fields of a redelivery job.
pub(crate) static REDELIVERY: Resource = Resource {
    name: "Redelivery",
    fields: &[
        Field::new("id", FieldType::Uuid),
        Field::new("webhook", FieldType::Object("Reference")),
        Field::new("since", FieldType::Time).nullable(),
        Field::new("until", FieldType::Time).nullable(),
        Field::new("outcome", FieldType::Object("Outcomes")),
        Field::new("event", FieldType::Text).nullable(),
        Field::new("state", FieldType::Enumeration).values(STATES),
        Field::new("matched", FieldType::Integer),
        Field::new("more", FieldType::Boolean),
        Field::new("redelivered", FieldType::Integer),
        Field::new("created_at", FieldType::Time),
        Field::new("finished_at", FieldType::Time).nullable(),
    ],
    sort: ("created_at", true),
};

/// A job as JSON. `webhook` is the webhook's name and whether it is disabled, if it still exists.
pub(crate) fn view<'a>(
    job: &RedeliveryJob,
    webhook: Option<(&str, bool)>,
    selection: &'a Selection,
    settings: &CoreSettings,
    zone: &TimeZone,
) -> Record<'a> {
    let RedeliveryJob { id, account: _, webhook: webhook_id, wanted, run: _, created_at, matched, more, progress } =
        job;
    let RedeliveryFilter { since, until, outcomes, event } = wanted;
    let JobProgress { state, after: _, redelivered, finished_at } = progress;
    let (name, disabled) = webhook.unwrap_or(("", false));
    let outcomes: Vec<&str> = outcomes.iter().map(|outcome| outcome.as_str()).collect();
    let mut record = Record::new(selection);
    record.put("id", id);
    record.put("webhook", Reference::webhook(settings, *webhook_id, name, disabled));
    record.put("since", since.map(|at| zone.format(at)));
    record.put("until", until.map(|at| zone.format(at)));
    record.put("outcome", outcomes);
    record.put("event", event.as_ref().map(EventName::as_str));
    record.put("state", state.as_str());
    record.put("matched", matched);
    record.put("more", more);
    record.put("redelivered", redelivered);
    record.put("created_at", zone.format(*created_at));
    record.put("finished_at", finished_at.map(|at| zone.format(at)));
    record
}

#[cfg(test)]
mod tests {
    use hookline_core::model::JobState;

    use super::*;

    #[test]
    fn the_document_lists_every_state() {
        assert_eq!(JobState::ALL.map(JobState::as_str), STATES);
    }
}
