//! The answer with a page: records, totals and links (section 2, *Pagination*; RFC 8288).

use std::ops::Range;

use hookline_core::ports::{DeliveryPage, DeliveryQuery};
use hookline_core::values::{Cursor, FieldValue, ListQuery, Page, Position};
use http::HeaderValue;
use http::header::{HeaderName, LINK};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::cursor::{self, encode_delivery};
use super::parameters::decode;
use crate::response::ApiResponse;

/// Characters that are percent-encoded in a link: delimiters of the header, and everything but visible ASCII.
const IN_LINK: &AsciiSet = &CONTROLS.add(b' ').add(b'<').add(b'>').add(b'"').add(b',').add(b';').add(b'\\');

/// The most JSON in a page. The answer of a function has at most 6 MB, and holds the JSON as a string, in which each quote
/// and backslash takes another byte.
const MAX_PAGE_BYTES: usize = 3_000_000;

/// Builds the links of a page: absolute URLs below the one that the request used, with its parameters.
pub(crate) struct PageLinks {
    /// The URL of the list, with the parameters that all links repeat.
    base: String,
    links: Vec<String>,
}

impl PageLinks {
    /// Links for the list at `path` below `url`.
    pub(crate) fn new(url: &str, path: &str, query: &str) -> Self {
        let mut base = String::with_capacity(url.len() + path.len() + query.len() + 1);
        base.push_str(url);
        base.extend(utf8_percent_encode(path, IN_LINK));
        base.push('?');
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let name = decode(pair.split('=').next().unwrap_or_default());
            if !matches!(name.as_str(), "page" | "search_after" | "search_before") {
                base.extend(utf8_percent_encode(pair, IN_LINK));
                base.push('&');
            }
        }
        Self { base, links: Vec::new() }
    }

    /// Adds a link with one more parameter, which names the position.
    fn add(&mut self, rel: &str, place: Option<(&str, &str)>) {
        let base = &self.base;
        let link = match place {
            Some((name, value)) => format!("<{base}{name}={value}>; rel=\"{rel}\""),
            None => format!("<{}>; rel=\"{rel}\"", base.trim_end_matches(['?', '&'])),
        };
        self.links.push(link);
    }

    /// Adds the `Link` header to a response, if there are any links.
    fn put(self, answer: ApiResponse) -> ApiResponse {
        if self.links.is_empty() { answer } else { answer.with(LINK, self.links.join(", ")) }
    }
}

