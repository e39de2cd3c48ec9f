//! A conditional write, alone or as part of a transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use hookline_core::values::{Entropy as _, System};

use super::key::{Item, ItemKey};

/// What a write does.
#[derive(Debug, Clone)]
pub(in crate::store) enum WriteAction {
    /// Replaces an item.
    Put(Item),
    /// Changes attributes of an item, and creates it if necessary.
    Update(ItemKey, String),
    /// Deletes an item.
    Delete(ItemKey),
    /// Only checks the condition. Transactions only.
    Check(ItemKey),
}

/// A write with its condition. Expressions refer to attributes as `#attribute`, so that no name can be a reserved word.
#[derive(Debug, Clone)]
pub(in crate::store) struct Write {
    pub(in crate::store) action: WriteAction,
    pub(in crate::store) condition: Option<String>,
    pub(in crate::store) values: HashMap<String, AttributeValue>,
}

impl Write {
    fn new(action: WriteAction) -> Self {
        Self { action, condition: None, values: HashMap::new() }
    }

    pub(in crate::store) fn put(item: Item) -> Self {
        Self::new(WriteAction::Put(item))
    }

    pub(in crate::store) fn update(key: ItemKey, change: impl Into<String>) -> Self {
        Self::new(WriteAction::Update(key, change.into()))
    }

    pub(in crate::store) fn delete(key: ItemKey) -> Self {
        Self::new(WriteAction::Delete(key))
    }

    pub(in crate::store) fn check(key: ItemKey) -> Self {
        Self::new(WriteAction::Check(key))
    }

    pub(in crate::store) fn when(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }

    /// Only if there is no such item yet.
    pub(in crate::store) fn when_absent(self) -> Self {
        self.when("attribute_not_exists(#pk)")
    }

    /// Only if there is such an item.
    pub(in crate::store) fn when_present(self) -> Self {
        self.when("attribute_exists(#pk)")
    }

    /// Defines the value that the expressions call `:name`.
    pub(in crate::store) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(format!(":{name}"), value);
        self
    }

    /// The names of the attributes in the expressions.
    pub(in crate::store) fn names(&self) -> Option<HashMap<String, String>> {
        let change = match &self.action {
            WriteAction::Update(_, change) => change.as_str(),
            WriteAction::Put(_) | WriteAction::Delete(_) | WriteAction::Check(_) => "",
        };
        names([change, self.condition.as_deref().unwrap_or_default()])
    }

    /// The values of the expressions. `None` if there are none, since DynamoDB rejects an empty map.
    pub(in crate::store) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }

    /// The write as part of a transaction.
    pub(in crate::store) fn in_transaction(&self, table: &str) -> Result<TransactWriteItem, BuildError> {
        let back = ReturnValuesOnConditionCheckFailure::AllOld;
        let (names, values, condition) = (self.names(), self.values(), self.condition.clone());
        let builder = TransactWriteItem::builder();
        Ok(match &self.action {
            WriteAction::Put(item) => {
                let put = Put::builder().table_name(table).set_item(Some(item.clone()));
                let put = put.set_condition_expression(condition).set_expression_attribute_names(names);
                let put = put.set_expression_attribute_values(values).return_values_on_condition_check_failure(back);
                builder.put(put.build()?)
            }
            WriteAction::Update(key, change) => {
                let update = Update::builder().table_name(table).set_key(Some(key.item())).update_expression(change);
                let update = update.set_condition_expression(condition).set_expression_attribute_names(names);
                let update = update.set_expression_attribute_values(values);
                builder.update(update.return_values_on_condition_check_failure(back).build()?)
            }
            WriteAction::Delete(key) => {
                let delete = Delete::builder().table_name(table).set_key(Some(key.item()));
                let delete = delete.set_condition_expression(condition).set_expression_attribute_names(names);
                let delete = delete.set_expression_attribute_values(values);
                builder.delete(delete.return_values_on_condition_check_failure(back).build()?)
            }
            WriteAction::Check(key) => {
                let check = ConditionCheck::builder().table_name(table).set_key(Some(key.item()));
                let check = check.set_condition_expression(condition).set_expression_attribute_names(names);
                let check = check.set_expression_attribute_values(values);
                builder.condition_check(check.return_values_on_condition_check_failure(back).build()?)
            }
        }
        .build())
    }
}

/// The attributes that expressions name as `#attribute`. `None` if there are none, since DynamoDB rejects an empty map.
pub(in crate::store) fn names<'a>(expressions: impl IntoIterator<Item = &'a str>) -> Option<HashMap<String, String>> {
    let mut names = HashMap::new();
    for expression in expressions {
        for part in expression.split('#').skip(1) {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
            let name = &part[..end];
            names.insert(format!("#{name}"), name.to_owned());
        }
    }
    (!names.is_empty()).then_some(names)
}

/// A random text that identifies one call.
pub(in crate::store) fn nonce() -> String {
    let mut random = [0; 8];
    System.fill(&mut random);
    format!("{:016x}", u64::from_be_bytes(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_in_expressions() {
        let found = names(["SET #last_error = :e ADD #failures :one", "attribute_exists(#pk)"]).unwrap();
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort();
        let expected = [("#failures", "failures"), ("#last_error", "last_error"), ("#pk", "pk")];
        assert_eq!(found, expected.map(|(place, name)| (place.to_owned(), name.to_owned())));
        assert_eq!(names([""]), None);
    }
}
