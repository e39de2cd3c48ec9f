//! Filters: parses every operator of section 2 into a [`Test`]. An operator may also stand before the `=`, as in `f!=v`:
//! some clients build their queries that way.
//!
//! Responses show times in whole seconds, so filters compare whole seconds too: a record whose time is shown as `t` matches
//! `f=t` and does not match `f=>t`.

use hookline_core::values::{Condition, FieldValue, Filter, TimeZone};
use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;

use super::fields::{Field, FieldType, Resource};
use super::parameters::QueryParameters;
use crate::response::ApiError;

/// Parameters of lists that are not filters.
const RESERVED: [&str; 6] = ["fields", "page", "per_page", "search_after", "search_before", "sort"];

/// The largest number of conditions in a query, and of values in all of them. Stores limit both.
const MOST: (usize, usize) = (100, 10_000);

/// The conditions of a query: all parameters that are neither reserved nor in `own`, which the route reads itself.
pub(crate) fn conditions(
    resource: &Resource,
    parameters: &QueryParameters,
    own: &[&str],
    zone: &TimeZone,
) -> Result<Vec<Filter>, ApiError> {
    let mut refused: Vec<&str> = Vec::new();
    let mut filters = Vec::new();
    let mut values = 0;
    for (name, value) in parameters.iter() {
        if RESERVED.contains(&name) || own.contains(&name) {
            continue;
        }
        let (name, operator) = split_operator(name);
        let value = &*format!("{operator}{value}");
        let field_name = if name == "ids" { "id" } else { name };
        match resource.field(field_name).filter(|field| field.filterable) {
            Some(field) => {
                let test = test(field, value, zone)?;
                values += match &test {
                    Condition::OneOf(values) | Condition::NoneOf(values) => values.len(),
                    Condition::Empty | Condition::Present | Condition::Between { .. } => 0,
                };
                if filters.len() >= MOST.0 || values > MOST.1 {
                    return Err(ApiError::parameter(name));
                }
                filters.push(Filter { field: field.name, test, ignore_case: field.ignore_case });
            }
            None if refused.contains(&name) => {}
            None => refused.push(name),
        }
    }
    if refused.is_empty() {
        return Ok(filters);
    }
    Err(ApiError::BadRequest(format!("Filtering not allowed on fields: {}", refused.join(", "))))
}

/// Splits an operator from the end of a name: `f!=v`, `f<=v` and `f>=v` mean `f=!v`, `f=<=v` and `f=>=v`.
fn split_operator(name: &str) -> (&str, &'static str) {
    for (ending, operator) in [("!", "!"), ("<", "<="), (">", ">=")] {
        if let Some(name) = name.strip_suffix(ending) {
            return (name, operator);
        }
    }
    (name, "")
}

fn test(field: &Field, text: &str, zone: &TimeZone) -> Result<Condition, ApiError> {
    match text {
        "" => return Ok(Condition::Empty),
        "!" => return Ok(Condition::Present),
        _ => {}
    }
    if text.starts_with(['<', '>']) {
        return match field.kind {
            FieldType::Integer | FieldType::Number | FieldType::Time => between(field, text, zone),
            FieldType::Text | FieldType::Enumeration | FieldType::Boolean | FieldType::Uuid | FieldType::Object(_) => {
                let operator: String = text.chars().take_while(|c| matches!(c, '<' | '>' | '=')).take(2).collect();
                Err(unsupported(field, &operator))
            }
        };
    }
    let (negated, text) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let text = text.strip_prefix('\\').filter(|rest| rest.starts_with('!')).unwrap_or(text);
    let values = match field.kind {
        FieldType::Integer => text.split(',').map(|part| integer(field, part)).collect::<Result<_, _>>()?,
        FieldType::Enumeration => text.split(',').map(|part| FieldValue::Text(part.trim().to_owned())).collect(),
        FieldType::Boolean | FieldType::Time if text.contains(',') => return Err(no_set(field)),
        FieldType::Boolean => vec![FieldValue::Bool(loose_boolean(text))],
        FieldType::Time if negated => return Err(unsupported(field, "!")),
        FieldType::Time => return second(field, text, zone),
        FieldType::Number | FieldType::Text | FieldType::Uuid | FieldType::Object(_) => {
            vec![FieldValue::Text(text.to_owned())]
        }
    };
    Ok(if negated { Condition::NoneOf(values) } else { Condition::OneOf(values) })
}

