//! Checks a value against a schema, and counts its steps.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::canonical::canonical;
use super::keyword::{Bound, Counted, Keyword, PropertySchemas, SchemaId};
use crate::values::content_filter::{Decimal, FilterNode, MAX_DEPTH, read};

/// How many schemas may be in the middle of a check. A value has at most 64 levels.
const MAX_OPEN: usize = 256;
/// How many bytes of a JSON pointer, or of a property's name, an error shows.
const MAX_SHOWN: usize = 200;

/// Where a value does not fit its schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", if .pointer.is_empty() { String::new() } else { format!("at {}: ", .pointer) })]
pub struct SchemaMismatch {
    /// The place in the value as a JSON pointer, cut after 200 bytes; empty for the value as a whole.
    pub pointer: String,
    /// What is wrong there.
    pub reason: String,
}

/// Checks a value against the first of the schemas of a document, whose text has this length.
pub(super) fn check(schemas: &[Vec<Keyword>], length: usize, json: &RawValue) -> Result<(), SchemaMismatch> {
    let refuse = |reason: &str| Err(SchemaMismatch { pointer: String::new(), reason: reason.to_owned() });
    if nesting(json.get()) > MAX_DEPTH {
        return refuse("is nested too deeply for a schema (maximum is 64 levels)");
    }
    let value = read(json);
    let steps = 1000 + 50 * json.get().len() + 4 * length;
    let mut checker = SchemaChecker { schemas, steps, open: 0, silent: 0, path: Vec::new(), mismatch: None };
    let fits = checker.applies(0, &value, &mut None);
    if checker.steps == 0 {
        return refuse("takes too many steps to check against its schema");
    }
    match checker.mismatch {
        _ if fits => Ok(()),
        Some(mismatch) => Err(mismatch),
        None => refuse("does not fit its schema"),
    }
}

