//! Conditions on one value.

use std::net::IpAddr;

use super::decimal::Decimal;
use super::document::FilterNode;

/// A condition on a value that is no object and no array.
#[derive(Debug, Clone)]
pub(super) enum FilterCondition {
    Null,
    Bool(bool),
    Number(Decimal),
    Text(String),
    Prefix(String),
    PrefixIgnoringCase(String),
    Suffix(String),
    SuffixIgnoringCase(String),
    IgnoringCase(String),
    /// The parts between the stars; at least two.
    Wildcard(Vec<String>),
    AnythingBut(Vec<FilterCondition>),
    Numeric(Vec<(Comparison, Decimal)>),
    Exists(bool),
    Cidr(IpAddr, u8),
}

/// How a number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Reads a condition. The error says what is wrong with it.
pub(super) fn read(node: &FilterNode<'_>) -> Result<FilterCondition, String> {
    if let Some(scalar) = scalar(node)? {
        return Ok(scalar);
    }
    let FilterNode::Object(fields) = node else {
        return Err("a condition is a value or an object, not a list".to_owned());
    };
    let mut fields = fields.iter();
    let (Some((name, operand)), None) = (fields.next(), fields.next()) else {
        return Err("a condition is an object with one field, such as {\"prefix\": \"a\"}".to_owned());
    };
    match name.as_ref() {
        "prefix" => text_or_folded(name, operand, FilterCondition::Prefix, FilterCondition::PrefixIgnoringCase),
        "suffix" => text_or_folded(name, operand, FilterCondition::Suffix, FilterCondition::SuffixIgnoringCase),
        "equals-ignore-case" => Ok(FilterCondition::IgnoringCase(folded(text(name, operand)?))),
        "wildcard" => wildcard(text(name, operand)?),
        "anything-but" => anything_but(operand),
        "numeric" => numeric(operand),
        "exists" => match operand {
            FilterNode::Bool(exists) => Ok(FilterCondition::Exists(*exists)),
            _ => Err("\"exists\" takes true or false".to_owned()),
        },
        "cidr" => cidr(text(name, operand)?),
        other => Err(format!(
            "{other:?} is not a condition: use prefix, suffix, anything-but, numeric, exists, equals-ignore-case, \
             wildcard or cidr"
        )),
    }
}

/// Reads a value that must be met exactly; `None` for a list or an object.
fn scalar(node: &FilterNode<'_>) -> Result<Option<FilterCondition>, String> {
    Ok(match node {
        FilterNode::Null => Some(FilterCondition::Null),
        FilterNode::Bool(value) => Some(FilterCondition::Bool(*value)),
        FilterNode::Number(digits, number) => {
            let number = number.clone().ok_or_else(|| format!("the exponent of {digits} is outside -999 to 999"))?;
            Some(FilterCondition::Number(number))
        }
        FilterNode::Text(text) => Some(FilterCondition::Text(text.clone().into_owned())),
        FilterNode::Array(_) | FilterNode::Object(_) => None,
    })
}

fn text<'n>(name: &str, operand: &'n FilterNode<'_>) -> Result<&'n str, String> {
    match operand {
        FilterNode::Text(text) => Ok(text),
        _ => Err(format!("{name:?} takes a text")),
    }
}

/// `"a"` or `{"equals-ignore-case": "a"}`.
fn text_or_folded(
    name: &str,
    operand: &FilterNode<'_>,
    plain: impl Fn(String) -> FilterCondition,
    ignoring_case: impl Fn(String) -> FilterCondition,
) -> Result<FilterCondition, String> {
    match operand {
        FilterNode::Object(fields) => match fields.iter().next() {
            Some((key, inner)) if key == "equals-ignore-case" && fields.len() == 1 => {
                Ok(ignoring_case(folded(text(key, inner)?)))
            }
            _ => Err(format!("{name:?} takes a text or {{\"equals-ignore-case\": \"a\"}}")),
        },
        _ => Ok(plain(text(name, operand)?.to_owned())),
    }
}

