//! The keywords of a schema, as they are checked.

use std::collections::{BTreeMap, BTreeSet};

use super::pattern::LinearPattern;
use crate::values::content_filter::{Decimal, FilterNode};

/// A schema among those of its document, by number.
pub(super) type SchemaId = usize;

/// The seven types, in the order of their bits.
pub(super) const TYPES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];

/// A set of types, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TypeSet(pub(super) u8);

impl TypeSet {
    /// True if a value has one of the types.
    pub(super) fn has(self, value: &FilterNode<'_>) -> bool {
        let types = match value {
            FilterNode::Null => 1,
            FilterNode::Bool(_) => 2,
            FilterNode::Number(_, Some(number)) if number.is_integer() => 4 | 8,
            FilterNode::Number(..) => 8,
            FilterNode::Text(_) => 16,
            FilterNode::Array(_) => 32,
            FilterNode::Object(_) => 64,
        };
        self.0 & types != 0
    }
}

impl std::fmt::Display for TypeSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named = TYPES.iter().enumerate().filter(|(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| *name);
        f.write_str(&named.collect::<Vec<_>>().join(" or "))
    }
}

/// A bound of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Least,
    MoreThan,
    Most,
    LessThan,
}

/// What is counted: characters, elements or properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    Characters,
    Items,
    Properties,
}

/// A keyword, or several that work together.
#[derive(Debug)]
pub(super) enum Keyword {
    /// The schema `false`.
    Never,
    Type(TypeSet),
    /// `enum` and `const`: the canonical texts.
    OneOfValues(BTreeSet<String>),
    Number(Bound, Decimal, String),
    MultipleOf(Decimal, String),
    AtLeast(Counted, usize),
    AtMost(Counted, usize),
    Pattern(LinearPattern),
    UniqueItems,
    /// `required`, and the same if a property is there.
    Required(Option<String>, Vec<String>),
    PropertyNames(SchemaId),
    Properties(PropertySchemas),
    /// `prefixItems` and `items`.
    Items(Vec<SchemaId>, Option<SchemaId>),
    Contains {
        schema: SchemaId,
        least: usize,
        most: Option<usize>,
    },
    /// `allOf`, `$ref`.
    AllOf(Vec<SchemaId>),
    AnyOf(Vec<SchemaId>),
    OneOf(Vec<SchemaId>),
    Not(SchemaId),
    /// `if`, `then`, `else`.
    If(SchemaId, Option<SchemaId>, Option<SchemaId>),
    DependentSchema(String, SchemaId),
    UnevaluatedProperties(SchemaId),
    UnevaluatedItems(SchemaId),
}

/// `properties`, `patternProperties` and `additionalProperties`.
#[derive(Debug, Default)]
pub(super) struct PropertySchemas {
    pub(super) named: BTreeMap<String, SchemaId>,
    pub(super) patterns: Vec<(LinearPattern, SchemaId)>,
    pub(super) additional: Option<SchemaId>,
}

impl Keyword {
    /// In which order keywords are checked: the type first, and last what the others left over.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Never | Self::Type(_) => 0,
            Self::UnevaluatedProperties(_) | Self::UnevaluatedItems(_) => 2,
            _ => 1,
        }
    }

    /// The schemas that are applied to the same value.
    pub(super) fn in_place(&self) -> Vec<SchemaId> {
        match self {
            Self::AllOf(all) | Self::AnyOf(all) | Self::OneOf(all) => all.clone(),
            Self::Not(one) | Self::DependentSchema(_, one) => vec![*one],
            Self::If(one, then, otherwise) => [Some(*one), *then, *otherwise].into_iter().flatten().collect(),
            _ => Vec::new(),
        }
    }
}
