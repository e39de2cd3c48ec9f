//! The fields that a record shows, and the record as JSON (section 2, *Output types* and *Field choice*).

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::fields::{ListVisibility, Resource};
use super::parameters::QueryParameters;
use crate::response::ApiError;

/// The fields to show.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    fields: Vec<(&'static str, ListVisibility)>,
}

impl Selection {
    /// The fields of a single record: those that the query names, else all but extensions.
    pub(crate) fn of_record(resource: &Resource, parameters: &QueryParameters) -> Result<Self, ApiError> {
        Self::new(resource, parameters, false)
    }

    /// The fields of the records of a list: those that the query names, else the resource's default fields.
    pub(crate) fn of_list(resource: &Resource, parameters: &QueryParameters) -> Result<Self, ApiError> {
        Self::new(resource, parameters, true)
    }

    fn new(resource: &Resource, parameters: &QueryParameters, list: bool) -> Result<Self, ApiError> {
        let named = parameters.last("fields").unwrap_or_default();
        let named: Vec<&str> = named.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let unknown: Vec<&str> = named.iter().copied().filter(|name| resource.field(name).is_none()).collect();
        if !unknown.is_empty() {
            return Err(ApiError::BadRequest(format!("Unknown fields: {}", unknown.join(", "))));
        }
        let fields = resource.fields.iter();
        let fields = fields.filter_map(|field| {
            let when = if !named.is_empty() {
                let wanted = named.contains(&field.name) || matches!(field.name, "id" | "nodeID");
                if wanted { ListVisibility::Yes } else { ListVisibility::No }
            } else if list {
                field.listed
            } else if field.extension {
                ListVisibility::No
            } else {
                ListVisibility::Yes
            };
            (when != ListVisibility::No).then_some((field.name, when))
        });
        Ok(Self { fields: fields.collect() })
    }

    /// True if the field is shown.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| *field == name)
    }
}

/// A record as JSON: the selected fields, in the resource's order.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    selection: &'a Selection,
    values: Vec<(&'static str, Box<RawValue>)>,
}

impl<'a> Record<'a> {
    /// An empty record.
    pub(crate) fn new(selection: &'a Selection) -> Self {
        Self { selection, values: Vec::with_capacity(selection.fields.len()) }
    }

    /// Adds a field, if it is selected.
    pub(crate) fn put(&mut self, name: &'static str, value: impl Serialize) {
        let Some((_, when)) = self.selection.fields.iter().find(|(field, _)| *field == name) else { return };
        let json = to_raw_value(&value).expect("views have text keys and finite numbers");
        if *when == ListVisibility::WhenSet && matches!(json.get(), "null" | "false") {
            return;
        }
        self.values.push((name, json));
    }

    /// Adds a field even if it is not selected, because no other response shows it.
    pub(crate) fn always(&mut self, name: &'static str, value: impl Serialize) {
        let json = to_raw_value(&value).expect("views have text keys and finite numbers");
        self.values.push((name, json));
    }
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len()))?;
        for (name, value) in &self.values {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::{Field, FieldType};

    static THING: Resource = Resource {
        name: "Thing",
        fields: &[
            Field::new("id", FieldType::Integer).listed(),
            Field::new("name", FieldType::Text).listed(),
            Field::new("disabled", FieldType::Boolean).listed_when_set(),
            Field::new("description", FieldType::Text),
            Field::new("verified", FieldType::Boolean).extension(),
            Field::new("nodeID", FieldType::Text).listed(),
        ],
        sort: ("id", false),
    };

    fn shown(query: &str, list: bool, disabled: bool) -> Result<String, String> {
        let selection = Selection::new(&THING, &QueryParameters::parse(query), list).map_err(|refusal| {
            assert_eq!(refusal.status().as_u16(), 400);
            format!("{refusal:?}")
        })?;
        let mut record = Record::new(&selection);
        record.put("id", 1);
        record.put("name", "n");
        record.put("disabled", disabled);
        record.put("description", None::<&str>);
        record.put("verified", true);
        record.put("nodeID", "x");
        Ok(serde_json::to_string(&record).unwrap())
    }

    #[test]
    fn fields() {
        assert_eq!(shown("", true, false).unwrap(), r#"{"id":1,"name":"n","nodeID":"x"}"#);
        assert_eq!(shown("fields=", true, true).unwrap(), r#"{"id":1,"name":"n","disabled":true,"nodeID":"x"}"#);
        assert_eq!(
            shown("", false, false).unwrap(),
            r#"{"id":1,"name":"n","disabled":false,"description":null,"nodeID":"x"}"#
        );
        assert_eq!(
            shown("fields=verified,+disabled", true, false).unwrap(),
            r#"{"id":1,"disabled":false,"verified":true,"nodeID":"x"}"#
        );
        assert!(shown("fields=id,nope,name,nah", false, false).unwrap_err().contains("Unknown fields: nope, nah"));
    }
}
