//! Reads the text of a schema: every keyword once, every reference resolved, everything bounded.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::canonical::canonical;
use super::check::nesting;
use super::keyword::{Bound, Counted, Keyword, PropertySchemas, SchemaId, TYPES, TypeSet};
use super::pattern::LinearPattern;
use crate::values::content_filter::{FilterNode, MAX_DEPTH, read};

/// The longest text of a schema, in bytes.
const MAX_TEXT: usize = 65_536;
/// How many schemas a document has at most, itself and the targets of references included.
const MAX_SCHEMAS: usize = 2000;
/// How many patterns a document has at most.
const MAX_PATTERNS: usize = 50;
/// The draft, if a document names one.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Why a text is not a schema that can be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", if .pointer.is_empty() { String::new() } else { format!("at {}: ", .pointer) })]
pub struct SchemaError {
    /// The place in the schema as a JSON pointer, empty for the schema as a whole.
    pub pointer: String,
    /// What is wrong there.
    pub reason: String,
}

/// The fields of an object.
type Fields<'a> = BTreeMap<Cow<'a, str>, FilterNode<'a>>;

/// The keywords of all schemas of a document.
pub(super) fn read_schema(text: &str) -> Result<Vec<Vec<Keyword>>, SchemaError> {
    let refuse = |reason: String| Err(SchemaError { pointer: String::new(), reason });
    if text.len() > MAX_TEXT {
        return refuse(format!("is too long (maximum is {MAX_TEXT} bytes)"));
    }
    let json: &RawValue = match serde_json::from_str(text) {
        Ok(json) => json,
        Err(error) => return refuse(format!("is not valid JSON: {error}")),
    };
    if nesting(json.get()) > MAX_DEPTH {
        return refuse(format!("is nested too deeply (maximum is {MAX_DEPTH} levels)"));
    }
    let root = read(json);
    if !matches!(root, FilterNode::Object(_)) {
        return refuse("must be an object".to_owned());
    }
    let mut reader = SchemaReader { root: &root, known: BTreeMap::new(), places: Vec::new(), patterns: 0 };
    reader.schema(0, String::new(), &root)?;
    let mut schemas = Vec::new();
    // Reading a schema finds others, so the list grows.
    while let Some(Place { node, .. }) = reader.places.get(schemas.len()) {
        schemas.push(reader.keywords(schemas.len(), node)?);
    }
    reader.refuse_circles(&schemas)?;
    Ok(schemas)
}

/// A schema of the document: where it stands, and its text.
struct Place<'a> {
    around: SchemaId,
    step: String,
    node: &'a FilterNode<'a>,
}

struct SchemaReader<'a> {
    root: &'a FilterNode<'a>,
    /// The schemas by the address of their text, so that each is read once.
    known: BTreeMap<*const FilterNode<'a>, SchemaId>,
    places: Vec<Place<'a>>,
    patterns: usize,
}

impl<'a> SchemaReader<'a> {
    fn error(&self, at: SchemaId, keyword: &str, reason: impl Into<String>) -> SchemaError {
        let mut steps = vec![keyword];
        let mut at = at;
        while at != 0 {
            steps.push(&self.places[at].step);
            at = self.places[at].around;
        }
        let mut pointer = String::new();
        for step in steps.iter().rev().filter(|step| !step.is_empty()) {
            pointer += &format!("/{step}");
        }
        SchemaError { pointer, reason: reason.into() }
    }

    /// The number of a schema, which is read later.
    fn schema(&mut self, around: SchemaId, step: String, node: &'a FilterNode<'a>) -> Result<SchemaId, SchemaError> {
        let address: *const FilterNode<'a> = node;
        if let Some(known) = self.known.get(&address) {
            return Ok(*known);
        }
        if !matches!(node, FilterNode::Object(_) | FilterNode::Bool(_)) {
            return Err(self.error(around, &step, "must be a schema: an object, true or false"));
        }
        let id = self.places.len();
        if id == MAX_SCHEMAS {
            return Err(self.error(around, &step, format!("is one schema too many (maximum is {MAX_SCHEMAS})")));
        }
        self.places.push(Place { around, step, node });
        self.known.insert(address, id);
        Ok(id)
    }

