//! The query of a list: filters, sort, position and page size.

use hookline_core::values::{ListQuery, Position, Sort, TimeZone};

use super::cursor;
use super::fields::Resource;
use super::filters::conditions;
use super::parameters::QueryParameters;
use crate::response::ApiError;

/// The largest page; more is taken as this.
const MAX_PER_PAGE: u32 = 100;
/// The page size if the query has no `per_page`.
const DEFAULT_PER_PAGE: u32 = 20;
/// The largest number of a page; more is taken as this.
const LAST_PAGE: u64 = 1_000_000_000;

/// Parses the query of a list.
pub(crate) fn query(resource: &Resource, parameters: &QueryParameters, zone: &TimeZone) -> Result<ListQuery, ApiError> {
    let filters = conditions(resource, parameters, &[], zone)?;
    let sort = sort(resource, parameters)?;
    let per_page = per_page(parameters)?;
    let position = if let Some(text) = parameters.non_empty("search_after") {
        Position::After(cursor::decode(resource, &sort, text).ok_or_else(|| ApiError::parameter("search_after"))?)
    } else if let Some(text) = parameters.non_empty("search_before") {
        Position::Before(cursor::decode(resource, &sort, text).ok_or_else(|| ApiError::parameter("search_before"))?)
    } else {
        Position::Page(at_least_one(parameters, "page")?.unwrap_or(1).min(LAST_PAGE))
    };
    Ok(ListQuery { filters, sort, position, per_page })
}

/// Parses `per_page`.
pub(crate) fn per_page(parameters: &QueryParameters) -> Result<u32, ApiError> {
    let wanted = at_least_one(parameters, "per_page")?;
    Ok(wanted.map_or(DEFAULT_PER_PAGE, |wanted| u32::try_from(wanted).unwrap_or(MAX_PER_PAGE).min(MAX_PER_PAGE)))
}

/// A positive integer; a number that is too large is taken as the largest.
fn at_least_one(parameters: &QueryParameters, name: &str) -> Result<Option<u64>, ApiError> {
    let Some(text) = parameters.last(name).map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ApiError::parameter(name));
    }
    let value = if text.starts_with('-') { 0 } else { digits.parse().unwrap_or(u64::MAX) };
    if value == 0 {
        return Err(ApiError::BadRequest(format!("Parameter '{name}' cannot be less than 1")));
    }
    Ok(Some(value))
}

/// Parses `sort=-created_at,id`.
fn sort(resource: &Resource, parameters: &QueryParameters) -> Result<Vec<Sort>, ApiError> {
    let text = parameters.last("sort").unwrap_or_default();
    let mut keys: Vec<Sort> = Vec::new();
    let mut refused: Vec<&str> = Vec::new();
    for key in text.split(',').map(str::trim).filter(|key| !key.is_empty()) {
        let (name, descending) = key.strip_prefix('-').map_or((key, false), |name| (name, true));
        match resource.field(name).filter(|field| field.sortable) {
            Some(field) if keys.iter().any(|known| known.field == field.name) => {}
            Some(field) => keys.push(Sort { field: field.name, descending }),
            None => refused.push(name),
        }
    }
    if !refused.is_empty() {
        return Err(ApiError::BadRequest(format!("Sorting not allowed on fields: {}", refused.join(", "))));
    }
    if keys.is_empty() {
        let (field, descending) = resource.sort;
        keys.push(Sort { field, descending });
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::{Field, FieldType};

    static THING: Resource = Resource {
        name: "Thing",
        fields: &[
            Field::new("id", FieldType::Integer).sortable(),
            Field::new("name", FieldType::Text).sortable(),
            Field::new("description", FieldType::Text),
        ],
        sort: ("id", true),
    };

    fn read(text: &str) -> Result<ListQuery, String> {
        match query(&THING, &QueryParameters::parse(text), &TimeZone::default()) {
            Ok(query) => Ok(query),
            Err(ApiError::BadRequest(why)) => Err(why),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn pages_and_sorts() {
        let query = read("").unwrap();
        assert_eq!((query.per_page, query.position), (20, Position::Page(1)));
        assert_eq!(query.sort, [Sort { field: "id", descending: true }]);
        let query = read("per_page=99999999999999999999&page=3&sort=-name,id,name").unwrap();
        assert_eq!((query.per_page, query.position), (100, Position::Page(3)));
        assert_eq!(query.sort, [Sort { field: "name", descending: true }, Sort { field: "id", descending: false }]);
        let query = read("search_after=&search_before=&page=&per_page=&sort=").unwrap();
        assert_eq!((query.per_page, query.position), (20, Position::Page(1)));
        for (text, why) in [
            ("per_page=0", "Parameter 'per_page' cannot be less than 1"),
            ("per_page=-5", "Parameter 'per_page' cannot be less than 1"),
            ("page=0", "Parameter 'page' cannot be less than 1"),
            ("per_page=x", "Parameter 'per_page' is invalid"),
            ("sort=-description,nope", "Sorting not allowed on fields: description, nope"),
            ("search_after=x", "Parameter 'search_after' is invalid"),
            ("search_before=!", "Parameter 'search_before' is invalid"),
        ] {
            assert_eq!(read(text).unwrap_err(), why, "{text}");
        }
    }
}
