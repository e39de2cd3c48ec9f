//! Answers requests for the page and its files.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION,
    REFERRER_POLICY, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::encoding::accepts_gzip;
use crate::files::{self, File};

/// Answers a request whose path is `/console` or below it; `None` if there is no such file. `frame_ancestors` is what
/// the directive of this name holds: the pages that may embed the console.
#[must_use]
pub fn respond(method: &Method, path: &str, headers: &HeaderMap, frame_ancestors: &str) -> Option<Response<Bytes>> {
    let rest = path.strip_prefix("/console")?;
    let mut response = match rest.strip_prefix('/') {
        // The page refers to its files relative to `/console`.
        Some("") => redirect(),
        Some(path) => found(files::file(path)?, headers, "public, max-age=31536000, immutable"),
        None if rest.is_empty() => found(files::page()?, headers, "no-cache"),
        None => return None,
    };
    if !matches!(*method, Method::GET | Method::HEAD) {
        response = with_status(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy(frame_ancestors));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Some(response)
}

/// A file, or 304 if the client has it.
fn found(file: &File, headers: &HeaderMap, cache: &'static str) -> Response<Bytes> {
    let mut response = if is_known(file, headers) {
        with_status(StatusCode::NOT_MODIFIED)
    } else {
        let plain = (!accepts_gzip(headers)).then(|| file.plain()).flatten();
        let is_compressed = plain.is_none();
        let mut response = Response::new(plain.map_or(Bytes::from_static(file.gzip), Bytes::from));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(file.media_type));
        if is_compressed {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(ETAG, HeaderValue::from_static(file.tag));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}

/// True if `If-None-Match` has the entity tag of the file.
fn is_known(file: &File, headers: &HeaderMap) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let values = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|tag| opaque(tag) == opaque(file.tag) || tag.trim() == "*")
}

fn redirect() -> Response<Bytes> {
    let mut response = with_status(StatusCode::PERMANENT_REDIRECT);
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("../console"));
    response
}

fn with_status(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// The policy of the page: its own files, the API at its own origin, and nothing else.
fn policy(frame_ancestors: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
         form-action 'none'; base-uri 'none'; frame-ancestors {frame_ancestors}"
    );
    let strict = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    HeaderValue::from_str(&policy).unwrap_or(strict)
}

#[cfg(test)]
mod tests {
    use http::header::ACCEPT_ENCODING;

    use super::*;
    use crate::files::{FILES, FOLDER};

    fn get(path: &str, headers: &HeaderMap) -> Option<Response<Bytes>> {
        respond(&Method::GET, path, headers, "'none'")
    }

    fn header(response: &Response<Bytes>, name: http::HeaderName) -> &str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn the_page_is_revalidated_and_its_files_never_change() {
        let page = get("/console", &HeaderMap::new()).unwrap();
        assert_eq!((page.status(), header(&page, CACHE_CONTROL)), (StatusCode::OK, "no-cache"));
        assert_eq!(header(&page, CONTENT_TYPE), "text/html; charset=utf-8");
        for file in FILES.iter().filter(|file| file.name != "index.html") {
            let response = get(&format!("/console/{FOLDER}/{}", file.name), &HeaderMap::new()).unwrap();
            assert_eq!(header(&response, CACHE_CONTROL), "public, max-age=31536000, immutable");
            assert_eq!(
                (Some(response.body().to_vec()), header(&response, CONTENT_TYPE)),
                (file.plain(), file.media_type)
            );
        }
        let known = HeaderMap::from_iter([(IF_NONE_MATCH, page.headers()[ETAG].clone())]);
        let again = get("/console", &known).unwrap();
        assert_eq!((again.status(), again.body().len()), (StatusCode::NOT_MODIFIED, 0));
        assert_eq!(header(&again, ETAG), header(&page, ETAG));
        let other = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static("W/\"x\""))]);
        assert_eq!(get("/console", &other).unwrap().status(), StatusCode::OK);
    }

    #[test]
    fn files_are_sent_compressed() {
        for (accepted, sent) in [("br", ""), ("gzip, br", "gzip"), ("", "")] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, accepted.parse().unwrap())]);
            let page = get("/console", &headers).unwrap();
            assert_eq!((header(&page, CONTENT_ENCODING), header(&page, VARY)), (sent, "Accept-Encoding"));
        }
    }

    #[test]
    fn every_answer_has_the_policy() {
        let file = format!("/console/{FOLDER}/{}", FILES.iter().find(|file| file.name != "index.html").unwrap().name);
        for path in ["/console", "/console/", &file] {
            for method in [Method::GET, Method::HEAD, Method::POST] {
                let response = respond(&method, path, &HeaderMap::new(), "'self' https://portal.example.com").unwrap();
                let policy = header(&response, CONTENT_SECURITY_POLICY);
                assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
                assert!(policy.ends_with("; frame-ancestors 'self' https://portal.example.com"), "{policy}");
                assert_eq!(header(&response, REFERRER_POLICY), "no-referrer");
            }
        }
        let page = respond(&Method::GET, "/console", &HeaderMap::new(), "a\nb").unwrap();
        assert_eq!(header(&page, CONTENT_SECURITY_POLICY), "default-src 'none'; frame-ancestors 'none'");
    }

    #[test]
    fn other_paths_and_methods() {
        for path in ["/", "/consoles", "/console/x", "/console//", "/console/../console", "/webhooks"] {
            assert!(get(path, &HeaderMap::new()).is_none(), "{path}");
        }
        let slash = get("/console/", &HeaderMap::new()).unwrap();
        assert_eq!((slash.status(), header(&slash, LOCATION)), (StatusCode::PERMANENT_REDIRECT, "../console"));
        let post = respond(&Method::POST, "/console", &HeaderMap::new(), "'none'").unwrap();
        assert_eq!((post.status(), header(&post, ALLOW)), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
    }
}
