//! Reads an answer, whatever it is: the head as far as it is kept, and of the body 64 KiB at most (section 8).

use std::pin::Pin;

use hookline_core::model::{ErrorClass, Failure, ResponseRecord};
use http::HeaderMap;
use tokio::time::Sleep;

/// After so many bytes the body is left, and the connection closed.
const BODY_READ: usize = 64 * 1024;
/// So many bytes of a failure's body are kept.
const BODY_KEPT: usize = 1024;
/// So many headers are kept.
const HEADERS_KEPT: usize = 50;
/// So many bytes of headers are kept, names and values together.
const HEADER_BYTES_KEPT: usize = 8 * 1024;

/// Reads the rest of an answer until the deadline. `Err` if its head is not an answer at all.
pub(crate) async fn read(mut answer: reqwest::Response, deadline: Pin<&mut Sleep>) -> Result<ResponseRecord, Failure> {
    let status = answer.status();
    if status.is_informational() {
        // A switch of protocols that nobody asked for. Other 1xx come before the answer, and the client skips them.
        return Err(Failure::new(ErrorClass::Protocol, format!("Invalid answer: {status}")));
    }
    let headers = kept_headers(answer.headers());
    let keep = if status.is_success() { 0 } else { BODY_KEPT };
    let body = read_body(&mut answer, keep, deadline).await;
    Ok(ResponseRecord { status: status.as_u16(), headers, body: String::from_utf8_lossy(&body).into_owned() })
}

/// Reads the body until 64 KiB, its end, its failure or the deadline; gives its first bytes.
async fn read_body(answer: &mut reqwest::Response, keep: usize, mut deadline: Pin<&mut Sleep>) -> Vec<u8> {
    let (mut kept, mut read) = (Vec::new(), 0);
    while read < BODY_READ {
        let chunk = tokio::select! {
            biased;
            chunk = answer.chunk() => chunk,
            () = &mut deadline => break,
        };
        let Ok(Some(chunk)) = chunk else { break };
        read += chunk.len();
        let room = keep - kept.len();
        kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    kept
}

/// The first headers, non-ASCII bytes and control characters replaced by `?`.
fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut kept = Vec::with_capacity(headers.len().min(HEADERS_KEPT));
    let mut room = HEADER_BYTES_KEPT;
    for (name, value) in headers.iter().take(HEADERS_KEPT) {
        let Some(left) = room.checked_sub(name.as_str().len() + value.len()) else { break };
        room = left;
        let printable =
            |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' || *byte == b'\t' { *byte } else { b'?' };
        kept.push((
            name.as_str().to_owned(),
            value.as_bytes().iter().map(|byte| char::from(printable(byte))).collect(),
        ));
    }
    kept
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn headers_are_cut_at_50_and_8_kib() {
        let many = |count: usize, length: usize| {
            let mut headers = HeaderMap::new();
            for n in 0..count {
                let name = HeaderName::try_from(format!("x-{n:03}")).unwrap();
                headers.insert(name, HeaderValue::try_from("v".repeat(length)).unwrap());
            }
            kept_headers(&headers).len()
        };
        assert_eq!(many(80, 10), 50);
        assert_eq!(many(50, 10), 50);
        assert_eq!(many(9, 1019), 8);
        assert_eq!(many(1, 8187), 1);
        assert_eq!(many(1, 8188), 0);
        let odd: HeaderMap =
            [(HeaderName::from_static("x"), HeaderValue::from_bytes(b"a\xff\tb").unwrap())].into_iter().collect();
        assert_eq!(kept_headers(&odd), [("x".to_owned(), "a?\tb".to_owned())]);
    }
}
