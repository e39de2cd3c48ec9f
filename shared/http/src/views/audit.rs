//! Entries of the audit trail (sections 3 and 7).

use hookline_core::model::{AuditEntry, StoredAuditEntry};
use hookline_core::settings::CoreSettings;
use hookline_core::values::{FieldValue, TimeZone};

use super::reference::Reference;
use crate::listing::{Field, FieldType, Record, Resource, Selection};

/// The actions, for the OpenAPI document.
const ACTIONS: &[&str] = &["create", "update", "destroy", "read"];

/// The fields of an audit entry.
pub(crate) static AUDIT_ENTRY: Resource = Resource {
    name: "AuditEntry",
    fields: &[
        Field::new("id", FieldType::Integer).sortable().listed(),
        Field::new("action", FieldType::Enumeration).values(ACTIONS).filterable().listed(),
        Field::new("created_at", FieldType::Time).sortable().listed(),
        Field::new("created_by", FieldType::Object("Reference")).nullable().listed(),
        Field::new("changes", FieldType::Object("Changes")).listed(),
        // A field of the original, which has no meaning here.
        Field::new("user", FieldType::Object("Reference")).nullable().extension(),
    ],
    sort: ("id", true),
};

/// An entry as JSON. An entry without a person was made by the service.
pub(crate) fn view<'a>(
    audited: &StoredAuditEntry,
    selection: &'a Selection,
    settings: &CoreSettings,
    zone: &TimeZone,
) -> Record<'a> {
    let StoredAuditEntry { id, entry } = audited;
    let AuditEntry { account: _, subject: _, action, at, by, changes } = entry;
    let mut record = Record::new(selection);
    record.put("id", id);
    record.put("action", action.as_str());
    record.put("created_at", zone.format(*at));
    record.put("created_by", by.as_ref().map(|person| Reference::person(settings, person)));
    record.put("changes", changes);
    record.put("user", ());
    record
}

/// An entry's value for a sort key.
pub(crate) fn sort_value(audited: &StoredAuditEntry, field: &str) -> Option<FieldValue> {
    match field {
        "id" => i64::try_from(audited.id).ok().map(FieldValue::Int),
        "created_at" => Some(FieldValue::Time(audited.entry.at)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hookline_core::model::AuditAction;

    use super::*;

    #[test]
    fn the_document_lists_every_action() {
        assert_eq!(AuditAction::ALL.map(AuditAction::as_str), ACTIONS);
    }
}
