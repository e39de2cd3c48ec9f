//! Resources as tables of fields: what their records show, and what their lists can be filtered and sorted by.

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An integer.
    Integer,
    /// A number with decimals.
    Number,
    /// A text.
    Text,
    /// A text out of a set that can be named whole.
    Enumeration,
    /// A boolean.
    Boolean,
    /// A time.
    Time,
    /// A UUID.
    Uuid,
    /// Something with a schema of its own.
    Object(&'static str),
}

/// When a list shows a field that nobody named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listed {
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
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
    pub(crate) filterable: bool,
    pub(crate) sortable: bool,
    /// Filters compare without regard to case.
    pub(crate) ignore_case: bool,
    pub(crate) listed: Listed,
    /// Shown only when named.
    pub(crate) extension: bool,
    /// Values of an enumeration that is closed.
    pub(crate) values: &'static [&'static str],
}

impl Field {
    /// A field that is shown on single records.
    pub(crate) const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            nullable: false,
            filterable: false,
            sortable: false,
            ignore_case: false,
            listed: Listed::No,
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

    /// Lists can be filtered by it, without regard to case.
    pub(crate) const fn filterable_in_any_case(self) -> Self {
        Self { filterable: true, ignore_case: true, ..self }
    }

    /// Lists can be filtered and sorted by it.
    pub(crate) const fn sortable(self) -> Self {
        Self { filterable: true, sortable: true, ..self }
    }

    /// Lists show it.
    pub(crate) const fn listed(self) -> Self {
        Self { listed: Listed::Yes, ..self }
    }

    /// Lists show it when it is true or not null.
    pub(crate) const fn listed_when_set(self) -> Self {
        Self { listed: Listed::WhenSet, ..self }
    }

    /// It is shown only when it is named.
    pub(crate) const fn extension(self) -> Self {
        Self { extension: true, ..self }
    }

    /// It has one of these values.
    pub(crate) const fn values(self, values: &'static [&'static str]) -> Self {
        Self { values, ..self }
    }
}

/// A resource: what its records are made of.
#[derive(Debug)]
pub(crate) struct Resource {
    /// Its name in the OpenAPI document.
    pub(crate) name: &'static str,
    /// Its fields, in the order in which records show them.
    pub(crate) fields: &'static [Field],
    /// How its lists are sorted when nobody says: a field, and whether largest first.
    pub(crate) sort: (&'static str, bool),
}

impl Resource {
    /// The field of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}
