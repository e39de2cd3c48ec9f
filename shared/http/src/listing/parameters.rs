//! The parameters of a query string, in order.

use percent_encoding::percent_decode;

/// Decoded parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct QueryParameters(Vec<(String, String)>);

impl QueryParameters {
    /// Parses a query string. A `+` is a space, invalid UTF-8 is replaced, and a parameter without `=` is empty.
    pub(crate) fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decode(k), decode(v))).collect(),
        )
    }

    /// The value of a parameter; the last one if it is repeated.
    pub(crate) fn last(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that counts as absent if it is empty.
    pub(crate) fn non_empty(&self, name: &str) -> Option<&str> {
        self.last(name).filter(|value| !value.is_empty())
    }

    /// All parameters.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Decodes one name or value of a query.
pub(crate) fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode(spaced.as_bytes()).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        let parameters = QueryParameters::parse("a=1&&b=x+y%2B%C3%A9&c&a=2&d=>=1&%61=3&e=%ff");
        let all: Vec<_> = parameters.iter().collect();
        assert_eq!(
            all,
            [("a", "1"), ("b", "x y+é"), ("c", ""), ("a", "2"), ("d", ">=1"), ("a", "3"), ("e", "\u{fffd}")]
        );
        assert_eq!((parameters.last("a"), parameters.last("z")), (Some("3"), None));
    }
}
