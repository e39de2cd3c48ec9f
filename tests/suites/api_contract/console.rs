//! The console (section 13): its page and files, compressed, as they arrive at a browser.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;
use hookline_tests::connection::Answer;
use http::{Request, StatusCode};

use crate::fixture::ServiceFixture;

async fn get(service: &ServiceFixture, path: &str, encoding: &str) -> Answer {
    let request = Request::get(path).header("Accept-Encoding", encoding);
    service.target.send(request.body(Bytes::new()).expect("a request")).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().expect("a visible value"))
}

async fn page_and_files_arrive_compressed(service: ServiceFixture) {
    let page = get(&service, "/console", "identity").await;
    assert_eq!((page.status, header(&page, "content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    assert_eq!((header(&page, "cache-control"), header(&page, "content-encoding")), ("no-cache", ""));
    assert!(header(&page, "content-security-policy").starts_with("default-src 'none'; script-src 'self'"));
    let html = String::from_utf8(page.body.to_vec()).expect("a page is UTF-8");
    let script = html.split('"').find(|text| text.contains(".js")).expect("a script");
    for path in ["console", script] {
        let plain = get(&service, &format!("/{path}"), "").await;
        let gzip = get(&service, &format!("/{path}"), "gzip").await;
        assert_eq!((header(&gzip, "content-encoding"), header(&plain, "content-encoding")), ("gzip", ""));
        let mut unpacked = Vec::new();
        GzDecoder::new(&gzip.body[..]).read_to_end(&mut unpacked).expect("gzip");
        assert_eq!(unpacked, plain.body, "{path}");
    }
    let script = get(&service, &format!("/{script}"), "br").await;
    assert_eq!(header(&script, "cache-control"), "public, max-age=31536000, immutable");
    let tag = header(&page, "etag").to_owned();
    let request = Request::get("/console").header("If-None-Match", tag).body(Bytes::new()).expect("a request");
    let again = service.target.send(request).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
}

on_every_target!(page_and_files_arrive_compressed);
