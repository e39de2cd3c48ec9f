//! Items and their primary keys.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// An item in the type of the SDK.
pub(in crate::store) type Item = HashMap<String, AttributeValue>;

/// A primary key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::store) struct ItemKey {
    pub(in crate::store) pk: String,
    pub(in crate::store) sk: String,
}

impl ItemKey {
    pub(in crate::store) fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    /// The key in the type of the SDK.
    pub(in crate::store) fn item(&self) -> Item {
        Item::from([
            ("pk".to_owned(), AttributeValue::S(self.pk.clone())),
            ("sk".to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }
}