fn wildcard(pattern: &str) -> Result<FilterCondition, String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '*' if characters.peek() == Some(&'*') => {
                return Err("\"wildcard\" must not have two stars in a row".to_owned());
            }
            '*' => parts.push(std::mem::take(&mut part)),
            '\\' => match characters.next() {
                Some(escaped @ ('*' | '\\')) => part.push(escaped),
                _ => return Err("\"wildcard\" may escape only * and \\".to_owned()),
            },
            _ => part.push(character),
        }
    }
    parts.push(part);
    match <[String; 1]>::try_from(parts) {
        Ok([exact]) => Ok(FilterCondition::Text(exact)),
        Err(parts) => Ok(FilterCondition::Wildcard(parts)),
    }
}

fn anything_but(operand: &FilterNode<'_>) -> Result<FilterCondition, String> {
    let refused = "\"anything-but\" takes a value, a list of values, or one of prefix, suffix, equals-ignore-case and \
                   wildcard with a text or a list of texts";
    let values = |node: &FilterNode<'_>| scalar(node)?.ok_or_else(|| refused.to_owned());
    let conditions = match operand {
        FilterNode::Array(nodes) => nodes.iter().map(values).collect::<Result<Vec<_>, _>>()?,
        FilterNode::Object(fields) => {
            let (Some((name, operand)), 1) = (fields.iter().next(), fields.len()) else {
                return Err(refused.to_owned());
            };
            let operands = match operand {
                FilterNode::Array(nodes) => nodes.iter().collect(),
                _ => vec![operand],
            };
            let read = operands.into_iter().map(|operand| match name.as_ref() {
                "prefix" => Ok(FilterCondition::Prefix(text(name, operand)?.to_owned())),
                "suffix" => Ok(FilterCondition::Suffix(text(name, operand)?.to_owned())),
                "equals-ignore-case" => Ok(FilterCondition::IgnoringCase(folded(text(name, operand)?))),
                "wildcard" => wildcard(text(name, operand)?),
                _ => Err(refused.to_owned()),
            });
            read.collect::<Result<Vec<_>, _>>()?
        }
        FilterNode::Null | FilterNode::Bool(_) | FilterNode::Number(..) | FilterNode::Text(_) => vec![values(operand)?],
    };
    if conditions.is_empty() { Err(refused.to_owned()) } else { Ok(FilterCondition::AnythingBut(conditions)) }
}

fn numeric(operand: &FilterNode<'_>) -> Result<FilterCondition, String> {
    let refused = || "\"numeric\" takes a comparison or a range, such as [\">\", 0, \"<=\", 5]".to_owned();
    let FilterNode::Array(nodes) = operand else { return Err(refused()) };
    let mut comparisons = Vec::new();
    for pair in nodes.chunks(2) {
        let [FilterNode::Text(comparison), FilterNode::Number(_, Some(number))] = pair else { return Err(refused()) };
        let comparison = match comparison.as_ref() {
            "=" => Comparison::Equal,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return Err(refused()),
        };
        comparisons.push((comparison, number.clone()));
    }
    let is_lower = |comparison| matches!(comparison, Comparison::Greater | Comparison::GreaterOrEqual);
    let is_upper = |comparison| matches!(comparison, Comparison::Less | Comparison::LessOrEqual);
    match comparisons.as_slice() {
        [_] => Ok(FilterCondition::Numeric(comparisons)),
        [(one, low), (other, high)] if is_lower(*one) && is_upper(*other) => {
            if low >= high {
                return Err("\"numeric\" has a range whose start is not below its end".to_owned());
            }
            Ok(FilterCondition::Numeric(comparisons))
        }
        _ => Err(refused()),
    }
}

fn cidr(text: &str) -> Result<FilterCondition, String> {
    let refused = || "\"cidr\" takes a network such as 10.0.0.0/8 or 2001:db8::/32".to_owned();
    let (address, length) = text.split_once('/').ok_or_else(refused)?;
    let address: IpAddr = address.parse().map_err(|_| refused())?;
    let length = length.parse().map_err(|_| refused())?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    if length > longest { Err(refused()) } else { Ok(FilterCondition::Cidr(address, length)) }
}

/// A text in lower case, for comparisons that ignore it.
fn folded(text: &str) -> String {
    text.to_lowercase()
}

