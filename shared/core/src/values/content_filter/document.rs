//! A JSON document as filters look at it.
//!
//! The reader takes text that a JSON parser has accepted. It exists beside that parser because a number must keep its
//! digits.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::decimal::Decimal;

/// How many arrays and objects may contain a value that filters and schemas can see. Filters themselves have 16 levels.
pub(in crate::values) const MAX_DEPTH: usize = 64;

/// A document that is parsed once for any number of filters.
#[derive(Debug)]
pub struct Document<'a>(pub(super) FilterNode<'a>);

/// A value of a document, of a filter or of a schema.
#[derive(Debug)]
pub(in crate::values) enum FilterNode<'a> {
    Null,
    Bool(bool),
    /// `None` if its exponent is outside ±999.
    Number(&'a str, Option<Decimal>),
    Text(Cow<'a, str>),
    Array(Vec<FilterNode<'a>>),
    /// Of duplicate keys, the last one counts.
    Object(BTreeMap<Cow<'a, str>, FilterNode<'a>>),
}

impl<'a> Document<'a> {
    /// Reads a document. A value that is no object has no fields.
    #[must_use]
    pub fn parse(json: &'a RawValue) -> Self {
        Self(FilterReader { rest: json.get(), depth: 0, flattens: true }.value())
    }

    /// An object made of documents.
    #[must_use]
    pub fn of(fields: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        Self(FilterNode::Object(fields.into_iter().map(|(name, Self(node))| (Cow::Borrowed(name), node)).collect()))
    }

    /// A text.
    #[must_use]
    pub fn text(text: &'a str) -> Self {
        Self(FilterNode::Text(Cow::Borrowed(text)))
    }

    /// A whole number in decimal digits, or null if there is none.
    #[must_use]
    pub fn number(digits: Option<&'a str>) -> Self {
        Self(digits.map_or(FilterNode::Null, |digits| FilterNode::Number(digits, Decimal::parse(digits))))
    }
}

/// Reads a tree with its arrays as they are: a filter, a schema, or what a schema is checked against.
pub(in crate::values) fn read(json: &RawValue) -> FilterNode<'_> {
    FilterReader { rest: json.get(), depth: 0, flattens: false }.value()
}

struct FilterReader<'a> {
    rest: &'a str,
    depth: usize,
    /// The elements of an array in an array become elements of the outer one: an array matches if any element does.
    flattens: bool,
}

impl<'a> FilterReader<'a> {
    /// Skips white space; the next byte, or 0 at the end.
    fn peek(&mut self) -> u8 {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.rest.as_bytes().first().copied().unwrap_or(0)
    }

    /// Takes so many bytes.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Takes the next byte if it is this one.
    fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == byte;
        if is_next {
            self.take(1);
        }
        is_next
    }

    fn value(&mut self) -> FilterNode<'a> {
        match self.peek() {
            b'{' | b'[' if self.depth == MAX_DEPTH => self.too_deep(),
            b'{' => self.object(),
            b'[' => self.array(),
            b'"' => FilterNode::Text(self.text()),
            b't' => self.literal("true", FilterNode::Bool(true)),
            b'f' => self.literal("false", FilterNode::Bool(false)),
            b'n' => self.literal("null", FilterNode::Null),
            _ => {
                let is_part = |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
                let length = self.rest.as_bytes().iter().take_while(|byte| is_part(byte)).count();
                let digits = self.take(length);
                FilterNode::Number(digits, Decimal::parse(digits))
            }
        }
    }

    fn literal(&mut self, word: &str, node: FilterNode<'a>) -> FilterNode<'a> {
        self.take(word.len());
        node
    }

    fn object(&mut self) -> FilterNode<'a> {
        let mut fields = BTreeMap::new();
        self.depth += 1;
        self.take(1);
        while self.peek() == b'"' {
            let name = self.text();
            self.skip(b':');
            fields.insert(name, self.value());
            self.skip(b',');
        }
        self.skip(b'}');
        self.depth -= 1;
        FilterNode::Object(fields)
    }

    fn array(&mut self) -> FilterNode<'a> {
        let mut elements = Vec::new();
        self.depth += 1;
        self.take(1);
        while !matches!(self.peek(), b']' | 0) {
            match self.value() {
                FilterNode::Array(inner) if self.flattens => elements.extend(inner),
                element => elements.push(element),
            }
            self.skip(b',');
        }
        self.skip(b']');
        self.depth -= 1;
        FilterNode::Array(elements)
    }

    /// Skips an array or object without recursion: an empty object, which is no leaf.
    fn too_deep(&mut self) -> FilterNode<'a> {
        let mut open = 0_usize;
        loop {
            match self.peek() {
                b'"' => drop(self.text()),
                b'{' | b'[' => {
                    open += 1;
                    self.take(1);
                }
                b'}' | b']' => {
                    open = open.saturating_sub(1);
                    self.take(1);
                }
                0 => break,
                _ => {
                    self.take(1);
                }
            }
            if open == 0 {
                break;
            }
        }
        FilterNode::Object(BTreeMap::new())
    }

    fn text(&mut self) -> Cow<'a, str> {
        let mut is_escaped = false;
        let end = self.rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            ends
        });
        let quoted = self.take(end.map_or(self.rest.len(), |end| end + 2));
        let inside = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        if inside.contains('\\') {
            // A lone surrogate has no text; such a string is compared as it is written.
            Cow::Owned(serde_json::from_str(quoted).unwrap_or_else(|_| inside.to_owned()))
        } else {
            Cow::Borrowed(inside)
        }
    }
}

impl std::fmt::Display for FilterNode<'_> {
    /// As JSON.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Number(digits, _) => f.write_str(digits),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Array(elements) => {
                for (at, element) in elements.iter().enumerate() {
                    write!(f, "{}{element}", if at == 0 { "[" } else { "," })?;
                }
                f.write_str(if elements.is_empty() { "[]" } else { "]" })
            }
            Self::Object(fields) => {
                for (at, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{}{}:{value}", if at == 0 { "{" } else { "," }, quoted(name))?;
                }
                f.write_str(if fields.is_empty() { "{}" } else { "}" })
            }
        }
    }
}
