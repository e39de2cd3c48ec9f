//! The OpenAPI document.

/// The document as pretty JSON.
#[must_use]
pub fn openapi() -> String {
    "{}".to_owned()
}
