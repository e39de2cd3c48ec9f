//! The bytes of a request. Nothing is normalised: the target and the names of headers go out as they were registered.

use std::io::Write as _;

use hookline_core::ports::OutgoingRequest;
use zeroize::Zeroizing;

/// The request as it goes on the wire, or the name of a header that cannot be sent.
///
/// Headers of webhooks are checked when they are saved, and links of publishers are escaped. So a header that cannot be
/// sent comes from our own settings.
pub(crate) fn encode(request: &OutgoingRequest<'_>) -> Result<Zeroizing<Vec<u8>>, String> {
    let headers = || request.headers.iter().map(|(name, value)| (name.as_str(), value.expose().as_str()));
    // The exact size, so that no copy with secrets is left behind when the buffer grows.
    let size = headers().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>()
        + request.uri.target().len()
        + request.uri.authority().len()
        + request.body.len()
        + 100;
    let mut bytes = Zeroizing::new(Vec::with_capacity(size));
    // Writing to memory cannot fail.
    let _ = write!(bytes, "POST {} HTTP/1.1\r\nHost: {}\r\n", request.uri.target(), request.uri.authority());
    for (name, value) in headers() {
        if !is_token(name) || !is_sendable(value) {
            return Err(name.to_owned());
        }
        let _ = write!(bytes, "{name}: {value}\r\n");
    }
    let _ = write!(bytes, "Content-Length: {}\r\n\r\n", request.body.len());
    bytes.extend_from_slice(&request.body);
    Ok(bytes)
}

/// True for a token of RFC 9110.
pub(crate) fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// True for a value that cannot end its line.
fn is_sendable(value: &str) -> bool {
    value.chars().all(|c| c == '\t' || !c.is_control())
}

#[cfg(test)]
mod tests {
    use hookline_core::values::EndpointUri;
    use hookline_core::values::Secret;

    use super::*;

    fn encoded(uri: &str, headers: &[(&str, &str)]) -> Result<String, String> {
        let uri = EndpointUri::parse(uri).expect("a URI").uri;
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), Secret::new((*value).to_owned())));
        let request =
            OutgoingRequest { uri: &uri, headers: headers.collect(), body: "{}".into(), fresh_connection: false };
        encode(&request).map(|bytes| String::from_utf8(bytes.to_vec()).expect("UTF-8"))
    }

    #[test]
    fn targets_and_names_are_sent_as_they_are_written() {
        assert_eq!(
            encoded("https://ada:pw@Hook.example:443/a%2e/b//c;v=1/x?s='x'", &[("X-API-KEY", "k"), ("SOAPAction", "")]),
            Ok("POST /a%2e/b//c;v=1/x?s='x' HTTP/1.1\r\nHost: hook.example\r\nX-API-KEY: k\r\nSOAPAction: \r\n\
                Content-Length: 2\r\n\r\n{}"
                .to_owned())
        );
    }

    #[test]
    fn a_header_that_would_break_its_line_is_named() {
        for (name, value) in [("A B", "x"), ("", "x"), ("A:", "x"), ("é", "x"), ("A", "x\r\nB: y"), ("A", "\0")] {
            assert_eq!(encoded("http://hook.example/", &[("Accept", "*/*"), (name, value)]), Err(name.to_owned()));
        }
    }
}