fn unsupported(field: &Field, operator: &str) -> ApiError {
    ApiError::BadRequest(format!("Field '{}' does not support the '={operator}' operator", field.name))
}

fn no_set(field: &Field) -> ApiError {
    ApiError::BadRequest(format!("Cannot filter on a set of values for field '{}'", field.name))
}

/// A boolean of section 2, *Input types*: `1 T Y TRUE YES ON` in any case is true, anything else false.
pub(crate) fn loose_boolean(text: &str) -> bool {
    strict_boolean(text) == Some(true)
}

/// The boolean of an action (section 2, *Input types*): the words for true, `0 F N FALSE NO OFF`, or none.
pub(crate) fn strict_boolean(text: &str) -> Option<bool> {
    let is_one_of = |words: [&str; 6]| words.iter().any(|word| text.trim().eq_ignore_ascii_case(word));
    if is_one_of(["1", "t", "y", "true", "yes", "on"]) {
        return Some(true);
    }
    is_one_of(["0", "f", "n", "false", "no", "off"]).then_some(false)
}

fn integer(field: &Field, text: &str) -> Result<FieldValue, ApiError> {
    text.trim().parse().map(FieldValue::Int).map_err(|_| ApiError::parameter(field.name))
}

/// A bound, and whether the range includes it.
type Bound = Option<(FieldValue, bool)>;

/// `<v`, `<=v`, `>v`, `>=v`, `>a<b`, `>=a<=b` and the like.
fn between(field: &Field, text: &str, zone: &TimeZone) -> Result<Condition, ApiError> {
    let (mut lower, mut upper): (Bound, Bound) = (None, None);
    let mut rest = text;
    while let Some(operator) = rest.chars().next().filter(|c| matches!(c, '<' | '>')) {
        rest = &rest[1..];
        let inclusive = rest.starts_with('=');
        rest = rest.strip_prefix('=').unwrap_or(rest);
        let (value, next) = rest.split_at(rest.find(['<', '>']).unwrap_or(rest.len()));
        rest = next;
        let slot = if operator == '>' { &mut lower } else { &mut upper };
        if slot.is_some() {
            return Err(ApiError::parameter(field.name));
        }
        *slot = Some(match field.kind {
            FieldType::Time => bound_of_time(field, value, zone, operator == '>', inclusive)?,
            _ => (integer(field, value)?, inclusive),
        });
    }
    Ok(Condition::Between { lower, upper })
}

/// The range of all times that are shown as this second.
fn second(field: &Field, text: &str, zone: &TimeZone) -> Result<Condition, ApiError> {
    let lower = bound_of_time(field, text, zone, true, true)?;
    let upper = bound_of_time(field, text, zone, false, true)?;
    Ok(Condition::Between { lower: Some(lower), upper: Some(upper) })
}

/// A bound in whole seconds: either *from this second on* or *before this second*.
fn bound_of_time(
    field: &Field,
    text: &str,
    zone: &TimeZone,
    lower: bool,
    inclusive: bool,
) -> Result<(FieldValue, bool), ApiError> {
    let at = time(text, zone).ok_or_else(|| ApiError::parameter(field.name))?;
    let floor = at.as_millisecond().div_euclid(1000);
    let ceiling = floor + i64::from(at.as_millisecond().rem_euclid(1000) > 0);
    let second = match (lower, inclusive) {
        (true, true) | (false, false) => ceiling,
        (true, false) | (false, true) => floor + 1,
    };
    let bound = Timestamp::from_second(second).map_err(|_| ApiError::parameter(field.name))?;
    Ok((FieldValue::Time(bound), lower))
}

