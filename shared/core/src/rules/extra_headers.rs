//! The extra headers of a webhook (section 3, `headers`; RFC 9110, section 5).

use crate::values::endpoint_uri::MASK;

/// How many a webhook may have.
pub const MAX_HEADERS: usize = 20;

/// The longest value, in bytes.
pub const MAX_VALUE: usize = 2 * 1024;

/// All names and values together, in bytes.
pub const MAX_TOTAL: usize = 8 * 1024;

/// True for a name that an administrator may use: a token that is neither ours nor the connection's.
#[must_use]
pub fn is_allowed_name(name: &str) -> bool {
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
    is_token(name) && !REFUSED.contains(&lower.as_str()) && !REFUSED_STARTS.iter().any(|start| lower.starts_with(start))
}

/// A token of RFC 9110, at most 256 bytes.
fn is_token(name: &str) -> bool {
    (1..=256).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Visible ASCII, with spaces and tabs inside but not at the ends, at most [`MAX_VALUE`] bytes.
#[must_use]
pub fn is_allowed_value(value: &str) -> bool {
    value.len() <= MAX_VALUE
        && value.bytes().all(|byte| (b' '..=b'~').contains(&byte) || byte == b'\t')
        && value.trim_matches([' ', '\t']) == value
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
        for good in ["X-Api-Key", "Authorization", "x", "a_b", "Accept"] {
            assert!(is_allowed_name(good), "{good}");
        }
        for bad in [
            "",
            "a b",
            "a:b",
            "ä",
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
            assert!(!is_allowed_name(bad), "{bad:?}");
        }
        assert!(is_allowed_value("Bearer a b") && is_allowed_value(""));
        for bad in ["a\r\nb", "\u{0}", "é", " a", "a ", &"x".repeat(MAX_VALUE + 1)] {
            assert!(!is_allowed_value(bad), "{bad:?}");
        }
    }
}