/// The answer with a page: its records as `views`, totals and links. `value` returns a record's value for a sort key, `id`
/// its id.
pub(crate) fn page_answer<T>(
    views: &[impl Serialize],
    mut links: PageLinks,
    query: &ListQuery,
    mut page: Page<T>,
    value: impl Fn(&T, &'static str) -> Option<FieldValue>,
    id: impl Fn(&T) -> u64,
) -> ApiResponse {
    let (answer, shown) = fitting(views, matches!(query.position, Position::Before(_)));
    page.items.truncate(shown.end);
    page.items.drain(..shown.start);
    page.offset += shown.start as u64;
    let per_page = u64::from(query.per_page);
    let count = page.items.len() as u64;
    let total_pages = page.total.div_ceil(per_page);
    let current = match query.position {
        Position::Page(number) => number,
        // Records may be created and deleted between two pages, so an offset need not be a multiple of the page size.
        Position::After(_) | Position::Before(_) if page.offset == 0 => 1,
        Position::After(_) | Position::Before(_) => (page.offset + per_page / 2) / per_page + 1,
    };
    let current = if page.offset == 0 { current } else { current.max(2) };
    let at = |item: &T, offset: u64| {
        let values = query.sort.iter().map(|key| value(item, key.field)).collect();
        cursor::encode(&Cursor { offset, values, id: id(item) })
    };
    if current > 1 {
        links.add("first", None);
        match page.items.first() {
            Some(first) => links.add("prev", Some(("search_before", &at(first, page.offset)))),
            None if total_pages > 1 => links.add("prev", Some(("page", &total_pages.to_string()))),
            None => links.add("prev", None),
        }
    }
    if let Some(last) = page.items.last().filter(|_| page.offset + count < page.total) {
        links.add("next", Some(("search_after", &at(last, page.offset + count))));
    }
    let number = |name: &'static str, value: u64| (HeaderName::from_static(name), HeaderValue::from(value));
    let answer = [
        number("x-pagination-per-page", per_page),
        number("x-pagination-current-page", current),
        number("x-pagination-total-pages", total_pages),
        number("x-pagination-total-entries", page.total),
    ]
    .into_iter()
    .fold(answer, |answer, (name, value)| answer.with(name, value));
    links.put(answer)
}

/// The answer with a page of the delivery log, which has cursors only and no totals (section 10).
pub(crate) fn log_answer(
    views: &[impl Serialize],
    mut links: PageLinks,
    query: &DeliveryQuery,
    mut page: DeliveryPage,
) -> ApiResponse {
    let (answer, shown) = fitting(views, query.newer_than.is_some());
    if shown.end < page.items.len() {
        page.older = page.items.get(shown.end - 1).map(|last| last.id);
    }
    if shown.start > 0 {
        page.newer = page.items.get(shown.start).map(|first| first.id);
    }
    if let Some(newer) = page.newer {
        links.add("first", None);
        links.add("prev", Some(("search_before", &encode_delivery(newer))));
    }
    if let Some(older) = page.older {
        links.add("next", Some(("search_after", &encode_delivery(older))));
    }
    links.put(answer.with(HeaderName::from_static("x-pagination-per-page"), HeaderValue::from(query.per_page)))
}

/// The answer with as many records of a page as fit into one, and which of them these are. A page that was reached from a
/// newer one loses records at its end, and one that was reached backwards loses them at its beginning. The first one always
/// fits.
fn fitting(views: &[impl Serialize], backwards: bool) -> (ApiResponse, Range<usize>) {
    let texts: Vec<Box<RawValue>> =
        views.iter().map(|view| to_raw_value(view).expect("views have text keys and finite numbers")).collect();
    let mut bytes = 0;
    let mut fits = |text: &RawValue| {
        bytes += text.get().len() + 1;
        bytes <= MAX_PAGE_BYTES
    };
    let shown = if backwards {
        let count = texts.iter().rev().take_while(|text| fits(text)).count().max(1).min(texts.len());
        texts.len() - count..texts.len()
    } else {
        0..texts.iter().take_while(|text| fits(text)).count().max(1).min(texts.len())
    };
    (ApiResponse::ok(&&texts[shown.clone()]), shown)
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use hookline_core::values::Sort;

    use super::*;

    /// The headers of a page that holds `count` of `total` numbers, from `offset` on.
    fn headers(position: Position, offset: u64, count: u64, total: u64) -> (String, Option<String>) {
        let query = ListQuery {
            filters: Vec::new(),
            sort: vec![Sort { field: "id", descending: false }],
            position,
            per_page: 10,
        };
        let page = Page { items: (offset..offset + count).collect(), total, offset };
        let links = PageLinks::new("https://h", "/v1/webhooks", "fields=id,name&page=2&search%5Fafter=x&name=a;b");
        let value = |item: &u64, _: &str| i64::try_from(*item).ok().map(FieldValue::Int);
        let views = page.items.clone();
        let response = page_answer(&views, links, &query, page, value, |item| *item).into_response();
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let numbers = ["per-page", "current-page", "total-pages", "total-entries"];
        let numbers = numbers.map(|name| header(&format!("x-pagination-{name}")).unwrap()).join(" ");
        (numbers, header("link"))
    }

    const BASE: &str = "https://h/v1/webhooks?fields=id%2Cname&name=a%3Bb";

    #[test]
    fn an_only_page_links_nothing() {
        assert_eq!(headers(Position::Page(1), 0, 0, 0), ("10 1 0 0".into(), None));
        assert_eq!(headers(Position::Page(1), 0, 10, 10), ("10 1 1 10".into(), None));
    }

    #[test]
    fn pages_link_to_each_other() {
        let cursor = |offset, id: i64| {
            let id = u64::try_from(id).unwrap();
            cursor::encode(&Cursor { offset, values: vec![Some(FieldValue::Int(id.cast_signed()))], id })
        };
        let next = |offset, id| format!("<{BASE}&search_after={}>; rel=\"next\"", cursor(offset, id));
        let back = |offset, id| {
            let prev = cursor(offset, id);
            format!("<{BASE}>; rel=\"first\", <{BASE}&search_before={prev}>; rel=\"prev\"")
        };
        assert_eq!(headers(Position::Page(1), 0, 10, 25), ("10 1 3 25".into(), Some(next(10, 9))));
        let middle = format!("{}, {}", back(10, 10), next(20, 19));
        assert_eq!(headers(Position::Page(2), 10, 10, 25), ("10 2 3 25".into(), Some(middle.clone())));
        let after = Position::After(Cursor { offset: 10, values: Vec::new(), id: 9 });
        assert_eq!(headers(after.clone(), 10, 10, 25), ("10 2 3 25".into(), Some(middle)));
        assert_eq!(headers(after.clone(), 20, 5, 25), ("10 3 3 25".into(), Some(back(20, 20))));
        // A record before the cursor was deleted: this is still the second page, and still has a previous one.
        assert_eq!(headers(after.clone(), 3, 10, 13), ("10 2 2 13".into(), Some(back(3, 3))));
        let beyond = format!("<{BASE}>; rel=\"first\", <{BASE}&page=3>; rel=\"prev\"");
        assert_eq!(headers(Position::Page(9), 80, 0, 25), ("10 9 3 25".into(), Some(beyond)));
        let gone = format!("<{BASE}>; rel=\"first\", <{BASE}>; rel=\"prev\"");
        assert_eq!(headers(after, 10, 0, 10), ("10 2 1 10".into(), Some(gone)));
        let before = Position::Before(Cursor { offset: 10, values: Vec::new(), id: 10 });
        assert_eq!(headers(before, 0, 10, 25), ("10 1 3 25".into(), Some(next(10, 9))));
    }

    #[test]
    fn a_page_ends_where_the_answer_is_full() {
        let large = |count: usize| vec!["x".repeat(MAX_PAGE_BYTES / 3); count];
        for (count, forwards, backwards) in [(0, 0..0, 0..0), (1, 0..1, 0..1), (2, 0..2, 0..2), (5, 0..2, 3..5)] {
            assert_eq!(fitting(&large(count), false).1, forwards, "{count}");
            assert_eq!(fitting(&large(count), true).1, backwards, "{count}");
        }
        let too_large = vec!["x".repeat(2 * MAX_PAGE_BYTES); 2];
        assert_eq!((fitting(&too_large, false).1, fitting(&too_large, true).1), (0..1, 1..2));
    }
}
