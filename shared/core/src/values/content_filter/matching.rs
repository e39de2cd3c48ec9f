//! Whether a filter matches a document, and if not, why.

use super::condition::FilterCondition;
use super::document::{Document, FilterNode};
use super::pattern::{FieldPattern, FilterGroup};

/// How many characters of a value a mismatch shows.
const MAX_SHOWN: usize = 200;

/// A condition that a document does not meet.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FilterMismatch {
    /// The field, with the names of the objects around it, parted by dots.
    pub field: String,
    /// The conditions of the filter, of which none was met, as JSON.
    pub expected: String,
    /// The value, as JSON, cut after 200 characters; `None` if the field is absent or no leaf.
    pub found: Option<String>,
}

pub(super) fn matches(root: &FilterGroup, document: &Document<'_>, steps: &mut usize) -> bool {
    group_matches(root, Some(&document.0), steps)
}

/// True if the value is an object that matches, or an array with such an object.
fn group_matches(group: &FilterGroup, value: Option<&FilterNode<'_>>, steps: &mut usize) -> bool {
    *steps += 1;
    let fields = match value {
        Some(FilterNode::Object(fields)) => fields,
        Some(FilterNode::Array(elements)) if elements.iter().any(is_object) => {
            let mut objects = elements.iter().filter(|element| is_object(element));
            return objects.any(|object| group_matches(group, Some(object), steps));
        }
        Some(
            FilterNode::Null
            | FilterNode::Bool(_)
            | FilterNode::Number(..)
            | FilterNode::Text(_)
            | FilterNode::Array(_),
        )
        | None => {
            return group.allows_absent;
        }
    };
    group.fields.iter().all(|(name, pattern)| field_matches(pattern, fields.get(name.as_str()), steps))
        && (group.alternatives.is_empty()
            || group.alternatives.iter().any(|alternative| group_matches(alternative, value, steps)))
}

fn field_matches(pattern: &FieldPattern, value: Option<&FilterNode<'_>>, steps: &mut usize) -> bool {
    *steps += 1;
    match pattern {
        FieldPattern::Object(group) => group_matches(group, value, steps),
        FieldPattern::AnyOf(conditions, _) => match value {
            Some(value) if has_leaf(value) => any_met(conditions, value, steps),
            Some(_) | None => pattern.allows_absent(),
        },
    }
}

/// True if the value, or an element of it, meets one of the conditions.
fn any_met(conditions: &[FilterCondition], value: &FilterNode<'_>, steps: &mut usize) -> bool {
    *steps += 1;
    match value {
        FilterNode::Array(elements) => elements.iter().any(|element| any_met(conditions, element, steps)),
        FilterNode::Object(_) => false,
        FilterNode::Null | FilterNode::Bool(_) | FilterNode::Number(..) | FilterNode::Text(_) => {
            conditions.iter().any(|condition| condition.meets(value, steps))
        }
    }
}

/// True for a value that is no object, and for an array with such an element.
fn has_leaf(value: &FilterNode<'_>) -> bool {
    match value {
        FilterNode::Array(elements) => !elements.iter().all(is_object),
        FilterNode::Object(_) => false,
        FilterNode::Null | FilterNode::Bool(_) | FilterNode::Number(..) | FilterNode::Text(_) => true,
    }
}

/// Arrays have no arrays as elements: the document's reader flattens them.
fn is_object(element: &FilterNode<'_>) -> bool {
    matches!(element, FilterNode::Object(_))
}

pub(super) fn mismatch(root: &FilterGroup, document: &Document<'_>) -> Option<FilterMismatch> {
    group_mismatch(root, Some(&document.0), &mut Vec::new())
}

fn group_mismatch<'g>(
    group: &'g FilterGroup,
    value: Option<&FilterNode<'_>>,
    path: &mut Vec<&'g str>,
) -> Option<FilterMismatch> {
    if group_matches(group, value, &mut 0) {
        return None;
    }
    // Of the objects in an array, the first one says why.
    let object = match value {
        Some(FilterNode::Array(elements)) => elements.iter().find(|element| is_object(element)),
        other => other,
    };
    let field_of = |name: &str| match object {
        Some(FilterNode::Object(fields)) => fields.get(name),
        _ => None,
    };
    for (name, pattern) in &group.fields {
        let value = field_of(name);
        if field_matches(pattern, value, &mut 0) {
            continue;
        }
        path.push(name);
        return match pattern {
            FieldPattern::Object(group) => group_mismatch(group, value, path),
            FieldPattern::AnyOf(_, text) => {
                let found = value.filter(|value| has_leaf(value)).map(shown);
                Some(FilterMismatch { field: path.join("."), expected: text.clone(), found })
            }
        };
    }
    group.alternatives.iter().find_map(|alternative| group_mismatch(alternative, object, path))
}

/// The beginning of a value as JSON.
fn shown(value: &FilterNode<'_>) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
