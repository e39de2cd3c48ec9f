//! Reads the text of a filter.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::condition::{self, FilterCondition};
use super::document::{FilterNode, read};

/// The longest text of a filter, in bytes.
const MAX_TEXT: usize = 4096;
/// How many conditions a filter has at most; each value of an `anything-but` counts.
const MAX_CONDITIONS: usize = 50;
/// How many objects contain each other at most.
const MAX_DEPTH: usize = 16;

/// Why a text is not a content filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", place(.path))]
pub struct FilterError {
    /// The fields on the way to the fault; empty for the filter as a whole.
    pub path: Vec<String>,
    /// What is wrong there.
    pub reason: String,
}

fn place(path: &[String]) -> String {
    if path.is_empty() { String::new() } else { format!("at {}: ", path.join(".")) }
}

/// Fields of an object that must all match.
#[derive(Debug, Clone)]
pub(super) struct FilterGroup {
    pub(super) fields: BTreeMap<String, FieldPattern>,
    /// The groups of `$or`, one of which must match, if there are any.
    pub(super) alternatives: Vec<FilterGroup>,
    /// It matches where there is no object at all.
    pub(super) allows_absent: bool,
}

/// What a field must be.
#[derive(Debug, Clone)]
pub(super) enum FieldPattern {
    Object(FilterGroup),
    /// Any of these, with their text.
    AnyOf(Vec<FilterCondition>, String),
}

impl FieldPattern {
    pub(super) fn allows_absent(&self) -> bool {
        match self {
            Self::Object(group) => group.allows_absent,
            Self::AnyOf(conditions, _) => conditions.iter().any(FilterCondition::allows_absent),
        }
    }
}

/// Where the reader is, and how much it has read.
struct FilterPlace {
    path: Vec<String>,
    conditions: usize,
}

pub(super) fn parse(text: &str) -> Result<FilterGroup, FilterError> {
    let mut place = FilterPlace { path: Vec::new(), conditions: 0 };
    if text.len() > MAX_TEXT {
        return Err(place.error(format!("is too long (maximum is {MAX_TEXT} bytes)")));
    }
    let json: &RawValue =
        serde_json::from_str(text).map_err(|error| place.error(format!("is not valid JSON: {error}")))?;
    place.group(&read(json))
}

impl FilterPlace {
    fn error(&self, reason: impl Into<String>) -> FilterError {
        FilterError { path: self.path.clone(), reason: reason.into() }
    }

    fn group(&mut self, node: &FilterNode<'_>) -> Result<FilterGroup, FilterError> {
        let FilterNode::Object(nodes) = node else { return Err(self.error("must be an object of fields")) };
        if nodes.is_empty() {
            return Err(self.error("must name at least one field"));
        }
        let (mut fields, mut alternatives) = (BTreeMap::new(), Vec::new());
        for (name, node) in nodes {
            self.path.push(name.clone().into_owned());
            if self.path.len() > MAX_DEPTH {
                return Err(self.error(format!("is nested too deeply (maximum is {MAX_DEPTH} levels)")));
            }
            if name == "$or" {
                alternatives = self.alternatives(node)?;
            } else {
                fields.insert(name.clone().into_owned(), self.field(node)?);
            }
            self.path.pop();
        }
        let allows_absent = fields.values().all(FieldPattern::allows_absent)
            && (alternatives.is_empty() || alternatives.iter().any(|group| group.allows_absent));
        Ok(FilterGroup { fields, alternatives, allows_absent })
    }

    fn alternatives(&mut self, node: &FilterNode<'_>) -> Result<Vec<FilterGroup>, FilterError> {
        match node {
            FilterNode::Array(groups) if !groups.is_empty() => groups.iter().map(|group| self.group(group)).collect(),
            _ => Err(self.error("must be a list of objects, one of which has to match")),
        }
    }

    fn field(&mut self, node: &FilterNode<'_>) -> Result<FieldPattern, FilterError> {
        match node {
            FilterNode::Object(_) => self.group(node).map(FieldPattern::Object),
            FilterNode::Array(nodes) if !nodes.is_empty() => {
                let read = nodes.iter().map(|node| condition::read(node).map_err(|reason| self.error(reason)));
                let conditions = read.collect::<Result<Vec<_>, _>>()?;
                self.conditions += conditions.iter().map(FilterCondition::count).sum::<usize>();
                if self.conditions > MAX_CONDITIONS {
                    return Err(self.error(format!("is one condition too many (maximum is {MAX_CONDITIONS})")));
                }
                Ok(FieldPattern::AnyOf(conditions, node.to_string()))
            }
            FilterNode::Array(_) => Err(self.error("must list at least one condition")),
            FilterNode::Null | FilterNode::Bool(_) | FilterNode::Number(..) | FilterNode::Text(_) => {
                Err(self.error(format!("must be a list of conditions, such as [{node}]")))
            }
        }
    }
}
