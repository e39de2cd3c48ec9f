//! The extra headers of a webhook (section 3, `headers`; RFC 9110, section 5).

use crate::values::endpoint_uri::MASK;

/// How many a webhook may have.
pub const MAX_HEADERS: usize = 20;

/// The longest value, in bytes.
pub const MAX_VALUE: usize = 2 * 1024;

/// All names and values together, in bytes.
pub const MAX_TOTAL: usize = 8 * 1024;

/// Why a header is not accepted. The words continue the sentence *Headers is invalid*, and name the header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The name is no token of RFC 9110.
    #[error("is invalid: {} is not the name of a header", quoted(.0))]
    NotAName(String),
    /// The name is ours or the connection's.
    #[error("is invalid: {} is not allowed", quoted(.0))]
    Reserved(String),
    /// The name is there twice, in whatever case.
    #[error("is invalid: {} is repeated", quoted(.0))]
    Repeated(String),
    /// The value has characters that cannot be sent, or is too long.
    #[error(
        "is invalid: the value of {} must be visible ASCII of at most {MAX_VALUE} bytes, without spaces at its ends",
        quoted(.0)
    )]
    Value(String),
    /// The value is `***`, and there is none to keep.
    #[error("is invalid: {} has no stored value to keep", quoted(.0))]
    NothingStored(String),
    /// `Authorization`, while the URI has a user name.
    #[error("is invalid: {} is not allowed together with a user name in the URI", quoted(.0))]
    BesideUserInfo(String),
    /// More than [`MAX_HEADERS`].
    #[error("has reached its limit of {MAX_HEADERS}")]
    TooMany,
    /// More than [`MAX_TOTAL`].
    #[error("is too long (maximum is {MAX_TOTAL} bytes, names and values together)")]
    TooLarge,
}

/// A name as an error shows it: short, and without characters that do anything.
pub(crate) fn quoted(name: &str) -> String {
    let shown: String = name.chars().take(64).flat_map(char::escape_default).collect();
    format!("'{shown}'")
}

/// Accepts a name that an administrator may use: a token that is neither ours nor the connection's.
pub fn check_name(name: &str) -> Result<(), HeaderError> {
    const REFUSED: [&str; 11] = [
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "trailers",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
        "host",
        "forwarded",
        "expect",
    ];
    const REFUSED_STARTS: [&str; 6] = ["content-", "proxy-", "x-forwarded-", "webhook-", "x-4me-", "x-xurrent-"];
    let lower = name.to_ascii_lowercase();
    if !is_token(name) {
        return Err(HeaderError::NotAName(name.to_owned()));
    }
    let is_reserved = REFUSED.contains(&lower.as_str()) || REFUSED_STARTS.iter().any(|start| lower.starts_with(start));
    if is_reserved { Err(HeaderError::Reserved(name.to_owned())) } else { Ok(()) }
}

/// A token of RFC 9110, at most 256 bytes.
fn is_token(name: &str) -> bool {
    (1..=256).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Accepts visible ASCII, with spaces and tabs inside but not at the ends, of at most [`MAX_VALUE`] bytes.
pub fn check_value(name: &str, value: &str) -> Result<(), HeaderError> {
    let is_allowed = value.len() <= MAX_VALUE
        && value.bytes().all(|byte| (b' '..=b'~').contains(&byte) || byte == b'\t')
        && value.trim_matches([' ', '\t']) == value;
    if is_allowed { Ok(()) } else { Err(HeaderError::Value(name.to_owned())) }
}

/// True for a value that keeps the stored one.
#[must_use]
pub fn is_mask(value: &str) -> bool {
    value == MASK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values() {
        for good in ["X-Api-Key", "X-API-KEY", "SOAPAction", "Authorization", "x", "a_b", "Accept"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", "a b", "a:b", "ä", "a\r\nb", &"n".repeat(257)] {
            assert_eq!(check_name(bad), Err(HeaderError::NotAName(bad.to_owned())), "{bad:?}");
        }
        for bad in [
            "Host",
            "CONTENT-type",
            "Content-Length",
            "Transfer-Encoding",
            "Proxy-Authorization",
            "X-Forwarded-For",
            "Forwarded",
            "Expect",
            "Webhook-Id",
            "X-4me-Delivery",
            "x-xurrent-x",
            "Connection",
            "TE",
        ] {
            assert_eq!(check_name(bad), Err(HeaderError::Reserved(bad.to_owned())), "{bad:?}");
        }
        for good in ["Bearer a b", "", "a\tb", &"x".repeat(MAX_VALUE)] {
            assert_eq!(check_value("X", good), Ok(()), "{good:?}");
        }
        for bad in ["a\r\nb", "\u{0}", "é", " a", "a ", &"x".repeat(MAX_VALUE + 1)] {
            assert_eq!(check_value("X", bad), Err(HeaderError::Value("X".to_owned())), "{bad:?}");
        }
    }

    #[test]
    fn an_error_names_the_header_and_not_its_value() {
        assert_eq!(check_name("X-4me-A").unwrap_err().to_string(), "is invalid: 'X-4me-A' is not allowed");
        assert_eq!(
            check_name("a\u{1b}").unwrap_err().to_string(),
            "is invalid: 'a\\u{1b}' is not the name of a header"
        );
        let long = check_name(&" ".repeat(1000)).unwrap_err().to_string();
        assert!(long.len() < 120, "{long}");
        assert!(!check_value("X-Key", "canary\n").unwrap_err().to_string().contains("canary"));
    }
}
