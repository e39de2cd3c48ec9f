//! Resources as tables of fields.

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldType {
    /// An integer.
    Integer,
    /// A number with decimals.
    Number,
    /// A string.
    Text,
    /// A string out of a set; filters take several of them.
    Enumeration,
    /// A boolean.
    Boolean,
    /// A time.
    Time,
    /// A UUID.
    Uuid,
    /// A value with its own schema, of this name.
    Object(&'static str),
}

/// When a list shows a field that the query does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListVisibility {
    /// Never.
    No,
    /// Always.
    Yes,
    /// When it is true or not null.
    WhenSet,
}

/// A field of a resource.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: FieldType,
    pub(crate) nullable: bool,
    pub(crate) filterable: bool,
    pub(crate) sortable: bool,
    /// Filters ignore case.
    pub(crate) ignore_case: bool,
    pub(crate) listed: ListVisibility,
    /// It is shown only when the query names it.
    pub(crate) extension: bool,
    /// All values of an enumeration; empty if it is open.
    pub(crate) values: &'static [&'static str],
}

impl Field {
    /// A field that single records show.
    pub(crate) const fn new(name: &'static str, kind: FieldType) -> Self {
        Self {
            name,
            kind,
            nullable: false,
            filterable: false,
            sortable: false,
            ignore_case: false,
            listed: ListVisibility::No,
            extension: false,
            values: &[],
        }
    }

    /// It may be null.
    pub(crate) const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// Lists can be filtered by it.
    pub(crate) const fn filterable(self) -> Self {
        Self { filterable: true, ..self }
    }

    /// Lists can be filtered by it, ignoring case.
    pub(crate) const fn filterable_in_any_case(self) -> Self {
        Self { filterable: true, ignore_case: true, ..self }
    }

    /// Lists can be filtered and sorted by it.
    pub(crate) const fn sortable(self) -> Self {
        Self { filterable: true, sortable: true, ..self }
    }

    /// Lists show it.
    pub(crate) const fn listed(self) -> Self {
        Self { listed: ListVisibility::Yes, ..self }
    }

    /// Lists show it when it is true or not null.
    pub(crate) const fn listed_when_set(self) -> Self {
        Self { listed: ListVisibility::WhenSet, ..self }
    }

    /// It is shown only when the query names it.
    pub(crate) const fn extension(self) -> Self {
        Self { extension: true, ..self }
    }

    /// It has one of these values.
    pub(crate) const fn values(self, values: &'static [&'static str]) -> Self {
        Self { values, ..self }
    }
}

/// A kind of record, as a table of its fields.
#[derive(Debug)]
pub(crate) struct Resource {
    /// Its name in the OpenAPI document.
    pub(crate) name: &'static str,
    /// Its fields, in the order in which records show them.
    pub(crate) fields: &'static [Field],
    /// The default order of its lists: a field, and whether it is descending.
    pub(crate) sort: (&'static str, bool),
}

impl Resource {
    /// The field of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}
