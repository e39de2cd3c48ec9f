//! Which pages may embed the console.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// A source of the directive `frame-ancestors` (CSP 3): `self`, or the origin of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameAncestor(String);

impl FrameAncestor {
    /// What the directive holds for these sources.
    #[must_use]
    pub fn directive(sources: &[Self]) -> String {
        match sources {
            [] => "'none'".to_owned(),
            sources => sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        }
    }
}

impl fmt::Display for FrameAncestor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for FrameAncestor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "self" {
            return Ok(Self("'self'".to_owned()));
        }
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let origin = url.map(|url| url.origin().ascii_serialization());
        match origin {
            Some(origin) if origin == text.trim_end_matches('/').to_ascii_lowercase() => Ok(Self(origin)),
            _ => Err("must be self or an origin, for instance https://portal.example.com"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_and_the_word_self_are_accepted() {
        let parsed = ["self", "https://portal.example.com", "http://127.0.0.1:3000/"].map(|text| text.parse().unwrap());
        assert_eq!(FrameAncestor::directive(&parsed), "'self' https://portal.example.com http://127.0.0.1:3000");
        assert_eq!(FrameAncestor::directive(&[]), "'none'");
        for bad in
            ["", "*", "'self'", "portal.example.com", "https://a/x", "https://a; script-src *", "https://u@a", "data:"]
        {
            assert!(bad.parse::<FrameAncestor>().is_err(), "{bad}");
        }
    }
}