/// The latest bound, 9999-12-30T00:00:00Z; later times are cut to it. The range of timestamps ends during that day, and
/// arithmetic a little beyond a bound must not overflow.
const LAST: Timestamp = Timestamp::constant(253_402_128_000, 0);

/// A time of the years 0 to 9999 in ISO 8601, with an offset or local to the account. Date and time may be separated by a
/// space. A space before the offset is a `+` that was not encoded.
pub(crate) fn time(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = without_spaces(text.trim());
    if text.starts_with('-') {
        return None;
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.min(LAST));
    }
    let pieces = Pieces::parse(&text).ok()?;
    let local = pieces.date().to_datetime(pieces.time().unwrap_or_default());
    let zone = match pieces.to_numeric_offset() {
        Some(offset) => jiff::tz::TimeZone::fixed(offset),
        None => jiff::tz::TimeZone::get(zone.name()).unwrap_or(jiff::tz::TimeZone::UTC),
    };
    match zone.to_timestamp(local) {
        Ok(at) => Some(at.min(LAST)),
        Err(_) => (local.year() == 9999).then_some(LAST),
    }
}

/// Replaces the space between date and time by `T`, and one between time and offset by `+` if the offset has no sign.
fn without_spaces(text: &str) -> String {
    let (date, rest) = text.split_once([' ', 'T', 't']).unwrap_or((text, ""));
    match rest.rsplit_once(' ') {
        _ if rest.is_empty() => text.to_owned(),
        None => format!("{date}T{rest}"),
        Some((time, offset)) if offset.starts_with(|c: char| c.is_ascii_digit()) => format!("{date}T{time}+{offset}"),
        Some((time, offset)) => format!("{date}T{time}{offset}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static THING: Resource = Resource {
        name: "Thing",
        fields: &[
            Field::new("id", FieldType::Integer).sortable(),
            Field::new("name", FieldType::Text).sortable(),
            Field::new("event", FieldType::Enumeration).sortable(),
            Field::new("disabled", FieldType::Boolean).filterable(),
            Field::new("created_at", FieldType::Time).sortable(),
            Field::new("description", FieldType::Text),
        ],
        sort: ("id", false),
    };

    fn read(query: &str) -> Result<Vec<(&'static str, Condition)>, String> {
        let zone = TimeZone::parse("Europe/Amsterdam").unwrap();
        match conditions(&THING, &QueryParameters::parse(query), &["mine"], &zone) {
            Ok(filters) => Ok(filters.into_iter().map(|filter| (filter.field, filter.test)).collect()),
            Err(ApiError::BadRequest(why)) => Err(why),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn one(query: &str) -> Condition {
        read(query).unwrap().pop().unwrap().1
    }

    fn int(value: i64) -> FieldValue {
        FieldValue::Int(value)
    }

    fn text(value: &str) -> FieldValue {
        FieldValue::Text(value.into())
    }

    #[test]
    fn conditions_and_their_values_are_bounded() {
        let many = |count: usize| vec!["id=1"; count].join("&");
        assert_eq!(read(&many(100)).unwrap().len(), 100);
        assert_eq!(read(&many(101)).unwrap_err(), "Parameter 'id' is invalid");
        let set = |count: usize| format!("ids={}", vec!["1"; count].join(","));
        assert_eq!(read(&set(10_000)).unwrap().len(), 1);
        assert_eq!(read(&set(10_001)).unwrap_err(), "Parameter 'ids' is invalid");
    }

    #[test]
    fn an_operator_may_stand_before_the_equals_sign() {
        for (query, same) in [
            ("id!=3", "id=!3"),
            ("id%21=3,4", "id=!3,4"),
            ("ids!=3", "ids=!3"),
            ("name!=a", "name=!a"),
            ("name!=", "name=!"),
            ("id<=3", "id=<=3"),
            ("id>=3", "id=>=3"),
            ("id>=3<=7", "id=>=3<=7"),
            ("created_at>=2026-01-01", "created_at=>=2026-01-01"),
        ] {
            assert_eq!(read(query).unwrap(), read(same).unwrap(), "{query}");
        }
        assert_eq!(read("name<=a").unwrap_err(), "Field 'name' does not support the '=<=' operator");
        assert_eq!(read("nope!=a&page>=2").unwrap_err(), "Filtering not allowed on fields: nope, page");
    }

    #[test]
    fn date_and_time_may_be_separated_by_a_space() {
        let zone = TimeZone::parse("Europe/Amsterdam").unwrap();
        let at = |text: &str| time(text, &zone).map(|at| at.to_string());
        let same = Some("2026-11-28T10:00:00Z".to_owned());
        for text in [
            "2026-11-28T10:00:00Z",
            "2026-11-28 10:00:00Z",
            "2026-11-28 11:00:00",
            "2026-11-28T11:00:00 01:00",
            "2026-11-28 11:00:00 01:00",
            "2026-11-28 11:00:00+01:00",
            "2026-11-28 11:00:00 +01:00",
            "2026-11-28 08:00:00 -02:00",
            " 2026-11-28 11:00 ",
        ] {
            assert_eq!(at(text), same, "{text}");
        }
        assert_eq!(at("2026-11-28 "), Some("2026-11-27T23:00:00Z".to_owned()));
        for bad in ["2026-11-28 x", "2026 11 28", "2026-11-28 10:00 01:00 01:00", "10:00", " ", ""] {
            assert_eq!(at(bad), None, "{bad}");
        }
    }

    #[test]
    fn values_and_sets() {
        assert_eq!(one("name=a,b+c"), Condition::OneOf(vec![text("a,b c")]));
        assert_eq!(one("name=!a"), Condition::NoneOf(vec![text("a")]));
        assert_eq!(one("name=\\!a"), Condition::OneOf(vec![text("!a")]));
        assert_eq!(one("name=!\\!a"), Condition::NoneOf(vec![text("!a")]));
        assert_eq!(one("name="), Condition::Empty);
        assert_eq!(one("name"), Condition::Empty);
        assert_eq!(one("name=!"), Condition::Present);
        assert_eq!(one("ids=1,2"), Condition::OneOf(vec![int(1), int(2)]));
        assert_eq!(one("id=!1,2"), Condition::NoneOf(vec![int(1), int(2)]));
        assert_eq!(one("event=a.b,c.d"), Condition::OneOf(vec![text("a.b"), text("c.d")]));
        assert_eq!(one("disabled=Yes"), Condition::OneOf(vec![FieldValue::Bool(true)]));
        assert_eq!(one("disabled=!nope"), Condition::NoneOf(vec![FieldValue::Bool(false)]));
        assert_eq!(read("id=1&id=!2&fields=x&page=3&mine=4").unwrap().len(), 2);
    }

    #[test]
    fn ranges_of_numbers() {
        let between = |lower, upper| Condition::Between { lower, upper };
        assert_eq!(one("id=<5"), between(None, Some((int(5), false))));
        assert_eq!(one("id=<=5"), between(None, Some((int(5), true))));
        assert_eq!(one("id=>5"), between(Some((int(5), false)), None));
        assert_eq!(one("id=%3E%3D5"), between(Some((int(5), true)), None));
        assert_eq!(one("id=>1<5"), between(Some((int(1), false)), Some((int(5), false))));
        assert_eq!(one("id=>=1<=5"), between(Some((int(1), true)), Some((int(5), true))));
    }

    #[test]
    fn times_compare_as_they_are_shown() {
        let at = |text: &str| FieldValue::Time(text.parse().unwrap());
        let between = |lower: Option<&str>, upper: Option<&str>| Condition::Between {
            lower: lower.map(|lower| (at(lower), true)),
            upper: upper.map(|upper| (at(upper), false)),
        };
        for same in [
            "2026-11-25T09:30:00Z",
            "2026-11-25T10:30:00+01:00",
            "2026-11-25T10:30:00%2B01:00",
            "2026-11-25T10:30:00",
            "2026-11-25T10:30",
        ] {
            let (from, until) = ("2026-11-25T09:30:00Z", "2026-11-25T09:30:01Z");
            assert_eq!(one(&format!("created_at={same}")), between(Some(from), Some(until)), "{same}");
            assert_eq!(one(&format!("created_at=>{same}")), between(Some(until), None));
            assert_eq!(one(&format!("created_at=>={same}")), between(Some(from), None));
            assert_eq!(one(&format!("created_at=<{same}")), between(None, Some(from)));
            assert_eq!(one(&format!("created_at=<={same}")), between(None, Some(until)));
        }
        assert_eq!(
            one("created_at=>=2026-11-25<2026-11-26"),
            between(Some("2026-11-24T23:00:00Z"), Some("2026-11-25T23:00:00Z"))
        );
        assert_eq!(one("created_at=>=2026-11-25T09:30:00.5Z"), between(Some("2026-11-25T09:30:01Z"), None));
    }

    #[test]
    fn every_day_of_four_digit_years_is_a_time() {
        let utc = TimeZone::default();
        let read = |text: &str| time(text, &utc).map(|at| at.to_string());
        let last = Some(LAST.to_string());
        assert_eq!(last.as_deref(), Some("9999-12-30T00:00:00Z"));
        for late in [
            "9999-12-30T00:00:00.5Z",
            "9999-12-31",
            "9999-12-31T23:59:59",
            "9999-12-31T23:59:59Z",
            "9999-12-31t23:59:59.999999999z",
            "9999-12-31T23:59:59-23:59",
            "9999-12-31T23:59:59 14:00",
        ] {
            assert_eq!(read(late), last, "{late}");
        }
        assert_eq!(time("9999-12-31", &TimeZone::parse("Pacific/Kiritimati").unwrap()), Some(LAST));
        assert_eq!(read("9999-12-29T23:59:59Z").as_deref(), Some("9999-12-29T23:59:59Z"));
        assert_eq!(read("0000-01-01").as_deref(), Some("0000-01-01T00:00:00Z"));
        assert_eq!(read("0000-01-01T00:00:00+23:59").as_deref(), Some("-000001-12-31T00:01:00Z"));
        for never in ["", "9999-12-32", "9999-12-31T25:00:00Z", "9999-12-31Z", "10000-01-01", "-000001-06-01", "9999"] {
            assert_eq!(read(never), None, "{never}");
        }
        assert!(matches!(one("created_at=<=9999-12-31"), Condition::Between { lower: None, upper: Some(_) }));
    }

    #[test]
    fn what_is_refused() {
        for (query, why) in [
            ("foo=1&description=x&foo=2", "Filtering not allowed on fields: foo, description"),
            ("name=>a", "Field 'name' does not support the '=>' operator"),
            ("event=<=a", "Field 'event' does not support the '=<=' operator"),
            ("disabled=>true", "Field 'disabled' does not support the '=>' operator"),
            ("created_at=!2026-11-25", "Field 'created_at' does not support the '=!' operator"),
            ("disabled=true,false", "Cannot filter on a set of values for field 'disabled'"),
            ("created_at=2026-11-25,2026-11-26", "Cannot filter on a set of values for field 'created_at'"),
            ("id=x", "Parameter 'id' is invalid"),
            ("id=1,,2", "Parameter 'id' is invalid"),
            ("id=>1>2", "Parameter 'id' is invalid"),
            ("id=>", "Parameter 'id' is invalid"),
            ("id=99999999999999999999", "Parameter 'id' is invalid"),
            ("created_at=>yesterday", "Parameter 'created_at' is invalid"),
            ("created_at=-9999-01-01T00:00:00Z", "Parameter 'created_at' is invalid"),
        ] {
            assert_eq!(read(query).unwrap_err(), why, "{query}");
        }
    }
}
