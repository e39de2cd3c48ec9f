//! Content negotiation: `Accept` and `Content-Type`. JSON in and out, UTF-8 (section 2).

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};

use crate::response::ApiError;

/// Refuses a request whose `Accept` excludes JSON. A value that cannot be parsed excludes nothing.
pub(crate) fn check_accept(headers: &HeaderMap) -> Result<(), ApiError> {
    // The most specific range that includes JSON decides: 3 for `application/json`, 2 for `application/*`, 1 for `*/*`.
    let mut best: (u8, f32) = (0, 0.0);
    let mut ranges = 0;
    for value in headers.get_all(ACCEPT) {
        let Ok(value) = value.to_str() else { return Ok(()) };
        for range in value.split(',').map(str::trim).filter(|range| !range.is_empty()) {
            ranges += 1;
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            let weight = weight.map_or(1.0, |weight| weight.parse().unwrap_or(1.0));
            let rank = match media.as_str() {
                "application/json" => 3,
                "application/*" => 2,
                "*/*" | "*" => 1,
                _ => 0,
            };
            if rank > best.0 || rank == best.0 && weight > best.1 {
                best = (rank, weight);
            }
        }
    }
    let excluded = ranges > 0 && (best.0 == 0 || best.1 <= 0.0);
    if excluded { Err(ApiError::NotAcceptable) } else { Ok(()) }
}

/// Refuses a body whose type is not JSON in UTF-8. A body without a type is read as JSON.
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let Some(value) = values.next() else { return Ok(()) };
    if values.next().is_some() {
        return Err(ApiError::UnsupportedMediaType);
    }
    let value = value.to_str().map_err(|_| ApiError::UnsupportedMediaType)?;
    let mut parts = value.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let is_json = media.is_empty()
        || media.eq_ignore_ascii_case("application/json")
        || media.eq_ignore_ascii_case("text/json")
        || media.len() > 5
            && media.is_char_boundary(media.len() - 5)
            && media[media.len() - 5..].eq_ignore_ascii_case("+json");
    let is_utf8 = parts.filter_map(|part| part.split_once('=')).all(|(name, value)| {
        let value = value.trim().trim_matches('"');
        !name.trim().eq_ignore_ascii_case("charset")
            || ["utf-8", "utf8", "us-ascii"].iter().any(|known| value.eq_ignore_ascii_case(known))
    });
    if is_json && is_utf8 { Ok(()) } else { Err(ApiError::UnsupportedMediaType) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn accept() {
        assert!(check_accept(&HeaderMap::new()).is_ok());
        for good in [
            "",
            "*/*",
            "application/json",
            "APPLICATION/*",
            "text/html, */*;q=0.1",
            "application/json;charset=utf-8",
            "text/html;q=0.9,application/json;q=0.1",
            "*/*;q=0, application/json",
            "*",
        ] {
            assert!(check_accept(&headers(ACCEPT, good)).is_ok(), "{good:?}");
        }
        for bad in
            ["text/html", "application/xml, text/*", "application/json;q=0", "*/*, application/json;q=0.0", "*/*;q=0"]
        {
            assert!(check_accept(&headers(ACCEPT, bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn content_type() {
        assert!(check_content_type(&HeaderMap::new()).is_ok());
        for good in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
            "application/merge-patch+json",
            "text/json",
        ] {
            assert!(check_content_type(&headers(CONTENT_TYPE, good)).is_ok(), "{good:?}");
        }
        for bad in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=utf-16",
            "application/jsonx",
            "json",
            "multipart/form-data; boundary=x",
        ] {
            assert!(check_content_type(&headers(CONTENT_TYPE, bad)).is_err(), "{bad:?}");
        }
    }
}