    fn schemas(&mut self, at: SchemaId, name: &str, node: &'a FilterNode<'a>) -> Result<Vec<SchemaId>, SchemaError> {
        match node {
            FilterNode::Array(nodes) if !nodes.is_empty() => {
                let all = nodes.iter().enumerate();
                all.map(|(index, node)| self.schema(at, format!("{name}/{index}"), node)).collect()
            }
            _ => Err(self.error(at, name, "must be a list of schemas")),
        }
    }

    fn fields(&self, at: SchemaId, name: &str, node: &'a FilterNode<'a>) -> Result<&'a Fields<'a>, SchemaError> {
        match node {
            FilterNode::Object(fields) => Ok(fields),
            _ => Err(self.error(at, name, "must be an object")),
        }
    }

    fn texts(&self, at: SchemaId, name: &str, node: &FilterNode<'_>) -> Result<Vec<String>, SchemaError> {
        let text = |node: &FilterNode<'_>| match node {
            FilterNode::Text(text) => Some(text.clone().into_owned()),
            _ => None,
        };
        let texts = match node {
            FilterNode::Array(nodes) => nodes.iter().map(text).collect::<Option<Vec<_>>>(),
            _ => None,
        };
        texts.ok_or_else(|| self.error(at, name, "must be a list of strings"))
    }

    fn count(&self, at: SchemaId, name: &str, node: &FilterNode<'_>) -> Result<usize, SchemaError> {
        let digits = match node {
            FilterNode::Number(digits, Some(number)) if number.is_integer() => digits,
            _ => "",
        };
        // A larger one than any value has is as good as the largest.
        let whole = digits.split('.').next().unwrap_or_default();
        if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.error(at, name, "must be a whole number, 0 or more, without an exponent"));
        }
        Ok(whole.parse().unwrap_or(usize::MAX))
    }

    fn pattern(&mut self, at: SchemaId, place: &str, text: &str) -> Result<LinearPattern, SchemaError> {
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            return Err(self.error(at, place, format!("is one pattern too many (maximum is {MAX_PATTERNS})")));
        }
        LinearPattern::parse(text).map_err(|reason| self.error(at, place, reason))
    }

    fn keywords(&mut self, at: SchemaId, node: &'a FilterNode<'a>) -> Result<Vec<Keyword>, SchemaError> {
        let FilterNode::Object(fields) = node else {
            return Ok(if matches!(node, FilterNode::Bool(false)) { vec![Keyword::Never] } else { Vec::new() });
        };
        let mut keywords = Vec::new();
        for (name, node) in fields {
            keywords.extend(self.keyword(at, name, node, fields)?);
        }
        keywords.extend(self.properties(at, fields)?);
        keywords.sort_by_key(Keyword::rank);
        Ok(keywords)
    }

    fn keyword(
        &mut self,
        at: SchemaId,
        name: &str,
        node: &'a FilterNode<'a>,
        fields: &'a Fields<'a>,
    ) -> Result<Vec<Keyword>, SchemaError> {
        let one = |keyword| Ok(vec![keyword]);
        match name {
            "$schema" => match node {
                FilterNode::Text(draft) if draft.trim_end_matches('#') == DRAFT => Ok(Vec::new()),
                _ => Err(self.error(at, name, format!("must be {DRAFT}"))),
            },
            "$id" if at != 0 => Err(self.error(at, name, "is supported in the schema as a whole only")),
            "$dynamicRef" | "$recursiveRef" => Err(self.error(at, name, "is not supported")),
            "$ref" => one(Keyword::AllOf(vec![self.target(at, node)?])),
            "type" => one(Keyword::Type(self.types(at, node)?)),
            "enum" => match node {
                FilterNode::Array(values) => one(Keyword::OneOfValues(values.iter().map(canonical).collect())),
                _ => Err(self.error(at, name, "must be a list of values")),
            },
            "const" => one(Keyword::OneOfValues(BTreeSet::from([canonical(node)]))),
            "minimum" => self.bound(at, name, node, Bound::Least),
            "exclusiveMinimum" => self.bound(at, name, node, Bound::MoreThan),
            "maximum" => self.bound(at, name, node, Bound::Most),
            "exclusiveMaximum" => self.bound(at, name, node, Bound::LessThan),
            "multipleOf" => match node {
                FilterNode::Number(text, Some(divisor)) if divisor.is_multiple_of(divisor) == Some(true) => {
                    one(Keyword::MultipleOf(divisor.clone(), (*text).to_owned()))
                }
                _ => Err(self.error(at, name, "must be a number above 0 with at most 18 digits")),
            },
            "minLength" => one(Keyword::AtLeast(Counted::Characters, self.count(at, name, node)?)),
            "maxLength" => one(Keyword::AtMost(Counted::Characters, self.count(at, name, node)?)),
            "minItems" => one(Keyword::AtLeast(Counted::Items, self.count(at, name, node)?)),
            "maxItems" => one(Keyword::AtMost(Counted::Items, self.count(at, name, node)?)),
            "minProperties" => one(Keyword::AtLeast(Counted::Properties, self.count(at, name, node)?)),
            "maxProperties" => one(Keyword::AtMost(Counted::Properties, self.count(at, name, node)?)),
            "pattern" => match node {
                FilterNode::Text(text) => one(Keyword::Pattern(self.pattern(at, name, text)?)),
                _ => Err(self.error(at, name, "must be a string")),
            },
            "uniqueItems" => match node {
                FilterNode::Bool(unique) => Ok(if *unique { vec![Keyword::UniqueItems] } else { Vec::new() }),
                _ => Err(self.error(at, name, "must be true or false")),
            },
            "required" => one(Keyword::Required(None, self.texts(at, name, node)?)),
            "dependentRequired" => {
                let all = self.fields(at, name, node)?.iter();
                let required = all.map(|(property, node)| {
                    let texts = self.texts(at, &format!("{name}/{}", escaped(property)), node)?;
                    Ok(Keyword::Required(Some(property.clone().into_owned()), texts))
                });
                required.collect()
            }
            "dependentSchemas" => {
                let all = self.fields(at, name, node)?.iter();
                let schemas = all.map(|(property, node)| {
                    let schema = self.schema(at, format!("{name}/{}", escaped(property)), node)?;
                    Ok(Keyword::DependentSchema(property.clone().into_owned(), schema))
                });
                schemas.collect()
            }
            "propertyNames" => one(Keyword::PropertyNames(self.schema(at, name.to_owned(), node)?)),
            "prefixItems" => {
                let first = self.schemas(at, name, node)?;
                let rest = fields.get("items").map(|node| self.schema(at, "items".to_owned(), node)).transpose()?;
                one(Keyword::Items(first, rest))
            }
            "items" if fields.contains_key("prefixItems") => Ok(Vec::new()),
            "items" => one(Keyword::Items(Vec::new(), Some(self.schema(at, name.to_owned(), node)?))),
            "contains" => {
                let count = |name: &str| fields.get(name).map(|node| self.count(at, name, node)).transpose();
                let (least, most) = (count("minContains")?.unwrap_or(1), count("maxContains")?);
                one(Keyword::Contains { schema: self.schema(at, name.to_owned(), node)?, least, most })
            }
            "allOf" => one(Keyword::AllOf(self.schemas(at, name, node)?)),
            "anyOf" => one(Keyword::AnyOf(self.schemas(at, name, node)?)),
            "oneOf" => one(Keyword::OneOf(self.schemas(at, name, node)?)),
            "not" => one(Keyword::Not(self.schema(at, name.to_owned(), node)?)),
            "if" => {
                let condition = self.schema(at, name.to_owned(), node)?;
                let mut branch =
                    |name: &str| fields.get(name).map(|node| self.schema(at, name.to_owned(), node)).transpose();
                let (then, otherwise) = (branch("then")?, branch("else")?);
                one(Keyword::If(condition, then, otherwise))
            }
            "unevaluatedProperties" => one(Keyword::UnevaluatedProperties(self.schema(at, name.to_owned(), node)?)),
            "unevaluatedItems" => one(Keyword::UnevaluatedItems(self.schema(at, name.to_owned(), node)?)),
            // Annotations, definitions, and unknown keywords.
            _ => Ok(Vec::new()),
        }
    }

    fn types(&self, at: SchemaId, node: &FilterNode<'_>) -> Result<TypeSet, SchemaError> {
        let names = match node {
            FilterNode::Text(_) => std::slice::from_ref(node),
            FilterNode::Array(names) => names,
            _ => &[],
        };
        let bit = |node: &FilterNode<'_>| match node {
            FilterNode::Text(name) => TYPES.iter().position(|known| known == name),
            _ => None,
        };
        let bits = names.iter().map(bit).try_fold(0_u8, |set, bit| Some(set | 1 << bit?));
        let types = bits.filter(|set| *set != 0).map(TypeSet);
        types.ok_or_else(|| self.error(at, "type", format!("must be one or several of {}", TYPES.join(", "))))
    }

    fn bound(
        &self,
        at: SchemaId,
        name: &str,
        node: &FilterNode<'_>,
        bound: Bound,
    ) -> Result<Vec<Keyword>, SchemaError> {
        match node {
            FilterNode::Number(text, Some(number)) => {
                Ok(vec![Keyword::Number(bound, number.clone(), (*text).to_owned())])
            }
            _ => Err(self.error(at, name, "must be a number with an exponent within ±999")),
        }
    }

    fn properties(&mut self, at: SchemaId, fields: &'a Fields<'a>) -> Result<Option<Keyword>, SchemaError> {
        let mut schemas = PropertySchemas::default();
        let mut is_there = false;
        if let Some(node) = fields.get("properties") {
            is_there = true;
            for (property, node) in self.fields(at, "properties", node)? {
                let schema = self.schema(at, format!("properties/{}", escaped(property)), node)?;
                schemas.named.insert(property.clone().into_owned(), schema);
            }
        }
        if let Some(node) = fields.get("patternProperties") {
            is_there = true;
            for (pattern, node) in self.fields(at, "patternProperties", node)? {
                let place = format!("patternProperties/{}", escaped(pattern));
                let pattern = self.pattern(at, &place, pattern)?;
                schemas.patterns.push((pattern, self.schema(at, place, node)?));
            }
        }
        if let Some(node) = fields.get("additionalProperties") {
            is_there = true;
            schemas.additional = Some(self.schema(at, "additionalProperties".to_owned(), node)?);
        }
        Ok(is_there.then_some(Keyword::Properties(schemas)))
    }

    /// The schema that a reference names: `#`, or `#` and a JSON pointer.
    fn target(&mut self, at: SchemaId, node: &FilterNode<'_>) -> Result<SchemaId, SchemaError> {
        let lost =
            |reader: &Self| reader.error(at, "$ref", "must lead to a schema of this document, such as #/$defs/name");
        let FilterNode::Text(reference) = node else { return Err(lost(self)) };
        let pointer = reference.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let pointer = pointer.ok_or_else(|| lost(self))?;
        let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8().map_err(|_| lost(self))?;
        let mut found = self.root;
        for step in pointer.split('/').skip(1) {
            let name = step.replace("~1", "/").replace("~0", "~");
            let next = match found {
                FilterNode::Object(fields) => fields.get(&*name),
                FilterNode::Array(elements) => name.parse().ok().and_then(|index: usize| elements.get(index)),
                _ => None,
            };
            found = next.ok_or_else(|| lost(self))?;
        }
        self.schema(0, pointer.strip_prefix('/').unwrap_or_default().to_owned(), found)
    }

    /// Refuses a schema that applies itself to the same value.
    fn refuse_circles(&self, schemas: &[Vec<Keyword>]) -> Result<(), SchemaError> {
        let (mut done, mut open) = (vec![false; schemas.len()], vec![false; schemas.len()]);
        for start in 0..schemas.len() {
            // Each entry: a schema, and those that are left of the ones it applies.
            let mut path: Vec<(SchemaId, Vec<SchemaId>)> = Vec::new();
            let mut next = Some(start);
            loop {
                if let Some(id) = next.take().filter(|id| !done[*id]) {
                    if open[id] {
                        return Err(self.error(id, "", "applies itself to the same value, and never ends"));
                    }
                    open[id] = true;
                    path.push((id, schemas[id].iter().flat_map(Keyword::in_place).collect()));
                }
                let Some((id, left)) = path.last_mut() else { break };
                next = left.pop();
                if next.is_none() {
                    (done[*id], open[*id]) = (true, false);
                    path.pop();
                }
            }
        }
        Ok(())
    }
}

/// A name as a step of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
