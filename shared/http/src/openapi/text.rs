//! The text of a document.

use serde_json::Value;

/// Pretty JSON, with the members of each object in the order of their names.
pub(crate) fn text(mut document: Value) -> String {
    document.sort_all_objects();
    serde_json::to_string_pretty(&document).expect("a value always becomes JSON")
}
