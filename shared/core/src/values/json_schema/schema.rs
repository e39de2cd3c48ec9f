//! A schema and its text.

use serde_json::value::RawValue;

use super::check::{self, SchemaMismatch};
use super::keyword::Keyword;
use super::reader::{self, SchemaError};

/// A schema: at most 64 KiB of JSON, 2,000 schemas in each other, 64 levels and 50 patterns.
#[derive(Debug)]
pub struct JsonSchema {
    /// The keywords of each schema of the document; the first is the document itself.
    schemas: Vec<Vec<Keyword>>,
    /// The length of the text in bytes.
    length: usize,
}

impl JsonSchema {
    /// Reads a schema from its JSON text.
    ///
    /// # Errors
    /// The text is not a schema that can be checked in bounded time. The error names the place.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        Ok(Self { schemas: reader::read_schema(text)?, length: text.len() })
    }

    /// Checks a value. Takes at most 50 times as many steps as the value has bytes, and 4 for each byte of the schema.
    ///
    /// # Errors
    /// The first place where the value does not fit.
    pub fn check(&self, json: &RawValue) -> Result<(), SchemaMismatch> {
        check::check(&self.schemas, self.length, json)
    }

    /// About how many bytes of memory it takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let patterns = self.schemas.iter().flatten().filter(|keyword| match keyword {
            Keyword::Pattern(_) => true,
            Keyword::Properties(properties) => !properties.patterns.is_empty(),
            _ => false,
        });
        4 * self.length + 256 * self.schemas.len() + 65_536 * patterns.count()
    }
}
