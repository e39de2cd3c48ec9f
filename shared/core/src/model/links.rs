//! The `Link` header of a message (section 5; RFC 8288).

use serde::{Deserialize, Serialize};
use url::Url;

/// Links that a publisher gave with an event. Each is an absolute http(s) URL of at most 2,048 characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// The object, for people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub canonical: Option<String>,
    /// The object, in the API.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resource: Option<String>,
    /// Something that belongs to it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub related: Option<String>,
}

/// True for a link that a publisher may give.
#[must_use]
pub fn is_acceptable(link: &str) -> bool {
    link.chars().count() <= 2048
        && !link.contains(char::is_control)
        && Url::parse(link).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        && link.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_absolute_and_clean() {
        assert!(is_acceptable("https://example.com/a"));
        for bad in ["", "/a", "ftp://a", "https:a", "https://a/\r\nX: y", "javascript:alert(1)"] {
            assert!(!is_acceptable(bad), "{bad:?}");
        }
    }
}
