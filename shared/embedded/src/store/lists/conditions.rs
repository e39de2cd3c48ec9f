//! Filters of lists as SQL conditions with bound parameters. Column names come from tables in the code.

use hookline_core::values::{Condition, FieldValue};
use rusqlite::types::Value as Sql;

use crate::store::rows::values::millis;

/// A `WHERE` clause: conditions joined by `AND`, and their parameters in order.
#[derive(Debug, Default)]
pub(crate) struct WhereClause {
    pub(crate) sql: String,
    pub(crate) values: Vec<Sql>,
}

impl WhereClause {
    /// Adds a condition; its parameters are written as `?`.
    pub(crate) fn and(&mut self, sql: &str, values: impl IntoIterator<Item = Sql>) {
        if !self.sql.is_empty() {
            self.sql.push_str(" AND ");
        }
        self.sql.push('(');
        self.sql.push_str(sql);
        self.sql.push(')');
        self.values.extend(values);
    }

    /// Adds a filter on a column. `convert` gives the stored form of a value; `None` stands for a value that no record
    /// has.
    pub(crate) fn ask(
        &mut self,
        column: &str,
        test: &Condition,
        ignore_case: bool,
        convert: &dyn Fn(&FieldValue) -> Option<Sql>,
    ) {
        let (column, place) =
            if ignore_case { (format!("lower({column})"), "lower(?)") } else { (column.to_owned(), "?") };
        match test {
            Condition::OneOf(values) => {
                let values: Vec<Sql> = values.iter().filter_map(convert).collect();
                let places = vec![place; values.len()].join(", ");
                self.and(&format!("{column} IN ({places})"), values);
            }
            Condition::NoneOf(values) => {
                let values: Vec<Sql> = values.iter().filter_map(convert).collect();
                let places = vec![place; values.len()].join(", ");
                self.and(&format!("{column} IS NULL OR {column} NOT IN ({places})"), values);
            }
            Condition::Empty => self.and(&format!("{column} IS NULL OR {column} = ''"), []),
            Condition::Present => self.and(&format!("{column} IS NOT NULL AND {column} <> ''"), []),
            Condition::Between { lower, upper } => {
                for (bound, inside, outside) in [(lower, ">=", ">"), (upper, "<=", "<")] {
                    let Some((value, inclusive)) = bound else { continue };
                    let operator = if *inclusive { inside } else { outside };
                    match convert(value) {
                        Some(value) => self.and(&format!("{column} {operator} {place}"), [value]),
                        None => self.and("0", []),
                    }
                }
            }
        }
    }
}

/// The stored form of most values.
pub(crate) fn plain(value: &FieldValue) -> Sql {
    match value {
        FieldValue::Int(number) => Sql::Integer(*number),
        FieldValue::Text(text) => Sql::Text(text.clone()),
        FieldValue::Bool(flag) => Sql::Integer(i64::from(*flag)),
        FieldValue::Time(at) => Sql::Integer(millis(*at)),
    }
}
