//! A text that is the same for equal values: `enum`, `const` and `uniqueItems` compare it.

use crate::values::content_filter::FilterNode;

/// The text of a value. Keys are in order, and equal numbers are written alike.
pub(super) fn canonical(value: &FilterNode<'_>) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &FilterNode<'_>, text: &mut String) {
    match value {
        FilterNode::Number(_, Some(number)) => text.push_str(&number.canonical()),
        FilterNode::Array(elements) => {
            text.push('[');
            for element in elements {
                write(element, text);
                text.push(',');
            }
            text.push(']');
        }
        FilterNode::Object(fields) => {
            text.push('{');
            for (name, value) in fields {
                quoted(name, text);
                write(value, text);
                text.push(',');
            }
            text.push('}');
        }
        FilterNode::Text(value) => quoted(value, text),
        FilterNode::Null | FilterNode::Bool(_) | FilterNode::Number(_, None) => text.push_str(&value.to_string()),
    }
}

/// A text in quotation marks. Its own are doubled, so that no text can look like the end of another.
fn quoted(value: &str, text: &mut String) {
    text.push('"');
    text.push_str(&value.replace('"', "\"\""));
    text.push('"');
}