/// How many arrays and objects contain the innermost value.
pub(super) fn nesting(json: &str) -> usize {
    let (mut deepest, mut depth, mut in_text, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A step of a JSON pointer.
#[derive(Clone, Copy)]
enum PathStep<'v> {
    Property(&'v str),
    Item(usize),
}

/// The properties and elements that a schema has evaluated. `None` if no schema around it asks.
type Evaluated<'v> = Option<EvaluatedParts<'v>>;

#[derive(Default)]
struct EvaluatedParts<'v> {
    properties: BTreeSet<&'v str>,
    items: BTreeSet<usize>,
}

struct SchemaChecker<'s, 'v> {
    schemas: &'s [Vec<Keyword>],
    /// How many steps are left.
    steps: usize,
    open: usize,
    /// Inside schemas whose failure is none of the value.
    silent: usize,
    path: Vec<PathStep<'v>>,
    mismatch: Option<SchemaMismatch>,
}

impl<'v> SchemaChecker<'_, 'v> {
    /// Takes so many steps; `false` if there are not as many.
    fn spend(&mut self, steps: usize) -> bool {
        self.steps = self.steps.saturating_sub(steps);
        self.steps > 0
    }

    fn fail(&mut self, reason: impl FnOnce() -> String) -> bool {
        if self.silent == 0 && self.mismatch.is_none() {
            let mut pointer = String::new();
            for step in &self.path {
                match step {
                    PathStep::Property(name) => pointer += &format!("/{}", name.replace('~', "~0").replace('/', "~1")),
                    PathStep::Item(index) => pointer += &format!("/{index}"),
                }
            }
            self.mismatch = Some(SchemaMismatch { pointer: shown(&pointer), reason: reason() });
        }
        false
    }

    /// Whether the value fits a schema. What the schema evaluates is noted.
    fn applies(&mut self, id: SchemaId, value: &'v FilterNode<'v>, evaluated: &mut Evaluated<'v>) -> bool {
        let keywords = &self.schemas[id];
        if self.open == MAX_OPEN {
            self.steps = 0;
        }
        if !self.spend(1 + keywords.len()) {
            return false;
        }
        self.open += 1;
        let asks =
            |keyword: &Keyword| matches!(keyword, Keyword::UnevaluatedProperties(_) | Keyword::UnevaluatedItems(_));
        // What is noted outside is not seen inside, so a schema that asks has a note of its own.
        let fits = if keywords.last().is_some_and(asks) {
            let mut own = Some(EvaluatedParts::default());
            let fits = keywords.iter().all(|keyword| self.keyword(keyword, value, &mut own));
            self.merge(evaluated, own);
            fits
        } else {
            keywords.iter().all(|keyword| self.keyword(keyword, value, evaluated))
        };
        self.open -= 1;
        fits
    }

    fn merge(&mut self, evaluated: &mut Evaluated<'v>, more: Evaluated<'v>) {
        if let (Some(evaluated), Some(mut more)) = (evaluated, more) {
            self.spend(more.properties.len() + more.items.len());
            evaluated.properties.append(&mut more.properties);
            evaluated.items.append(&mut more.items);
        }
    }

    /// Whether the value fits one of several schemas: failing is no failure of the value, and leaves no note.
    fn tried(&mut self, id: SchemaId, value: &'v FilterNode<'v>, evaluated: &mut Evaluated<'v>) -> bool {
        let mut own = evaluated.as_ref().map(|_| EvaluatedParts::default());
        self.silent += 1;
        let fits = self.applies(id, value, &mut own);
        self.silent -= 1;
        if fits {
            self.merge(evaluated, own);
        }
        fits
    }

    /// Whether a part of the value fits a schema.
    fn part(&mut self, step: PathStep<'v>, id: SchemaId, value: &'v FilterNode<'v>) -> bool {
        self.path.push(step);
        let fits = self.applies(id, value, &mut None);
        self.path.pop();
        fits
    }

    fn keyword(&mut self, keyword: &Keyword, value: &'v FilterNode<'v>, evaluated: &mut Evaluated<'v>) -> bool {
        match keyword {
            Keyword::Never => self.fail(|| "is not allowed".to_owned()),
            Keyword::Type(types) => types.has(value) || self.fail(|| format!("must be of type {types}")),
            Keyword::OneOfValues(values) => {
                let text = canonical(value);
                if !self.spend(text.len() / 8 + 8) {
                    return false;
                }
                values.contains(&text) || self.fail(|| "must be a value that the schema lists".to_owned())
            }
            Keyword::Number(bound, than, text) => self.number(*bound, than, text, value),
            Keyword::MultipleOf(divisor, text) => match value {
                FilterNode::Number(_, number) => {
                    // Up to 2,000 zeros are added to either.
                    let is_multiple = self.spend(number.as_ref().map_or(0, Decimal::len) + 256)
                        && number.as_ref().is_some_and(|number| number.is_multiple_of(divisor) == Some(true));
                    is_multiple || self.fail(|| format!("must be a multiple of {text}"))
                }
                _ => true,
            },
            Keyword::AtLeast(what, least) => match self.count(*what, value) {
                Some(count) if count < *least => self.fail(|| format!("must have at least {least} {}", named(*what))),
                Some(_) | None => true,
            },
            Keyword::AtMost(what, most) => match self.count(*what, value) {
                Some(count) if count > *most => self.fail(|| format!("must have at most {most} {}", named(*what))),
                Some(_) | None => true,
            },
            Keyword::Pattern(pattern) => match value {
                FilterNode::Text(text) => {
                    self.spend(pattern.steps(text)) && pattern.is_match(text)
                        || self.fail(|| "must match the pattern of the schema".to_owned())
                }
                _ => true,
            },
            Keyword::UniqueItems => self.unique(value),
            Keyword::Required(condition, names) => {
                let FilterNode::Object(fields) = value else { return true };
                if condition.as_ref().is_some_and(|name| !fields.contains_key(name.as_str())) {
                    return true;
                }
                let missing = names.iter().find(|name| !fields.contains_key(name.as_str()));
                self.spend(names.len())
                    && missing.is_none_or(|name| self.fail(|| format!("must have the property {}", shown(name))))
            }
            Keyword::PropertyNames(id) => {
                let FilterNode::Object(fields) = value else { return true };
                fields.keys().all(|name| self.name(*id, name))
            }
            Keyword::Properties(properties) => match value {
                FilterNode::Object(fields) => self.properties(properties, fields, evaluated),
                _ => true,
            },
            Keyword::Items(first, rest) => {
                let FilterNode::Array(elements) = value else { return true };
                let schemas = first.iter().map(Some).chain(std::iter::repeat(rest.as_ref()));
                let pairs = elements.iter().zip(schemas).enumerate();
                pairs.take_while(|(_, (_, id))| id.is_some()).all(|(index, (element, id))| {
                    note_item(evaluated, index);
                    id.is_none_or(|id| self.part(PathStep::Item(index), *id, element))
                })
            }
            Keyword::Contains { schema, least, most } => self.contains(*schema, *least, *most, value, evaluated),
            Keyword::AllOf(all) => all.iter().all(|id| self.applies(*id, value, evaluated)),
            Keyword::AnyOf(any) => {
                let mut fits = false;
                for id in any {
                    fits |= self.tried(*id, value, evaluated);
                    if self.steps == 0 || fits && evaluated.is_none() {
                        break;
                    }
                }
                fits || self.fail(|| "must fit at least one of the schemas of anyOf".to_owned())
            }
            Keyword::OneOf(any) => {
                let mut fitting = 0;
                for id in any {
                    fitting += usize::from(self.tried(*id, value, evaluated));
                    if self.steps == 0 || fitting > 1 {
                        break;
                    }
                }
                fitting == 1 || self.fail(|| "must fit exactly one of the schemas of oneOf".to_owned())
            }
            Keyword::Not(id) => {
                !self.tried(*id, value, &mut None) || self.fail(|| "must not fit the schema of not".to_owned())
            }
            Keyword::If(condition, then, otherwise) => {
                let branch = if self.tried(*condition, value, evaluated) { then } else { otherwise };
                branch.is_none_or(|id| self.applies(id, value, evaluated))
            }
            Keyword::DependentSchema(name, id) => match value {
                FilterNode::Object(fields) if fields.contains_key(name.as_str()) => self.applies(*id, value, evaluated),
                _ => true,
            },
            Keyword::UnevaluatedProperties(id) => {
                let FilterNode::Object(fields) = value else { return true };
                fields.iter().all(|(name, value)| {
                    let is_new = evaluated.as_mut().is_some_and(|parts| parts.properties.insert(name));
                    self.spend(1) && (!is_new || self.part(PathStep::Property(name), *id, value))
                })
            }
            Keyword::UnevaluatedItems(id) => {
                let FilterNode::Array(elements) = value else { return true };
                elements.iter().enumerate().all(|(index, element)| {
                    let is_new = evaluated.as_mut().is_some_and(|parts| parts.items.insert(index));
                    self.spend(1) && (!is_new || self.part(PathStep::Item(index), *id, element))
                })
            }
        }
    }

    fn number(&mut self, bound: Bound, than: &Decimal, text: &str, value: &FilterNode<'_>) -> bool {
        let FilterNode::Number(_, number) = value else { return true };
        let order = number.as_ref().map(|number| number.cmp(than));
        let (fits, words) = match bound {
            Bound::Least => (matches!(order, Some(Ordering::Greater | Ordering::Equal)), "at least"),
            Bound::MoreThan => (order == Some(Ordering::Greater), "more than"),
            Bound::Most => (matches!(order, Some(Ordering::Less | Ordering::Equal)), "at most"),
            Bound::LessThan => (order == Some(Ordering::Less), "less than"),
        };
        self.spend(1 + than.len() / 8) && (fits || self.fail(|| format!("must be {words} {}", shown(text))))
    }

    /// `None` for a value of another type.
    fn count(&mut self, what: Counted, value: &FilterNode<'_>) -> Option<usize> {
        match (what, value) {
            (Counted::Characters, FilterNode::Text(text)) => {
                self.spend(text.len() / 8);
                Some(text.chars().count())
            }
            (Counted::Items, FilterNode::Array(elements)) => Some(elements.len()),
            (Counted::Properties, FilterNode::Object(fields)) => Some(fields.len()),
            _ => None,
        }
    }

    fn unique(&mut self, value: &FilterNode<'_>) -> bool {
        let FilterNode::Array(elements) = value else { return true };
        let mut seen = BTreeSet::new();
        for element in elements {
            let text = canonical(element);
            if !self.spend(8 + text.len() / 2) {
                return false;
            }
            if !seen.insert(text) {
                return self.fail(|| "must not have an element twice".to_owned());
            }
        }
        true
    }

    /// Whether a name fits a schema: a text that the value does not contain as one.
    fn name(&mut self, id: SchemaId, name: &str) -> bool {
        let node = FilterNode::Text(Cow::Borrowed(name));
        let mut checker = SchemaChecker {
            schemas: self.schemas,
            steps: self.steps,
            open: self.open,
            silent: 0,
            path: Vec::new(),
            mismatch: None,
        };
        let fits = checker.applies(id, &node, &mut None);
        let reason = checker.mismatch.map(|mismatch| mismatch.reason);
        self.steps = checker.steps;
        fits || self.fail(|| format!("has the property {}, whose name {}", shown(name), reason.unwrap_or_default()))
    }

    fn properties(
        &mut self,
        schemas: &PropertySchemas,
        fields: &'v BTreeMap<Cow<'v, str>, FilterNode<'v>>,
        evaluated: &mut Evaluated<'v>,
    ) -> bool {
        fields.iter().all(|(name, value)| {
            let step = PathStep::Property(name);
            let mut applied = false;
            if let Some(id) = schemas.named.get(&**name) {
                applied = true;
                if !self.part(step, *id, value) {
                    return false;
                }
            }
            for (pattern, id) in &schemas.patterns {
                if !self.spend(pattern.steps(name)) {
                    return false;
                }
                if pattern.is_match(name) {
                    applied = true;
                    if !self.part(step, *id, value) {
                        return false;
                    }
                }
            }
            if !applied && let Some(id) = schemas.additional {
                applied = true;
                if !self.part(step, id, value) {
                    return false;
                }
            }
            if let (true, Some(parts)) = (applied, evaluated.as_mut()) {
                parts.properties.insert(name);
            }
            self.spend(1)
        })
    }

    fn contains(
        &mut self,
        id: SchemaId,
        least: usize,
        most: Option<usize>,
        value: &'v FilterNode<'v>,
        evaluated: &mut Evaluated<'v>,
    ) -> bool {
        let FilterNode::Array(elements) = value else { return true };
        let mut found = 0;
        for (index, element) in elements.iter().enumerate() {
            if self.tried(id, element, &mut None) {
                found += 1;
                note_item(evaluated, index);
            }
            if self.steps == 0 {
                return false;
            }
        }
        if found < least {
            return self.fail(|| format!("must have at least {least} elements that fit the schema of contains"));
        }
        most.is_none_or(|most| {
            found <= most || self.fail(|| format!("must have at most {most} elements that fit the schema of contains"))
        })
    }
}

fn note_item(evaluated: &mut Evaluated<'_>, index: usize) {
    if let Some(parts) = evaluated {
        parts.items.insert(index);
    }
}

fn named(what: Counted) -> &'static str {
    match what {
        Counted::Characters => "characters",
        Counted::Items => "elements",
        Counted::Properties => "properties",
    }
}

/// The beginning of a text.
fn shown(text: &str) -> String {
    match text.char_indices().find(|(at, _)| *at >= MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