impl FilterCondition {
    /// It matches an absent field.
    pub(super) fn allows_absent(&self) -> bool {
        matches!(self, Self::Exists(false))
    }

    /// For how many conditions it counts.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::AnythingBut(conditions) => conditions.len(),
            _ => 1,
        }
    }

    /// True if the value, which is no array and no object, meets the condition.
    pub(super) fn meets(&self, value: &FilterNode<'_>, steps: &mut usize) -> bool {
        if !matches!(self, Self::AnythingBut(_)) {
            *steps += compared(value).max(1);
        }
        match (self, value) {
            (Self::Exists(exists), _) => *exists,
            // Its value is unknown.
            (_, FilterNode::Number(_, None)) => false,
            (Self::AnythingBut(conditions), _) => !conditions.iter().any(|condition| condition.meets(value, steps)),
            (Self::Null, FilterNode::Null) => true,
            (Self::Bool(wanted), FilterNode::Bool(value)) => wanted == value,
            (Self::Number(wanted), FilterNode::Number(_, Some(value))) => wanted == value,
            (Self::Numeric(comparisons), FilterNode::Number(_, Some(value))) => {
                comparisons.iter().all(|(comparison, bound)| comparison.holds(value, bound))
            }
            (
                Self::Text(_)
                | Self::Prefix(_)
                | Self::PrefixIgnoringCase(_)
                | Self::Suffix(_)
                | Self::SuffixIgnoringCase(_)
                | Self::IgnoringCase(_)
                | Self::Wildcard(_)
                | Self::Cidr(..),
                FilterNode::Text(value),
            ) => self.meets_text(value),
            (
                _,
                FilterNode::Null
                | FilterNode::Bool(_)
                | FilterNode::Number(..)
                | FilterNode::Text(_)
                | FilterNode::Array(_)
                | FilterNode::Object(_),
            ) => false,
        }
    }

    fn meets_text(&self, value: &str) -> bool {
        match self {
            Self::Text(wanted) => wanted == value,
            Self::Prefix(prefix) => value.starts_with(prefix.as_str()),
            Self::PrefixIgnoringCase(prefix) => folded(value).starts_with(prefix.as_str()),
            Self::Suffix(suffix) => value.ends_with(suffix.as_str()),
            Self::SuffixIgnoringCase(suffix) => folded(value).ends_with(suffix.as_str()),
            Self::IgnoringCase(wanted) => folded(value) == *wanted,
            Self::Wildcard(parts) => has_parts(value, parts),
            Self::Cidr(network, length) => {
                value.parse().is_ok_and(|address: IpAddr| network_of(address, *length) == network_of(*network, *length))
            }
            Self::Null
            | Self::Bool(_)
            | Self::Number(_)
            | Self::AnythingBut(_)
            | Self::Numeric(_)
            | Self::Exists(_) => false,
        }
    }
}

impl Comparison {
    fn holds(self, value: &Decimal, bound: &Decimal) -> bool {
        match self {
            Self::Equal => value == bound,
            Self::Less => value < bound,
            Self::LessOrEqual => value <= bound,
            Self::Greater => value > bound,
            Self::GreaterOrEqual => value >= bound,
        }
    }
}

/// True if the text begins with the first part, ends with the last, and has the others between them in their order.
fn has_parts(text: &str, parts: &[String]) -> bool {
    let [first, middle @ .., last] = parts else { return false };
    let Some(mut rest) = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else {
        return false;
    };
    for part in middle {
        let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
        rest = after;
    }
    true
}

/// The family of an address and its first bits.
fn network_of(address: IpAddr, length: u8) -> (bool, u128) {
    let (bits, width) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    (address.is_ipv4(), bits.checked_shr(u32::saturating_sub(width, u32::from(length))).unwrap_or(0))
}

/// How many bytes of a value a condition compares at most.
fn compared(value: &FilterNode<'_>) -> usize {
    match value {
        FilterNode::Text(text) => text.len(),
        FilterNode::Number(_, Some(number)) => number.len(),
        FilterNode::Null
        | FilterNode::Bool(_)
        | FilterNode::Number(_, None)
        | FilterNode::Array(_)
        | FilterNode::Object(_) => 0,
    }
}
