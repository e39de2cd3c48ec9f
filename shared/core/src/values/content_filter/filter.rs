//! A filter and its text.

use std::fmt;

use super::document::Document;
use super::matching::{self, FilterMismatch};
use super::pattern::{self, FilterError, FilterGroup};

/// A content filter: at most 4 KiB of JSON, 50 conditions, and 16 levels.
#[derive(Clone)]
pub struct ContentFilter {
    text: String,
    root: FilterGroup,
}

impl ContentFilter {
    /// Reads a filter from its JSON text.
    ///
    /// # Errors
    /// The text is not a filter. The error names the place and what would be right.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        Ok(Self { text: text.to_owned(), root: pattern::parse(text)? })
    }

    /// The filter as its JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True if the filter matches the document. Takes at most 50 times as many steps as both have bytes, and adds them to
    /// `steps`.
    #[must_use]
    pub fn matches(&self, document: &Document<'_>, steps: &mut usize) -> bool {
        matching::matches(&self.root, document, steps)
    }

    /// The first condition that the document does not meet, and the value there; `None` if the filter matches.
    #[must_use]
    pub fn mismatch(&self, document: &Document<'_>) -> Option<FilterMismatch> {
        matching::mismatch(&self.root, document)
    }
}

impl fmt::Debug for ContentFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for ContentFilter {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for ContentFilter {}

impl serde::Serialize for ContentFilter {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> serde::Deserialize<'de> for ContentFilter {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
