//! Lists: filters, sorts, pages and cursors, free of any store's language (section 2, *Pagination* and *Filters*).

use std::cmp::Ordering;

use jiff::Timestamp;

/// A value to compare with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldValue {
    /// An integer.
    Int(i64),
    /// A text, compared case-sensitively unless the field says otherwise.
    Text(String),
    /// A boolean.
    Bool(bool),
    /// A time.
    Time(Timestamp),
}

/// What a filter asks of its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// `f=a` or `f=a,b`.
    OneOf(Vec<FieldValue>),
    /// `f=!a` or `f=!a,b`.
    NoneOf(Vec<FieldValue>),
    /// `f=`: null or the empty text.
    Empty,
    /// `f=!`.
    Present,
    /// `f=<v`, `f=>=a<=b` and the like.
    Between {
        /// The lower bound, and whether it belongs to the range.
        lower: Option<(FieldValue, bool)>,
        /// The upper bound, and whether it belongs to the range.
        upper: Option<(FieldValue, bool)>,
    },
}

impl Condition {
    /// Whether a value meets the condition. Null does only if the condition asks for it.
    #[must_use]
    pub fn is_met_by(&self, value: Option<&FieldValue>, ignore_case: bool) -> bool {
        let folded = |value: &FieldValue| match value {
            FieldValue::Text(text) if ignore_case => FieldValue::Text(text.to_ascii_lowercase()),
            FieldValue::Int(_) | FieldValue::Text(_) | FieldValue::Bool(_) | FieldValue::Time(_) => value.clone(),
        };
        let value = value.map(folded);
        let is_empty = value.as_ref().is_none_or(|value| matches!(value, FieldValue::Text(text) if text.is_empty()));
        match self {
            Condition::OneOf(values) => value.is_some_and(|value| values.iter().any(|other| folded(other) == value)),
            Condition::NoneOf(values) => !value.is_some_and(|value| values.iter().any(|other| folded(other) == value)),
            Condition::Empty => is_empty,
            Condition::Present => !is_empty,
            Condition::Between { lower, upper } => value.is_some_and(|value| {
                let above = lower.as_ref().is_none_or(|(bound, inclusive)| match value.cmp(&folded(bound)) {
                    Ordering::Less => false,
                    Ordering::Equal => *inclusive,
                    Ordering::Greater => true,
                });
                let below = upper.as_ref().is_none_or(|(bound, inclusive)| match value.cmp(&folded(bound)) {
                    Ordering::Less => true,
                    Ordering::Equal => *inclusive,
                    Ordering::Greater => false,
                });
                above && below
            }),
        }
    }
}

/// One condition; all conditions of a query must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The field, as the API names it; always one that the resource allows.
    pub field: &'static str,
    /// What is asked of it.
    pub test: Condition,
    /// Texts are compared without regard to case.
    pub ignore_case: bool,
}

/// One sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// The field, as the API names it; always one that the resource allows.
    pub field: &'static str,
    /// Largest first.
    pub descending: bool,
}

/// A place in a sorted list, just after (or before) a record. Ties are broken by id, in the direction of the last sort
/// key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// How many records came before the one after the cursor, when it was made: for page numbers only.
    pub offset: u64,
    /// The record's values of the query's sort keys, in their order; `None` stands for null, which sorts first.
    pub values: Vec<Option<FieldValue>>,
    /// The record's id.
    pub id: u64,
}

/// Where the wanted part of the list begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// At this page, from 1.
    Page(u64),
    /// Just after a record.
    After(Cursor),
    /// The part that ends just before a record.
    Before(Cursor),
}

/// A question to a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// The conditions.
    pub filters: Vec<Filter>,
    /// The sort keys; never empty. `id` breaks ties.
    pub sort: Vec<Sort>,
    /// Where to begin.
    pub position: Position,
    /// How many records: 1 to 100.
    pub per_page: u32,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The records, in order.
    pub items: Vec<T>,
    /// How many records the filters let through in all.
    pub total: u64,
    /// How many of those come before the first of `items`. It may be an estimate, but MUST be 0 exactly when none does,
    /// and reach `total` together with `items` exactly when none follows: a walk ends by it.
    pub offset: u64,
}
